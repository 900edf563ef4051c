import FoundationEssentials
import Testing
import Wire

@Suite struct JSONTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808", "1.5", "-0.25", #""""#,
        #""text""#, "[]", "{}", "[1,[2,[3]]]", #"{"a":{"b":null},"c":[true,"x"]}"#, #""\\\"\n\r\t""#,
        #""\u0000\u0001\u001f""#, #""é 漢 🛰""#, #"{"":1,"\n":2,"a b":3}"#,
    ])
    func `what is read is written as it was`(text: String) throws {
        #expect(try JSON(parsing: text).text == text)
    }

    @Test(arguments: [
        (" [ 1 , 2 ]\n", "[1,2]"), (#"{"b":1,"a":2}"#, #"{"a":2,"b":1}"#), (#""\u0041\/\b\f""#, #""A/\u0008\u000c""#),
        (#""\ud83d\udef0""#, #""🛰""#), ("1E2", "100.0"), ("1.0", "1.0"), ("-0", "0"), ("1e300", "1e+300"),
        ("\"\u{7f}\"", "\"\u{7f}\""),
    ])
    func `equal values have equal texts`(text: String, written: String) throws {
        #expect(try JSON(parsing: text).text == written)
    }

    @Test func `whole numbers keep all 64 bits`() throws {
        #expect(try JSON(parsing: "9007199254740993").int == 9_007_199_254_740_993)
        #expect(try JSON(parsing: "9223372036854775807").int == .max)
        #expect(try JSON(parsing: "2.0").int == nil)
        #expect(try JSON(parsing: "2").double == 2)
        #expect(try JSON(parsing: "true").int == nil)
        #expect(throws: JSONSyntaxError.self) { try JSON(parsing: "9223372036854775808") }
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "\"a", "\"\n\"", "\"\\x\"", "01", "+1", ".5", "1.", "NaN",
        "Infinity", "nul", "[1] 2", "{} {}", "/* */ 1", "1e999", #"{"a":1,"a":2}"#, #"{"a":{"b":1,"b":1}}"#,
        #""\ud800""#, "\u{feff}1",
    ])
    func `what is no JSON text is an error with its line`(text: String) {
        let error = #expect(throws: JSONSyntaxError.self) { try JSON(parsing: text) }
        #expect(error?.description.hasPrefix("line ") == true)
    }

    @Test func `bytes that are no UTF-8 are an error, and so is nesting without end`() {
        for bytes in [[0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]] as [[UInt8]] {
            #expect(throws: JSONSyntaxError.self) { try JSON(parsing: bytes) }
        }
        #expect(throws: JSONSyntaxError.self) {
            try JSON(parsing: [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000))
        }
        let deep = String(repeating: "[", count: 2_000) + String(repeating: "]", count: 2_000)
        #expect((try? JSON(parsing: deep).text) == deep)
    }

    @Test func `the line of an error is counted from 1`() {
        #expect(throws: JSONSyntaxError.self) { try JSON(parsing: "{\n\"a\":\n}") }
        let error = #expect(throws: JSONSyntaxError.self) { try JSON(parsing: "{\n\"a\":\n}") }
        #expect(error?.line == 3)
    }

    @Test func `members are read and written, and null is none`() {
        var value: JSON = ["a": 1, "b": ["c": "x"], "n": .null, "list": [1, 2]]
        #expect(value["a"]?.int == 1)
        #expect(value["b"]?["c"]?.string == "x")
        #expect(value["n"] == nil)
        #expect(value["list"]?[1] == 2)
        #expect(value["list"]?[2] == nil)
        #expect(value["list"]?[-1] == nil)
        #expect(value["a"]?["x"] == nil)
        value["a"] = nil
        value["b"]?["c"] = true
        value["d"] = 2.5
        #expect(value == ["b": ["c": true], "n": .null, "list": [1, 2], "d": 2.5])
        var text: JSON = "text"
        text["a"] = 1
        #expect(text == "text", "what is no object has no members")
        let absent: JSON? = nil
        #expect(JSON.object(compacting: ["a": absent, "b": 1]) == ["b": 1])
    }

    @Test func `a condition with nil gives no null`() {
        func member(_ isThere: Bool) -> JSON? { isThere ? ["a": 1] : nil }
        #expect(member(false) == nil)
    }

    @Test func `numbers that JSON cannot say are null`() {
        #expect(JSON.double(.infinity).text == "null")
        #expect(JSON.array([.double(.nan), .double(-.infinity)]).text == "[null,null]")
    }

    @Test func `text for people has a line for each value and reads back`() throws {
        let value: JSON = ["a": [1, ["b": "x"]], "empty": [], "none": [:]]
        #expect(
            value.prettyText == """
                {
                  "a": [
                    1,
                    {
                      "b": "x"
                    }
                  ],
                  "empty": [],
                  "none": {}
                }
                """)
        #expect(try JSON(parsing: value.prettyText) == value)
    }

    @Test(arguments: [
        "null", "true", "0", "1", "9223372036854775807", "-9223372036854775808", "1.5", "1e+300", #""x\u0000""#,
        #"{"a":[1,2.5,null,{"b":false}],"true":true}"#,
    ])
    func `values survive where states are kept`(text: String) throws {
        let value = try JSON(parsing: text)
        let data = try JSONEncoder().encode([value])
        #expect(try JSONDecoder().decode([JSON].self, from: data) == [value])
    }

    @Test func `random values are read as they were written`() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let value = JSON.random(depth: 4, using: &random)
            #expect(try JSON(parsing: value.bytes) == value)
            #expect(try JSON(parsing: value.prettyText) == value)
        }
    }
}

extension JSON {
    fileprivate static func random(depth: Int, using random: inout some RandomNumberGenerator) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return .int(.random(in: .min ... .max, using: &random))
        case 3: return .double(Double(Int64.random(in: -1_000_000...1_000_000, using: &random)) / 1_024)
        case 4: return .string(text(using: &random))
        case 5:
            return .array(
                (0..<Int.random(in: 0..<4, using: &random)).map { _ in .random(depth: depth - 1, using: &random) })
        default:
            let members = (0..<Int.random(in: 0..<4, using: &random)).map { _ in
                (text(using: &random), JSON.random(depth: depth - 1, using: &random))
            }
            return .object(Dictionary(members, uniquingKeysWith: { first, _ in first }))
        }
    }

    private static func text(using random: inout some RandomNumberGenerator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0..<8, using: &random) {
            let value = UInt32.random(in: 0..<0x2_0000, using: &random)
            if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
        }
        return text
    }
}
