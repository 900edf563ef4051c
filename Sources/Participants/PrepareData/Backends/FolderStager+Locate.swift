internal import ExecutionModel

extension FolderStager {
    /// See `DataStager.locate`; blocks, though only for looking whether the replicas are there.
    func locateNow(_ data: [DataIdentifier]) throws -> Replicas {
        let known = try catalogue.load()
        var replicas = Replicas(replicas: [], unknown: [])
        for did in data {
            if let entry = known.entry(did), let files = known.files(of: entry) {
                replicas.replicas.append(locate(entry, files))
            } else {
                replicas.unknown.append(did)
            }
        }
        return replicas
    }

    private func locate(_ entry: Catalogue.Entry, _ files: [Catalogue.File]) -> Replicas.Entry {
        var common: Set<String>?
        var isLocal = true
        var seconds: Double? = 0
        var copied: (bytes: Int64, seconds: Double) = (0, 0)
        for file in files {
            let available = replicas(of: file).filter(\.isThere)
            let names = Set(available.map(\.storage.name))
            common = common.map { $0.intersection(names) } ?? names
            let best = available.first
            if best?.storage.isLocal != true { isLocal = false }
            guard let best, let rate = rate(of: best.storage) else {
                seconds = nil
                continue
            }
            let needed = Double(file.bytes) / Double(rate)
            seconds = seconds.map { $0 + needed }
            if !best.storage.isLocal { copied = (copied.bytes + file.bytes, copied.seconds + needed) }
        }
        var adler32: String?
        if case .file(let file) = entry { adler32 = file.adler32.description }
        return Replicas.Entry(
            did: entry.did, bytes: files.reduce(0) { $0 + $1.bytes }, files: Int64(files.count), adler32: adler32,
            rses: (common ?? []).sorted(), local: isLocal,
            bytesPerSecond: copied.seconds > 0 ? Int64(Double(copied.bytes) / copied.seconds) : nil,
            // What is here already is linked. It takes no copy, and is read once to verify it.
            seconds: isLocal && localData == .linked ? 0 : seconds)
    }
}
