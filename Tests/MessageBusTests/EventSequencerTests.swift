import MessageBus
import TestSupport
import Testing
import Wire

@Suite struct EventSequencerTests {
    typealias Step = EventSequencer<Int64>.Step
    private let now = Timestamp(microseconds: 0)

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var start = EventSequencer<Int64>.Start.first
        let given: [Int64]
        let passed: [Int64]
        var held = 0

        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "in order", given: [1, 2, 3], passed: [1, 2, 3]),
        Case(name: "each twice", given: [1, 1, 2, 1, 2, 3, 3], passed: [1, 2, 3]),
        Case(name: "backwards", given: [3, 2, 1], passed: [1, 2, 3]),
        Case(name: "one is missing", given: [1, 3, 4], passed: [1], held: 2),
        Case(name: "held twice", given: [3, 3, 2, 2], passed: [], held: 2),
        Case(name: "the first is missing", given: [2, 3], passed: [], held: 2),
        Case(name: "from anywhere", start: .anywhere, given: [7, 9, 8, 6], passed: [7, 8, 9]),
        Case(name: "the last number there is", start: .anywhere, given: [.max - 1, .max], passed: [.max - 1, .max]),
        Case(name: "numbers that are none", given: [0, -1, 1], passed: [1]),
    ]

    @Test(arguments: cases) func `what comes passes once and in order`(_ example: Case) {
        var sequencer = EventSequencer<Int64>(start: example.start)
        let steps = example.given.flatMap { sequencer.take($0, of: "s", sequence: $0, at: now) }
        #expect(steps == example.passed.map(Step.event))
        #expect(sequencer.heldCount == example.held)
        #expect((sequencer.nextRelease != nil) == (example.held > 0))
    }

    @Test func `a number that does not come is told as a gap after the patience, and is late then`() {
        var sequencer = EventSequencer<Int64>(start: .first, patience: .seconds(10))
        for number in [1, 4, 5, 8] as [Int64] { _ = sequencer.take(number, of: "s", sequence: number, at: now) }
        #expect(sequencer.nextRelease == now + .seconds(10))
        #expect(sequencer.release(at: now + .seconds(9)) == [])
        #expect(
            sequencer.release(at: now + .seconds(10)) == [.gap(subject: "s", missing: 2...3), .event(4), .event(5)])
        #expect(sequencer.take(2, of: "s", sequence: 2, at: now + .seconds(11)) == [])
        // The next gap has a patience of its own.
        #expect(sequencer.nextRelease == now + .seconds(20))
        #expect(sequencer.release(at: now + .seconds(20)) == [.gap(subject: "s", missing: 6...7), .event(8)])
        #expect(sequencer.nextRelease == nil)
    }

    @Test func `a subject waits for itself alone`() {
        var sequencer = EventSequencer<Int64>(start: .first)
        #expect(sequencer.take(2, of: "a", sequence: 2, at: now) == [])
        #expect(sequencer.take(1, of: "b", sequence: 1, at: now) == [.event(1)])
        #expect(sequencer.take(1, of: "a", sequence: 1, at: now) == [.event(1), .event(2)])
    }

    @Test func `where there is no room, what has waited longest is waited for no longer`() {
        var sequencer = EventSequencer<Int64>(start: .first, room: 2)
        _ = sequencer.take(2, of: "a", sequence: 2, at: now)
        _ = sequencer.take(3, of: "b", sequence: 3, at: now + .seconds(1))
        #expect(
            sequencer.take(5, of: "b", sequence: 5, at: now + .seconds(2)) == [
                .gap(subject: "a", missing: 1...1), .event(2),
            ])
        #expect(sequencer.heldCount == 2)
    }

    @Test func `of subjects not heard of for longest the number is forgotten`() {
        var sequencer = EventSequencer<Int64>(subjects: 8)
        for subject in 0..<9 { _ = sequencer.take(5, of: "\(subject)", sequence: 5, at: now) }
        #expect(sequencer.take(5, of: "8", sequence: 5, at: now) == [], "known")
        #expect(sequencer.take(5, of: "0", sequence: 5, at: now) == [.event(5)], "begins anew")
    }

    /// Events of several subjects, each at most a few places from where it belongs, some twice, some never.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func `in generated histories nothing passes twice, out of order, or unnoticed`(
        _ seed: UInt64
    ) {
        var random = SeededGenerator(seed: seed)
        var sent: [(subject: String, number: Int64)] = []
        var lost: [String: Set<Int64>] = [:]
        for subject in ["a", "b", "c"] {
            for number in 1...Int64.random(in: 1...40, using: &random) {
                let copies = Int.random(in: 0...9, using: &random)
                if copies == 0 { lost[subject, default: []].insert(number) }
                for _ in 0..<(copies == 9 ? 2 : min(copies, 1)) { sent.append((subject, number)) }
            }
        }
        let order = sent.indices.map { (Int64($0) + Int64.random(in: 0...12, using: &random), $0) }.sorted { $0 < $1 }
        var sequencer = EventSequencer<String>(start: .first, patience: .seconds(60))
        var time = now
        var steps: [EventSequencer<String>.Step] = []
        for (_, index) in order {
            time = time + .milliseconds(100)
            let event = sent[index]
            steps += sequencer.take(
                "\(event.subject)\(event.number)", of: event.subject, sequence: event.number, at: time)
            steps += sequencer.release(at: time)
        }
        while let next = sequencer.nextRelease { steps += sequencer.release(at: next) }
        #expect(sequencer.heldCount == 0)
        for subject in ["a", "b", "c"] {
            let numbers = sent.filter { $0.subject == subject }.map(\.number)
            guard let last = numbers.max() else { continue }
            var told: Set<Int64> = []
            var passed: [String] = []
            for step in steps {
                switch step {
                case .event(let event): if event.hasPrefix(subject) { passed.append(event) }
                case .gap(subject: subject, let missing): told.formUnion(missing)
                case .gap: break
                }
            }
            let missing = lost[subject, default: []].filter { $0 < last }
            #expect(passed == (1...last).filter { !missing.contains($0) }.map { "\(subject)\($0)" })
            #expect(told == missing)
        }
    }
}
