internal import TestSupport

/// Something that is broken at one moment of a soak.
package struct Fault: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// SIGKILL; `up` starts the worker again.
        case kill(String)
        /// SIGTERM, or two of them: the worker drains, or stops at once; `up` starts it again.
        case stop(String, twice: Bool)
        /// SIGSTOP for so many seconds, longer than its connection's heartbeat is borne.
        case freeze(String, seconds: Int)
        /// SIGKILL of RabbitMQ's node; `up` starts it again.
        case killRabbitMQ
        /// The connections of one client are cut, after so many bytes more.
        case cutClient(Int, bytes: Int)
        /// RabbitMQ closes the connections of all workers and clients.
        case dropConnections
        /// RabbitMQ finds its memory, or its disk, full for so many seconds and takes nothing from anybody.
        case alarm(Resource, seconds: Int)
        /// Every write of a worker's store to the disk takes so much longer, for so many seconds.
        case slowStore(String, milliseconds: Int, seconds: Int)
    }

    package enum Resource: String, Sendable, Hashable { case memory, disk }

    /// Milliseconds after the beginning.
    package let time: Int
    package let kind: Kind

    package init(at time: Int, _ kind: Kind) { (self.time, self.kind) = (time, kind) }
}

extension Fault.Kind {
    /// The kind in a word, for counts.
    package var word: String {
        switch self {
        case .kill: "workers killed"
        case .stop: "workers told to stop"
        case .freeze: "workers frozen"
        case .killRabbitMQ: "RabbitMQ killed"
        case .cutClient: "clients cut off"
        case .dropConnections: "all connections dropped"
        case .alarm(let resource, _): "\(resource.rawValue) alarms"
        case .slowStore: "slow stores"
        }
    }
}

extension Fault: CustomStringConvertible {
    package var description: String {
        let what =
            switch kind {
            case .kill(let worker): "kills \(worker)"
            case .stop(let worker, let twice): "tells \(worker) to stop" + (twice ? ", twice" : "")
            case .freeze(let worker, let seconds): "freezes \(worker) for \(seconds) s"
            case .killRabbitMQ: "kills RabbitMQ"
            case .cutClient(let client, let bytes): "cuts client \(client) off after \(bytes) bytes"
            case .dropConnections: "drops all connections"
            case .alarm(let resource, let seconds): "\(resource.rawValue) alarm for \(seconds) s"
            case .slowStore(let worker, let delay, let seconds): "\(worker) writes \(delay) ms slower for \(seconds) s"
            }
        return "\(time / 1_000).\(time / 100 % 10) s: \(what)"
    }
}

/// What is broken when: the same for the same seed.
package enum Schedule {
    /// How many kinds of faults there are, told apart by their words.
    package static let kinds = 9
    /// RabbitMQ is not started again after more than six ends within a minute each; and so that work goes on in between.
    private static let betweenKillsOfRabbitMQ = 65_000
    private static let betweenAlarms = 20_000
    private static let betweenFreezes = 25_000

    /// - Parameters:
    ///   - seconds: how long faults happen.
    ///   - workers: the addresses of all workers.
    ///   - clients: how many clients there are.
    package static func make(seed: UInt64, seconds: Int, workers: [String], clients: Int) -> [Fault] {
        var random = SeededGenerator(seed: seed)
        // Each kind comes, even in a short run; RabbitMQ's own death neither at the very beginning nor at the end.
        var first = (0..<kinds).shuffled(using: &random)
        var last: [Int: Int] = [:]
        var faults: [Fault] = []
        var time = 3_000
        while time < seconds * 1_000 {
            let wanted = first.first ?? draw(&random)
            if let pause = pauses[wanted], let before = last[wanted], time - before < pause {
                faults.append(Fault(at: time, kind(0, workers, clients, &random)))
            } else {
                last[wanted] = time
                if !first.isEmpty { first.removeFirst() }
                faults.append(Fault(at: time, kind(wanted, workers, clients, &random)))
            }
            time += 1_500 + random.next(below: 5_000)
        }
        return faults
    }

    private static let pauses = [
        1: betweenFreezes, 2: betweenKillsOfRabbitMQ, 5: betweenAlarms, 6: betweenAlarms,
    ]

    /// Most are kills of workers.
    private static func draw(_ random: inout SeededGenerator) -> Int {
        switch random.next(below: 20) {
        case 0..<8: 0
        case 8, 9: 8
        case 10: 1
        case 11: 2
        case 12, 13: 3
        case 14: 4
        case 15: 5
        case 16: 6
        default: 7
        }
    }

    private static func kind(
        _ number: Int, _ workers: [String], _ clients: Int, _ random: inout SeededGenerator
    ) -> Fault.Kind {
        let worker = workers.randomElement(using: &random) ?? ""
        return switch number {
        case 1: .freeze(worker, seconds: 32 + random.next(below: 8))
        case 2: .killRabbitMQ
        case 3: .cutClient(random.next(below: max(1, clients)), bytes: random.next(below: 3_000))
        case 4: .dropConnections
        case 5: .alarm(.memory, seconds: 3 + random.next(below: 6))
        case 6: .alarm(.disk, seconds: 3 + random.next(below: 6))
        case 7:
            .slowStore(worker, milliseconds: 100 + random.next(below: 1_500), seconds: 4 + random.next(below: 8))
        case 8: .stop(worker, twice: random.next(below: 3) == 0)
        default: .kill(worker)
        }
    }
}
