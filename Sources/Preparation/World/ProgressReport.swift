package import ExecutionModel

/// Counts what is done and reports it, about once for each mebibyte and at the end. What is done never grows less.
package final class ProgressReport {
    private let total: Int64
    private let report: (TaskProgress) -> Void
    /// Bytes of the files that are finished.
    private var finished: Int64 = 0
    private var done: Int64 = 0
    private var reported: Int64 = -1

    package init(total: Int64, _ report: @escaping (TaskProgress) -> Void) {
        self.total = total
        self.report = report
        advance(to: 0)
    }

    /// So many bytes of the file at hand are done; a file that is read twice counts once.
    package func within(_ bytes: Int64) { advance(to: finished + bytes) }

    /// The file at hand is done.
    package func finish(_ bytes: Int64) {
        finished += bytes
        advance(to: finished)
    }

    private func advance(to value: Int64) {
        done = max(done, min(value, total))
        guard reported < 0 || done - reported >= 1 << 20 || (done == total && reported < total) else { return }
        reported = done
        report(TaskProgress(done: done, total: total))
    }
}
