internal import Synchronization
internal import Wire

/// Runs activities beside the loop: one after another within a lane, lanes side by side.
final class ActivityBoard: Sendable {
    private struct Contents {
        var lanes: [String: [Activity]] = [:]
        var running: [String: Task<Void, Never>] = [:]
        var cancelled: Set<String> = []
        var finals: [ActivityReport] = []
        var progress: [String: ActivityReport] = [:]
        var lastProgress: [String: ContinuousClock.Instant] = [:]
        var isDraining = false
    }

    private let contents = Mutex(Contents())
    private let performer: any Performer
    private let wake: @Sendable () -> Void
    private let faults: FaultPoints

    /// Progress is passed on this often at most.
    private static let progressInterval = Duration.milliseconds(250)

    init(performer: any Performer, faults: FaultPoints, wake: @escaping @Sendable () -> Void) {
        self.performer = performer
        self.faults = faults
        self.wake = wake
    }

    /// How many activities are running.
    var count: Int { contents.withLock { $0.running.count } }

    func carryOut(_ command: Decision.ActivityCommand) {
        switch command {
        case .start(let activity): start(activity)
        case .cancel(let id): cancel(id)
        }
    }

    /// Takes the reports that wait.
    func takeReports() -> [ActivityReport] {
        contents.withLock { contents in
            let reports = Array(contents.progress.values) + contents.finals
            contents.progress = [:]
            contents.finals = []
            return reports
        }
    }

    /// Stops all activities without a report: they will be performed again at the next start.
    func drain() async {
        let tasks = contents.withLock { contents in
            contents.isDraining = true
            contents.lanes = contents.lanes.mapValues { Array($0.prefix(1)) }
            return Array(contents.running.values)
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    private func start(_ activity: Activity) {
        let runsNow = contents.withLock { contents in
            // It is on the board already, where it was written by another replica and is told of twice.
            let isKnown =
                contents.lanes[activity.lane]?.contains { $0.id == activity.id } ?? false
                || contents.finals.contains { $0.activity.id == activity.id }
            if isKnown { return false }
            contents.lanes[activity.lane, default: []].append(activity)
            return contents.lanes[activity.lane]?.count == 1
        }
        if runsNow { run(activity) }
    }

    private func run(_ activity: Activity) {
        contents.withLock { contents in
            guard !contents.isDraining else { return }
            contents.running[activity.id] = Task { await self.perform(activity) }
            if contents.cancelled.contains(activity.id) { contents.running[activity.id]?.cancel() }
        }
    }

    private func perform(_ activity: Activity) async {
        faults.reach(.activityBegun, [activity.name])
        let outcome: ActivityReport.Outcome
        do {
            outcome = .completed(try await performer.perform(activity) { self.note($0, of: activity) })
        } catch let failure as ActivityFailure {
            outcome = .failed(failure.description)
        } catch {
            outcome = .failed("\(error)")
        }
        faults.reach(.activityEnded, [activity.name])
        finish(activity, outcome)
    }

    private func note(_ progress: JSON, of activity: Activity) {
        faults.reach(.duringActivity, [activity.name])
        let now = ContinuousClock.now
        let isNews = contents.withLock { contents in
            guard contents.running[activity.id] != nil, !contents.isDraining else { return false }
            contents.progress[activity.id] = ActivityReport(activity: activity, outcome: .progress(progress))
            if let last = contents.lastProgress[activity.id], now - last < Self.progressInterval { return false }
            contents.lastProgress[activity.id] = now
            return true
        }
        if isNews { wake() }
    }

    private func finish(_ activity: Activity, _ outcome: ActivityReport.Outcome) {
        let next: Activity? = contents.withLock { contents in
            contents.running[activity.id] = nil
            contents.progress[activity.id] = nil
            contents.lastProgress[activity.id] = nil
            let wasCancelled = contents.cancelled.remove(activity.id) != nil
            // Cancelled by the drain and not by a decision: it says nothing, and is performed again at the next start.
            if contents.isDraining && !wasCancelled { return nil }
            let isFailure = if case .failed = outcome { true } else { false }
            let final: ActivityReport.Outcome = wasCancelled && isFailure ? .cancelled : outcome
            contents.finals.append(ActivityReport(activity: activity, outcome: final))
            contents.lanes[activity.lane]?.removeFirst()
            if contents.lanes[activity.lane]?.isEmpty == true { contents.lanes[activity.lane] = nil }
            return contents.lanes[activity.lane]?.first
        }
        wake()
        if let next { run(next) }
    }

    private func cancel(_ id: String) {
        let wasQueued = contents.withLock { contents in
            if let task = contents.running[id] {
                contents.cancelled.insert(id)
                task.cancel()
                return false
            }
            for (lane, activities) in contents.lanes {
                guard let index = activities.firstIndex(where: { $0.id == id }) else { continue }
                if index == 0 {
                    contents.cancelled.insert(id)
                    return false
                }
                contents.lanes[lane]?.remove(at: index)
                contents.finals.append(ActivityReport(activity: activities[index], outcome: .cancelled))
                return true
            }
            return false
        }
        if wasQueued { wake() }
    }
}
