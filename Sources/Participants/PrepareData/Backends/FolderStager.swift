package import ExecutionModel
internal import Files
package import Preparation
internal import Processes
internal import Synchronization
internal import Wire

/// Brings data from storage folders.
package final class FolderStager: DataStager {
    /// What is done with a replica that lies at this site already.
    package enum LocalData: String, Sendable, Hashable, CaseIterable {
        /// It gets a second name in the session's area. A session that may write there could then write the replica:
        /// `data` must be mounted read-only. Where the file system cannot do it, the replica is copied.
        case linked
        /// It is copied.
        case copied
    }

    private struct Rates {
        /// Bytes a second, by storage.
        var known: [String: Int64] = [:]
        var isMeasuring = false
        var lastMeasured: ContinuousClock.Instant?
    }

    let catalogue: CatalogueFile
    let storages: [StorageFolder]
    let localData: LocalData
    private let meter: RateMeter
    private let throttles: [String: Throttle]
    private let rates = Mutex(Rates())

    /// - Parameters:
    ///   - storages: those that this site can reach.
    ///   - state: a folder in the file system of the areas, for measuring.
    package init(catalogue: CatalogueFile, storages: [StorageFolder], state: String, localData: LocalData = .linked) {
        self.catalogue = catalogue
        self.storages = storages
        self.localData = localData
        meter = RateMeter(target: state)
        throttles = storages.reduce(into: [:]) { $0[$1.name] = $1.limit.map(Throttle.init) }
    }

    /// Reads a site's configuration: `storage`, `catalogue` and `state`. What is missing or wrong is `invalid`.
    package convenience init(site: SiteFile) throws {
        let storages = StorageFolder.read(site)
        let path = site.path("catalogue", required: true)
        try site.reader.finish()
        self.init(catalogue: try CatalogueFile(path ?? ""), storages: storages, state: site.state)
    }

    // MARK: DataStager

    package func locate(_ data: [DataIdentifier]) async throws -> Replicas {
        measureMissing()
        return try await BlockingWork.run { [self] _ in try locateNow(data) }
    }

    package func stage(
        _ items: [PrepareDataCommand.Item], into folder: String,
        progress: @escaping @Sendable (TaskProgress) -> Void
    ) async throws -> PreparedData {
        try await BlockingWork.run { [self] cancellation in
            do {
                return try stageNow(items, into: folder, progress, cancellation)
            } catch let error as FileError {
                throw TaskFailure(error)
            } catch let error as CatalogueError {
                throw TaskFailure(.unavailable, error.description)
            }
        }
    }

    // MARK: Rates

    /// Copies a little from every storage, to learn how fast each is: once, before the first question. Returns bytes a
    /// second by storage; one that cannot be reached is missing, and is tried again when somebody asks. A catalogue that is
    /// not valid is an error here already.
    @discardableResult
    package func measure() async throws -> [String: Int64] {
        try await BlockingWork.run { [self] _ in
            try measureNow()
            return rates.withLock { $0.known }
        }
    }

    private func measureNow() throws {
        let known = try catalogue.load()
        for storage in storages where rate(of: storage) == nil {
            guard let rate = try? meter.measure(storage, throttle(of: storage), known) else { continue }
            rates.withLock { $0.known[storage.name] = rate }
        }
    }

    /// Tries those that could not be reached, beside the question and at most once a minute: the answer must not wait.
    private func measureMissing() {
        let isDue = rates.withLock { rates in
            let isRecent = rates.lastMeasured.map { .now - $0 < .seconds(60) } ?? false
            guard !rates.isMeasuring, !isRecent, storages.contains(where: { rates.known[$0.name] == nil }) else {
                return false
            }
            rates.isMeasuring = true
            return true
        }
        guard isDue else { return }
        Task {
            _ = try? await measure()
            rates.withLock { rates in
                rates.isMeasuring = false
                rates.lastMeasured = .now
            }
        }
    }

    /// Bytes a second that a copy from a storage gets; nil where that is not known.
    func rate(of storage: StorageFolder) -> Int64? { rates.withLock { $0.known[storage.name] } }

    /// What limits copies from a storage, if anything does.
    func throttle(of storage: StorageFolder) -> Throttle? { throttles[storage.name] }

    // MARK: Replicas

    /// Where this site can look for a file, in the order in which it is best had: local ones, then the fastest.
    func replicas(of file: Catalogue.File) -> [Replica] {
        func rank(_ storage: StorageFolder) -> Int64 { storage.isLocal ? .max : rate(of: storage) ?? 0 }
        return storages.filter { file.rses.contains($0.name) }.compactMap { Replica(file: file, storage: $0) }
            .sorted { rank($0.storage) > rank($1.storage) }
    }
}
