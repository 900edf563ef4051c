internal import Files
internal import FoundationEssentials
internal import OCI
internal import Preparation
internal import Processes
internal import Synchronization
internal import Wire

/// How fast images are pulled here: measured with a small one at the start, and then with each real one.
final class PullRate: Sendable {
    private let measured: Mutex<Int64>

    init(bytesPerSecond: Int64) { measured = Mutex(max(1, bytesPerSecond)) }

    var bytesPerSecond: Int64 { measured.withLock { $0 } }

    /// A small image says more of the start than of the rate.
    func learn(_ bytes: Int64, in time: Duration) {
        guard bytes > 4 << 20, time.seconds > 0 else { return }
        measured.withLock { $0 = max(1, Int64(Double(bytes) / time.seconds)) }
    }

    /// Pulls an image of one layer from one folder beside the store into another: 8 MiB that pack to a quarter, as the
    /// programs of an image do.
    static func measure(beside store: ImageStore) async throws -> PullRate {
        let folder = "\(store.path)/.measure"
        do {
            let rate = try await measure(in: folder)
            try await BlockingWork.run { _ in try FileSystem.remove(folder) }
            return rate
        } catch {
            try? await BlockingWork.run { _ in try FileSystem.remove(folder) }
            throw error
        }
    }

    private static func measure(in folder: String) async throws -> PullRate {
        try await BlockingWork.run { _ in
            // What a killed measurement has left.
            try FileSystem.remove(folder)
            try FileSystem.makeFolder("\(folder)/content", mode: 0o700)
            try FileSystem.replace("\(folder)/content/file", with: content(), mode: 0o600)
        }
        let layer = "\(folder)/layer.tar"
        for (program, arguments) in [
            ("tar", ["-C", "\(folder)/content", "-cf", layer, "."]), ("gzip", ["-1", "-k", layer]),
        ] {
            _ = try await run(ProcessSettings(program, arguments), deadline: .seconds(30)).checked()
        }
        return try await BlockingWork.run { _ in
            let registry = try OCILayout(creating: "\(folder)/registry")
            let plain = try registry.write(
                contentsOf: layer, mediaType: "application/vnd.oci.image.layer.v1.tar")
            let packed = try registry.write(
                contentsOf: "\(layer).gz", mediaType: "application/vnd.oci.image.layer.v1.tar+gzip")
            let reference = try OCI.ImageReference(parsing: "measure:1")
            try registry.addImage(
                layers: [packed], configuration: ImageConfiguration(platform: .current, diffIDs: [plain.digest]),
                as: reference)
            let image = try registry.resolve(reference)
            let store = try ImageStore(at: "\(folder)/store")
            let start = ContinuousClock.now
            _ = try store.pull(image, from: registry)
            return PullRate(bytesPerSecond: Int64(Double(image.size) / max(0.001, (.now - start).seconds)))
        }
    }

    /// Two bits of each byte are random. The piece repeats itself beyond the reach of the packer.
    private static func content() -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        let piece = (0..<8_192).flatMap { _ in
            let word = random.next() & 0x0303_0303_0303_0303
            return withUnsafeBytes(of: word) { Array($0) }
        }
        return [UInt8](unsafeUninitializedCapacity: pieces * piece.count) { buffer, count in
            for start in stride(from: 0, to: buffer.count, by: piece.count) {
                UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[start...])
                    .copyBytes(from: piece)
            }
            count = buffer.count
        }
    }

    private static let pieces = 128
}
