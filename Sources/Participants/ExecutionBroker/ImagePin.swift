internal import ExecutionModel
internal import Wire

extension OfferRequest {
    /// The same request with its image named by digest: what is offered is what will run, whatever its tag names later.
    func pinning(_ image: ImageReference, to digest: String) -> OfferRequest {
        var pinned = image
        pinned.digest = digest
        var executable = parts["executable"] ?? [:]
        // Members that nobody here knows are kept.
        let members = (executable["image"]?.object ?? [:]).merging(pinned.json.object ?? [:]) { $1 }
        executable["image"] = .object(members)
        var changed = self
        changed.parts["executable"] = executable
        changed.request.executable.image = pinned
        return changed
    }
}
