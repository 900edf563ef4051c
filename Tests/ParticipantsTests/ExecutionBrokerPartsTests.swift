import ExecutionModel
import MessageBus
import Preparation
import Store
import Testing
import Wire

@testable import ExecutionBroker

@Suite struct ExecutionBrokerPartsTests {
    @Test func `the site's file gives capacity and what is run`() throws {
        let file = try SiteFile(
            [
                "site": "ral", "state": "s", "capacity": ["cores": 8, "memory": 16],
                "executables": ["jupyter-notebook": ["image": "a/b:2"], "terminal": ["image": "c/d:1"]],
            ], folder: "/x")
        let settings = try BrokerSettings(file)
        #expect(settings.cores == 8)
        #expect(settings.memory == 16)
        #expect(settings.executables[.jupyterNotebook]?.locations == ["a/b:2"])
        #expect(settings.abilities.executables == [.jupyterNotebook, .terminal])
        let plain = try SiteFile(
            ["site": "ral", "state": "s", "capacity": ["cores": 8, "memory": 16]], folder: "/x")
        #expect(try BrokerSettings(plain).executables == [.jupyterNotebook: BrokerSettings.notebook])
    }

    @Test func `everything that is wrong with the site's file is told at once`() throws {
        let file = try SiteFile(
            [
                "site": "ral", "state": "s", "capacity": ["cores": 0, "gpus": 1],
                "executables": ["game": [:], "terminal": ["images": "x"]],
            ], folder: "/x")
        let problem = #expect(throws: Problem.self) { try BrokerSettings(file) }
        #expect(
            Set(problem?.errors.map(\.pointer) ?? []) == [
                "/capacity/cores", "/capacity/gpus", "/capacity/memory", "/executables/game",
                "/executables/terminal/images", "/executables/terminal/image",
            ])
    }

    @Test(arguments: [
        (["a", "b/c"], ["a", "b/c"]),
        (["a", "a"], ["1/a", "2/a"]),
        (["a", "a/b"], ["1/a", "2/a/b"]),
        ([String(repeating: "x", count: 300), "a"], ["1/data", "2/a"]),
    ])
    func `each of the data has a place of its own`(names: [String], places: [String]) {
        #expect(DataPlaces(names).paths == places)
    }

    @Test func `correlation ids and names of timers are read as they are written`() throws {
        let session = try #require(SessionID(uuid(1)))
        let offerset = try #require(OfferSetID(uuid(2)))
        let claim = try #require(ClaimID(uuid(3)))
        let all: [Correlation] =
            [
                .data(offerset), .image(offerset), .permission(session, claim), .claim(session, claim),
                .unclaim(session, claim),
            ] + TaskRole.allCases.flatMap { [.task(session, $0), .release(session, $0)] }
        for correlation in all { #expect(Correlation(correlation.text) == correlation) }
        let timers: [BrokerTimer] =
            [.answers(offerset), .unclaim(session, claim)] + SessionTimer.allCases.map { .session(session, $0) }
        for timer in timers { #expect(BrokerTimer(name: timer.name) == timer) }
        for text in [
            "", "session", "session/x/task/canfar", "session/\(session)/task/nobody", "offerset/\(offerset)/x",
        ] {
            #expect(Correlation(text) == nil)
            #expect(BrokerTimer(name: text) == nil || text.hasPrefix("offerset"))
        }
        #expect(Correlation(nil) == nil)
    }

    @Test func `what a refused decision changed in the ledger is taken back`() async throws {
        let store = MemoryStore()
        try await store.transact { transaction in
            let ids = IDSource.random
            var decision = Decision(now: aTuesday, address: "a", store: transaction, ids: ids)
            var ledger = CapacityLedger(cores: 4, memory: 4)
            let first = try #require(SessionID(uuid(1)))
            let second = try #require(SessionID(uuid(2)))
            func booking(_ session: SessionID, cores: Int64) throws -> Booking {
                Booking(
                    session: session, offerset: try #require(OfferSetID(session.description)), cores: cores, memory: 1,
                    from: aTuesday, until: aTuesday + .seconds(10))
            }
            try ledger.hold(booking(first, cores: 1), &decision)
            ledger.begin()
            try ledger.hold(first, until: aTuesday + .seconds(20), &decision)
            ledger.free(first, &decision)
            try ledger.hold(booking(second, cores: 2), &decision)
            ledger.undo()
            #expect(ledger.capacity.count == 1)
            #expect(ledger.capacity.booking(of: first) == (try booking(first, cores: 1)))
            #expect(ledger.capacity.held(at: aTuesday).cores == 1)
        }
    }

    @Test func `an odd case does not spoil what was learned of the start`() {
        var pace = Pace()
        pace.note(.canfar, took: .seconds(3))
        #expect(pace.compute == .seconds(3))
        pace.note(.canfar, took: .seconds(9))
        #expect(pace.compute == .seconds(5))
        pace.note(.harbor, took: .seconds(9))
        #expect(pace.storage == nil)
    }
}
