internal import ExecutionModel
internal import Files
internal import Preparation
internal import Processes

extension FolderStager {
    /// See `DataStager.stage`; blocks.
    func stageNow(
        _ items: [PrepareDataCommand.Item], into path: String,
        _ report: @escaping @Sendable (TaskProgress) -> Void, _ cancellation: BlockingWork.Cancellation
    ) throws -> PreparedData {
        let plan = try StagingPlan(items, try catalogue.load())
        let data = try Folder(below: path)
        let placer = try FilePlacer(
            stager: self, data: data, cancellation: cancellation, progress: ProgressReport(total: plan.bytes, report))
        var linked: Int64 = 0
        do {
            for item in plan.items where try placer.place(item, in: data) { linked += 1 }
        } catch {
            // What is verified and in place stays, to be found there by the next attempt; what is half copied goes.
            _ = try? placer.removeParts(in: data)
            throw error
        }
        try placer.removeParts(in: data)
        // The names become durable, as the bytes already are.
        for parent in plan.parents {
            if let folder = try data.folder(at: parent) { try folder.sync() }
        }
        try data.sync()
        return PreparedData(files: Int64(plan.items.count), bytes: plan.bytes, linked: linked)
    }
}
