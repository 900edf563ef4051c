package import Processes

/// How far a piece of work is.
package struct WorkProgress: Sendable, Hashable {
    /// What is being done, for people and for progress bars.
    package enum Stage: String, Sendable, Hashable {
        /// Blobs are copied and verified.
        case copying
        /// Layers are unpacked.
        case unpacking
    }

    package let stage: Stage
    /// Bytes done, as the blobs are stored; never goes back within a stage.
    package let done: Int64
    /// Bytes in all.
    package let total: Int64

    package init(stage: Stage, done: Int64, total: Int64) {
        self.stage = stage
        self.done = done
        self.total = total
    }
}

/// What a blocking function needs of its caller: whether to stop, and whom to tell how far it is.
package struct WorkContext: Sendable {
    private let cancellation: BlockingWork.Cancellation?
    private let report: @Sendable (WorkProgress) -> Void

    /// - Parameter report: called on the working thread, about once for each mebibyte; it should return at once.
    package init(
        cancellation: BlockingWork.Cancellation? = nil, report: @escaping @Sendable (WorkProgress) -> Void = { _ in }
    ) {
        self.cancellation = cancellation
        self.report = report
    }

    func check() throws { try cancellation?.check() }
    func report(_ stage: WorkProgress.Stage, _ done: Int64, of total: Int64) {
        report(WorkProgress(stage: stage, done: done, total: total))
    }
}
