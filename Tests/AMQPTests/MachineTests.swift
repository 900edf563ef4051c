import Testing

@testable import AMQP

@Suite("Acknowledgements, as a machine")
struct AckWindowTests {
    /// What happens to deliveries 1 to 6, and the frames that tell the broker.
    struct Case: Sendable, CustomTestStringConvertible {
        let acknowledged: [UInt64]
        var rejected: [UInt64] = []
        let frames: [AckWindow.Frame]
        var testDescription: String { "ack \(acknowledged), reject \(rejected)" }
    }

    private static func one(_ tag: UInt64) -> AckWindow.Frame { .init(tag: tag, isMultiple: false) }
    private static func upTo(_ tag: UInt64) -> AckWindow.Frame { .init(tag: tag, isMultiple: true) }

    @Test(arguments: [
        Case(acknowledged: [], frames: []),
        Case(acknowledged: [1], frames: [one(1)]),
        Case(acknowledged: [1, 2, 3, 4, 5, 6], frames: [upTo(6)]),
        Case(acknowledged: [3, 1, 2], frames: [upTo(3)]),
        Case(acknowledged: [2], frames: [one(2)]),
        Case(acknowledged: [1, 2, 4, 6], frames: [upTo(2), one(4), one(6)]),
        // The broker no longer knows 3, so it must not be the tag of a `multiple`.
        Case(acknowledged: [1, 2], rejected: [3], frames: [upTo(2)]),
        Case(acknowledged: [1, 3], rejected: [2], frames: [upTo(3)]),
        Case(acknowledged: [3], rejected: [1, 2], frames: [one(3)]),
        Case(acknowledged: [], rejected: [1, 2, 3], frames: []),
    ])
    func `few frames tell everything, and nothing that is open`(_ test: Case) {
        var window = AckWindow()
        window.deliver(count: 6)
        let rejected = test.rejected.filter { window.reject($0) }
        #expect(rejected == test.rejected)
        let acknowledged = test.acknowledged.filter { window.acknowledge($0) }
        #expect(acknowledged == test.acknowledged)
        let frames = [window.flush(), window.flush()]
        #expect(frames == [test.frames, []])
        #expect(window.open == 6 - test.acknowledged.count - test.rejected.count)
    }

    @Test
    func `a gap that closes later joins what comes after it`() {
        var window = AckWindow()
        window.deliver(count: 4)
        _ = window.acknowledge(2)
        let early = window.flush()
        #expect(early == [.init(tag: 2, isMultiple: false)])
        _ = window.acknowledge(1)
        _ = window.acknowledge(3)
        let late = window.flush()
        #expect(late == [.init(tag: 3, isMultiple: true)])
        #expect(window.firstTag == 4)
    }

    @Test(arguments: [0, 1, 7] as [UInt64])
    func `what is settled already, or was never delivered, is refused`(tag: UInt64) {
        var window = AckWindow()
        window.deliver(count: 6)
        _ = window.acknowledge(1)
        let accepted = [window.acknowledge(tag), window.reject(tag)]
        #expect(accepted == [false, false])
    }

    @Test
    func `any order of settling tells each delivery exactly once`() {
        var generator = SeededGenerator(seed: 42)
        for _ in 0..<300 {
            var window = AckWindow()
            var broker: Set<UInt64> = []
            var delivered: UInt64 = 0
            var open: [UInt64] = []
            for _ in 0..<200 {
                switch Int.random(in: 0..<5, using: &generator) {
                case 0:
                    let count = Int.random(in: 1...7, using: &generator)
                    #expect(window.nextTag == delivered + 1)
                    window.deliver(count: count)
                    for _ in 0..<count {
                        delivered += 1
                        open.append(delivered)
                        broker.insert(delivered)
                    }
                case 1, 2:
                    guard let index = open.indices.randomElement(using: &generator) else { continue }
                    let isNew = window.acknowledge(open.remove(at: index))
                    #expect(isNew)
                case 3:
                    guard let index = open.indices.randomElement(using: &generator) else { continue }
                    let tag = open.remove(at: index)
                    let isNew = window.reject(tag)
                    #expect(isNew)
                    broker.remove(tag)
                default:
                    for frame in window.flush() {
                        #expect(broker.contains(frame.tag), "the broker would close the channel")
                        let told: Set<UInt64> = frame.isMultiple ? broker.filter { $0 <= frame.tag } : [frame.tag]
                        #expect(told.isDisjoint(with: open), "an open delivery was acknowledged")
                        broker.subtract(told)
                    }
                    #expect(broker == Set(open))
                }
            }
        }
    }
}

@Suite("Confirms, as a machine")
struct ConfirmWindowTests {
    final class Owner {}

    private func expect(
        _ reports: [String], _ expected: [String], at location: SourceLocation = #_sourceLocation
    ) {
        #expect(reports == expected, sourceLocation: location)
    }

    private func settle(
        _ window: inout ConfirmWindow<Owner>, _ tag: UInt64, multiple: Bool = false, accepted: Bool = true
    ) -> [String] {
        var settled: [ConfirmWindow<Owner>.Settled] = []
        let isKnown = window.settle(tag, isMultiple: multiple, isAccepted: accepted, into: &settled)
        #expect(isKnown)
        return settled.map { "\($0.range) \($0.outcome.error?.code.description ?? "confirmed")" }
    }

    @Test
    func `one confirm for many is one report for each owner`() {
        let first = Owner()
        let second = Owner()
        var window = ConfirmWindow<Owner>()
        window.append(first, 0..<3)
        window.append(second, 0..<2)
        expect(settle(&window, 4, multiple: true), ["0..<3 confirmed", "0..<1 confirmed"])
        #expect(window.openCount == 1)
        expect(settle(&window, 5), ["1..<2 confirmed"])
        #expect(window.openCount == 0)
    }

    @Test
    func `confirms in any order settle each message once`() {
        let owner = Owner()
        var window = ConfirmWindow<Owner>()
        window.append(owner, 0..<4)
        expect(settle(&window, 3), ["2..<3 confirmed"])
        expect(settle(&window, 3), [])
        expect(settle(&window, 1, accepted: false), ["0..<1 nacked"])
        expect(settle(&window, 0, multiple: true), ["1..<2 confirmed", "3..<4 confirmed"])
        #expect(window.openCount == 0)
    }

    @Test(arguments: [(5, false), (0, false), (9, true)] as [(UInt64, Bool)])
    func `a confirm of what was never published is a fault`(tag: UInt64, isMultiple: Bool) {
        let owner = Owner()
        var window = ConfirmWindow<Owner>()
        window.append(owner, 0..<4)
        var settled: [ConfirmWindow<Owner>.Settled] = []
        let isKnown = window.settle(tag, isMultiple: isMultiple, isAccepted: true, into: &settled)
        #expect(!isKnown)
        #expect(settled.isEmpty)
    }

    @Test
    func `returns find their messages in order, also among twins`() {
        let owner = Owner()
        var window = ConfirmWindow<Owner>()
        window.append(owner, 0..<6)
        // 1, 3 and 5 look alike; the first two come back.
        for _ in 0..<2 {
            let found = window.markReturned(code: 312, text: "NO_ROUTE") { _, index in index % 2 == 1 }
            #expect(found)
        }
        expect(
            settle(&window, 6, multiple: true),
            [
                "0..<1 confirmed", "1..<2 unroutable", "2..<3 confirmed", "3..<4 unroutable", "4..<6 confirmed",
            ])
        let late = window.markReturned(code: 312, text: "NO_ROUTE") { _, _ in true }
        #expect(!late)
    }

    @Test
    func `who gave up waiting is told at once, and the room stays taken until the confirm`() {
        let patient = Owner()
        let impatient = Owner()
        var window = ConfirmWindow<Owner>()
        window.append(impatient, 0..<2)
        window.append(patient, 0..<1)
        #expect(window.oldest === impatient)
        var settled: [ConfirmWindow<Owner>.Settled] = []
        window.abandon(impatient, .nacked, into: &settled)
        #expect(settled.map(\.range) == [0..<1, 1..<2])
        #expect(window.oldest === patient)
        #expect(window.openCount == 3)
        expect(settle(&window, 3, multiple: true), ["0..<1 confirmed"])
        #expect(window.openCount == 0)
    }

    @Test
    func `a lost channel reports all that is open, and tags begin again`() {
        let owner = Owner()
        var window = ConfirmWindow<Owner>()
        window.append(owner, 0..<3)
        _ = settle(&window, 2)
        var settled: [ConfirmWindow<Owner>.Settled] = []
        window.failAll({ _, _ in AMQPError(.connectionLost, "gone") }, into: &settled)
        #expect(settled.map(\.range) == [0..<1, 2..<3])
        window.append(owner, 0..<1)
        expect(settle(&window, 1), ["0..<1 confirmed"])
    }
}

@Suite("Content frames, as a machine")
struct ContentAssemblyTests {
    private let announcement = Announcement(
        kind: .returned(code: 312, text: ""), exchange: "e", routingKey: "k")

    private func body(_ assembly: inout ContentAssembly, _ bytes: [UInt8]) throws -> [UInt8]? {
        try bytes.withUnsafeBytes { try assembly.body($0) }?.body
    }

    @Test
    func `bodies are joined until the announced size is there`() throws {
        var assembly = ContentAssembly()
        try assembly.announce(announcement)
        let header = try assembly.header(bodySize: 5, AMQPProperties(messageID: "m"), limit: 10)
        #expect(header == nil)
        let partial = try body(&assembly, [1, 2])
        #expect(partial == nil)
        #expect(!assembly.isIdle)
        let whole = try body(&assembly, [3, 4, 5])
        #expect(whole == [1, 2, 3, 4, 5])
        #expect(assembly.isIdle)
    }

    @Test
    func `an empty message is complete with its header`() throws {
        var assembly = ContentAssembly()
        try assembly.announce(announcement)
        let content = try assembly.header(bodySize: 0, AMQPProperties(), limit: 10)
        #expect(content?.announcement == announcement)
        #expect(assembly.isIdle)
    }

    enum Step: Sendable { case announce, header, body }

    @Test(
        arguments: [
            [.header], [.body], [.announce, .announce], [.announce, .body], [.announce, .header, .header],
            [.announce, .header, .announce],
        ] as [[Step]])
    func `frames out of turn are a fault`(steps: [Step]) {
        #expect(throws: AMQPError.self) {
            var assembly = ContentAssembly()
            for step in steps {
                switch step {
                case .announce: try assembly.announce(announcement)
                case .header: _ = try assembly.header(bodySize: 5, AMQPProperties(), limit: 10)
                case .body: _ = try body(&assembly, [1])
                }
            }
        }
    }

    @Test
    func `more than announced, and more than allowed, are refused`() throws {
        var assembly = ContentAssembly()
        try assembly.announce(announcement)
        let tooLarge = #expect(throws: AMQPError.self) {
            _ = try assembly.header(bodySize: .max, AMQPProperties(), limit: 10)
        }
        #expect(tooLarge?.code == .tooLarge)
        _ = try assembly.header(bodySize: 1, AMQPProperties(), limit: 10)
        #expect(throws: AMQPError.self) { _ = try body(&assembly, [1, 2]) }
    }
}

@Suite("Pauses before a reconnect")
struct BackoffTests {
    @Test
    func `they double up to the cap, and half of each is chance`() {
        var least = Backoff(base: .milliseconds(100), cap: .seconds(1))
        var most = least
        let shortest = (0..<5).map { _ in least.next(random: 0) }
        #expect(shortest == [50, 100, 200, 400, 500].map { .milliseconds($0) })
        let longest = (0..<5).map { _ in most.next(random: 1) }
        #expect(longest == [100, 200, 400, 800, 1000].map { .milliseconds($0) })
        let later = (0..<100).map { _ in least.next(random: 0) }
        #expect(Set(later) == [.milliseconds(500)])
        least.reset()
        let first = least.next(random: 0)
        #expect(first == .milliseconds(50))
    }
}

/// The same numbers each time, so that a failure can be seen again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

@Suite("Trust in a publishing channel")
struct ConfirmHealthTests {
    private let start = ContinuousClock.now

    @Test
    func `a silent channel is replaced, each time with more patience`() {
        var health = ConfirmHealth()
        health.opened()
        #expect(health.verdict == nil)
        for patience in [2, 4, 8, 16, 32, 32] {
            health.published(at: start)
            health.published(at: start + .seconds(1))
            #expect(health.verdict == start + .seconds(patience))
            health.replaced()
        }
        health.published(at: start)
        health.confirmed()
        #expect(health.verdict == nil)
        health.opened()
        health.published(at: start)
        #expect(health.verdict == start + .seconds(2))
    }

    @Test
    func `a channel that refuses everything is replaced sooner, one that has confirmed never`() {
        var health = ConfirmHealth()
        health.published(at: start)
        health.refused(at: start + .milliseconds(100))
        health.refused(at: start + .milliseconds(900))
        #expect(health.verdict == start + .milliseconds(1100))
        health.confirmed()
        health.refused(at: start)
        #expect(health.verdict == nil)
    }

    @Test
    func `silence means nothing while the broker takes no messages`() {
        var health = ConfirmHealth()
        health.published(at: start)
        health.blocked()
        #expect(health.verdict == nil)
    }
}
