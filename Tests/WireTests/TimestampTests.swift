import FoundationEssentials
import Testing
import Wire

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-24T10:00:02Z", 1_795_514_402_000_000),
            ("2026-11-24T10:00:02.500Z", 1_795_514_402_500_000), ("2026-11-24T10:00:02.000001Z", 1_795_514_402_000_001),
            ("2024-02-29T23:59:59.999999Z", 1_709_251_199_999_999), ("2000-02-29T00:00:00Z", 951_782_400_000_000),
            ("1969-12-31T23:59:59.500Z", -500_000), ("1900-03-01T00:00:00Z", -2_203_891_200_000_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000_000), ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ] as [(String, Int64)])
    func `an instant is read and written as RFC 3339 in UTC`(text: String, microseconds: Int64) {
        #expect(Timestamp(text)?.microseconds == microseconds)
        #expect(Timestamp(microseconds: microseconds).description == text)
    }

    @Test(arguments: [
        ("2026-11-24T10:00:02+00:00", "2026-11-24T10:00:02Z"), ("2026-11-24T10:00:02-00:00", "2026-11-24T10:00:02Z"),
        ("2026-11-24T12:30:02+02:30", "2026-11-24T10:00:02Z"), ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00Z"),
        ("2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00Z"), ("2026-11-24t10:00:02z", "2026-11-24T10:00:02Z"),
        ("2026-11-24T10:00:02.5+01:00", "2026-11-24T09:00:02.500Z"),
        ("2026-11-24T10:00:02.1234569Z", "2026-11-24T10:00:02.123456Z"),
        ("2026-11-24T10:00:02.120Z", "2026-11-24T10:00:02.120Z"), ("2026-11-24T10:00:02.000Z", "2026-11-24T10:00:02Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    ])
    func `other spellings of RFC 3339 are read`(text: String, written: String) {
        #expect(Timestamp(text)?.description == written)
    }

    @Test(arguments: [
        "", "now", "2026-11-24", "2026-11-24T10:00:02", "2026-11-24 10:00:02Z", "2026-11-24T10:00Z", "20261124T100002Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-11-00T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T10:60:00Z",
        "2026-11-24T10:00:61Z", "2026-11-24T10:00:60Z", "2026-11-24T10:00:02.Z", "2026-11-24T10:00:02.5",
        "2026-11-24T10:00:02+1", "2026-11-24T10:00:02+0100", "2026-11-24T10:00:02+24:00", "2026-11-24T10:00:02+01:60",
        "2026-11-24T10:00:02ZZ", " 2026-11-24T10:00:02Z", "2026-11-24T10:00:02Z ", "2026-1-24T10:00:02Z",
        "-026-11-24T10:00:02Z", "2026-11-24T10:00:0٢Z", "2026-11-24T10:00:02,5Z", "+2026-11-24T10:00:02Z",
        "12026-11-24T10:00:02Z", "2026-11-24T10.5:00:02Z",
    ])
    func `what is not RFC 3339 is no instant`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func `every day of 800 years is written and read back`() {
        var seen = Timestamp(microseconds: -11_676_096_000_000_000)  // 1600-01-01
        var last = ""
        for _ in 0..<292_194 {
            let text = seen.description
            #expect(text > last)
            if Timestamp(text) != seen { Issue.record("\(text) is read as another instant") }
            last = text
            seen = seen + .seconds(86_400)
        }
        #expect(seen.description == "2400-01-01T00:00:00Z")
    }

    @Test func `arithmetic stays within 64 bits`() {
        let end = Timestamp(microseconds: .max)
        #expect(end + .seconds(1) == end)
        #expect(Timestamp(microseconds: .min) - .seconds(1) == Timestamp(microseconds: .min))
        #expect(end - Timestamp(microseconds: -1) == .microseconds(Int64.max))
        #expect(Timestamp(microseconds: 5) - Timestamp(microseconds: 7) == .microseconds(-2))
        #expect(Timestamp(microseconds: 0) - .seconds(Int64.max) == Timestamp(microseconds: -Int64.max))
        #expect(Timestamp(microseconds: 1) < Timestamp(microseconds: 2))
        #expect(!end.description.isEmpty)
        #expect(!Timestamp(microseconds: .min).description.isEmpty)
    }

    @Test func `the clock says a year of this century`() {
        #expect(Timestamp.now().description.hasPrefix("20"))
    }

    @Test func `states keep it as text`() throws {
        let data = try JSONEncoder().encode([Timestamp(microseconds: 500_000)])
        #expect(String(decoding: data, as: UTF8.self) == #"["1970-01-01T00:00:00.500Z"]"#)
        #expect(try JSONDecoder().decode([Timestamp].self, from: data) == [Timestamp(microseconds: 500_000)])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([Timestamp].self, from: Data(#"["soon"]"#.utf8))
        }
    }

    @Test func `durations are counted in microseconds as far as they reach`() {
        #expect(Duration.milliseconds(1_500).microseconds == 1_500_000)
        #expect(Duration.milliseconds(-1_500).microseconds == -1_500_000)
        #expect(Duration.nanoseconds(999).microseconds == 0)
        #expect(Duration.seconds(Int64.max).microseconds == .max)
        #expect(Duration.seconds(Int64.min).microseconds == .min)
        #expect(Duration.microseconds(Int64.max).microseconds == .max)
        #expect(Duration.milliseconds(250).seconds == 0.25)
    }
}
