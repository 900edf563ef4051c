import FoundationEssentials
import Testing
import Wire

@Suite struct NamesTests {
    @Test(arguments: ["a", "ral", "site-a", "0", "-", String(repeating: "x", count: 32)])
    func `a site's name is 1 to 32 small letters, digits and hyphens`(text: String) throws {
        let site = try #require(SiteName(text))
        #expect(site.description == text)
        let data = try JSONEncoder().encode([site])
        #expect(try JSONDecoder().decode([SiteName].self, from: data) == [site])
    }

    @Test(arguments: [
        "", "any", "global", "Ral", "site_a", "site.a", "site a", "é", "site-a\n", "*", "#",
        String(repeating: "x", count: 33),
    ])
    func `everything else is no site's name`(text: String) {
        #expect(SiteName(text) == nil)
        let data = Data(JSON.array([.string(text)]).bytes)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([SiteName].self, from: data) }
    }

    @Test func `an address names the participant, and its site where it has one`() throws {
        let site = try #require(SiteName("ral"))
        #expect(ParticipantName.executionBroker.address(at: site) == "execution-broker.ral")
        #expect(ParticipantName.permissions.address(at: nil) == "permissions")
        #expect(
            ParticipantName.allCases.filter { !$0.isAtSite }.map(\.rawValue) == [
                "global-execution", "permissions", "workstep-editor",
            ])
        #expect(ParticipantName(rawValue: "prepare-data") == .prepareData)
        #expect(try #require(SiteName("a")) < site)
    }

    @Test(arguments: [
        ("00000000-0000-4000-8000-000000000000", true), ("ABCDEFab-cdef-1234-5678-90abcdef1234", true), ("", false),
        ("00000000-0000-4000-8000-00000000000", false), ("00000000-0000-4000-8000-0000000000000", false),
        ("00000000000040008000000000000000", false), ("{0000000-0000-4000-8000-000000000000}", false),
        ("0000000g-0000-4000-8000-000000000000", false), ("00000000_0000-4000-8000-000000000000", false),
        ("0000000é-0000-4000-8000-00000000000", false), ("０0000000-0000-4000-8000-0000000000", false),
    ])
    func `a UUID has 36 characters in its canonical form`(text: String, isOne: Bool) {
        #expect(isUUID(text) == isOne)
    }
}
