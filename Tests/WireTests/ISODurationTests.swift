import Testing
import Wire

@Suite struct ISODurationTests {
    @Test(
        arguments: [
            ("PT0S", 0), ("PT1S", 1_000_000), ("PT0.5S", 500_000), ("PT1M", 60_000_000), ("PT1H", 3_600_000_000),
            ("PT1H30M", 5_400_000_000), ("P1D", 86_400_000_000), ("P1DT12H", 129_600_000_000),
            ("P10DT1H2M3.000004S", 867_723_000_004), ("PT0.000001S", 1),
        ] as [(String, Int64)])
    func `a duration is read and written`(text: String, microseconds: Int64) {
        #expect(ISODuration.parse(text) == .microseconds(microseconds))
        #expect(ISODuration.format(.microseconds(microseconds)) == text)
    }

    @Test(arguments: [
        ("PT90M", "PT1H30M"), ("P1W", "P7D"), ("PT86400S", "P1D"), ("PT0.50S", "PT0.5S"), ("PT1.5H", "PT1H30M"),
        ("P0D", "PT0S"), ("PT0H0M0S", "PT0S"), ("PT1,5S", "PT1.5S"), ("P0.5D", "PT12H"), ("PT007S", "PT7S"),
    ])
    func `other spellings are read`(text: String, written: String) {
        #expect(ISODuration.parse(text).map(ISODuration.format) == written)
    }

    @Test(arguments: [
        "", "P", "PT", "P1DT", "1H", "PT1", "P1H", "PT1D", "P1Y", "P1M", "PT1X", "PT1S1H", "PT1H1H", "PT-1S", "-PT1S",
        "PT+1S", "PT1.S", "PT.5S", "PT1.5.5S", "PT1e3S", "pt1h", "PTT1H", "P1DT1HT1M", " PT1H", "PT1H ", "PTS",
        "PT99999999999999999S", "PT0x10S", "PT١S", "PT1S5",
    ])
    func `what is no duration of fixed length is none`(text: String) {
        #expect(ISODuration.parse(text) == nil)
    }

    @Test func `less than nothing is written as nothing`() {
        #expect(ISODuration.format(.seconds(-5)) == "PT0S")
    }

    @Test func `what is written is read again`() {
        for _ in 0..<500 {
            let duration = Duration.microseconds(Int64.random(in: 0...3_000_000_000_000_000))
            #expect(ISODuration.parse(ISODuration.format(duration)) == duration)
        }
    }
}
