import Testing
import Wire

@Suite struct JSONReaderTests {
    enum Colour: String, CaseIterable { case red, green }

    @Test func `what is there is read`() throws {
        let reader = JSONReader([
            "text": "x", "empty": "", "whole": 5, "yes": true, "id": "0B0E1F6C-7F3A-4E6B-9C1D-0123456789AB",
            "when": "2026-11-24T10:00:02Z", "long": "PT1H", "site": "site-a", "colour": "red",
            "inner": ["text": "y"], "list": [["text": "z"]], "words": ["a", "b"], "none": .null,
        ])
        #expect(reader.string("empty") == "")
        #expect(reader.text("text") == "x")
        #expect(reader.int("whole", in: 1...5) == 5)
        #expect(reader.bool("yes") == true)
        #expect(reader.uuid("id") == "0b0e1f6c-7f3a-4e6b-9c1d-0123456789ab")
        #expect(reader.timestamp("when")?.description == "2026-11-24T10:00:02Z")
        #expect(reader.duration("long") == .seconds(3_600))
        #expect(reader.site("site")?.description == "site-a")
        #expect(reader.choice("colour", Colour.self) == .red)
        #expect(reader.object("inner")?.text("text") == "y")
        #expect(reader.array("list")?.first?.text("text") == "z")
        #expect(reader.strings("words") == ["a", "b"])
        #expect(reader.string("none") == nil)
        #expect(reader.string("absent") == nil)
        #expect(!reader.hasFaults)
        try reader.finish()
    }

    @Test func `every fault is collected with its place and what is expected there`() {
        let reader = JSONReader([
            "text": "", "whole": 6, "part": 1.5, "yes": "true", "id": "x", "when": "x", "long": "x", "site": "any",
            "colour": "blue", "inner": [1], "list": ["x": 1], "words": ["a", 1],
        ])
        _ = reader.text("text")
        _ = reader.int("whole", in: 1...5)
        _ = reader.int("part")
        _ = reader.bool("yes")
        _ = reader.uuid("id")
        _ = reader.timestamp("when")
        _ = reader.duration("long")
        _ = reader.site("site")
        _ = reader.choice("colour", Colour.self)
        #expect(reader.object("inner") == nil)
        #expect(reader.array("list") == nil)
        _ = reader.strings("words", limit: 2)
        _ = reader.string("absent", required: true)
        let problem = #expect(throws: Problem.self) { try reader.finish() }
        #expect(problem?.kind == .invalid)
        #expect(
            problem?.errors.map { "\($0.pointer) \($0.detail)" } == [
                "/text must be a string that is not empty", "/whole must be a whole number from 1 to 5",
                "/part must be a whole number", "/yes must be true or false", "/id must be a UUID",
                "/when must be an instant as RFC 3339",
                "/long must be a duration as ISO 8601 in weeks, days, hours, minutes and seconds, such as PT1H",
                "/site must be a site's name", "/colour must be one of red, green", "/inner must be an object",
                "/list must be an array of at most 1000", "/words must be an array of strings, at most 2",
                "/absent is required: a string",
            ])
        #expect(problem?.detail == "/text: must be a string that is not empty, and 12 more")
    }

    @Test func `places are JSON pointers, escaped, into objects and arrays`() {
        let reader = JSONReader(["a/b": ["m~n": [["x": 1], 5]]])
        let elements = reader.object("a/b")?.array("m~n")
        _ = elements?[0].string("x")
        _ = elements?[1].string("y")
        _ = elements?[1].string("z")
        elements?[1].fault(nil, "is wrong in itself")
        let problem = #expect(throws: Problem.self) { try reader.finish() }
        #expect(
            problem?.errors.map(\.pointer) == ["/a~1b/m~0n/0/x", "/a~1b/m~0n/1", "/a~1b/m~0n/1"],
            "that it is no object is one fault, however often it is read")
    }

    @Test func `a body that is no object is one fault of the body`() {
        let reader = JSONReader("text")
        _ = reader.string("a", required: true)
        _ = reader.int("b", required: true)
        let problem = #expect(throws: Problem.self) { try reader.finish() }
        #expect(problem?.errors == [.init(pointer: "", detail: "must be an object")])
        #expect(problem?.detail == "the body: must be an object")
    }

    @Test func `an array that is too long is a fault`() {
        let reader = JSONReader(["list": .array(Array(repeating: [:], count: 1_001)), "words": ["a", "b"]])
        #expect(reader.array("list") == nil)
        #expect(reader.strings("words", limit: 1) == nil)
        #expect(reader.hasFaults)
    }
}
