import Soak
import Testing

struct ScheduleTests {
    private static let workers = ["global-execution", "canfar.ral", "canfar.caen"]

    private func schedule(_ seed: UInt64, seconds: Int = 600) -> [Fault] {
        Schedule.make(seed: seed, seconds: seconds, workers: Self.workers, clients: 6)
    }

    @Test func `the same seed gives the same schedule, another seed another`() {
        #expect(schedule(1) == schedule(1))
        #expect(schedule(1) != schedule(2))
    }

    @Test(arguments: 1...20) func `a short run has every kind of fault, in order and in time`(_ seed: UInt64) {
        let faults = schedule(seed, seconds: 90)
        #expect(Set(faults.map(\.kind.word)).count == Schedule.kinds, "\(faults)")
        #expect(faults.map(\.time) == faults.map(\.time).sorted())
        #expect(faults.allSatisfy { (0..<90_000).contains($0.time) })
    }

    @Test(arguments: 1...20) func `RabbitMQ has a minute between two deaths`(_ seed: UInt64) {
        let times = schedule(seed).filter { $0.kind == .killRabbitMQ }.map(\.time)
        #expect(times.count > 1)
        for (before, after) in zip(times, times.dropFirst()) { #expect(after - before >= 60_000) }
    }
}
