internal import Files
internal import ExecutionModel
internal import FoundationEssentials
internal import Preparation
internal import Wire

/// How a session is reached: written down before it starts, so that a restart knows it, in a file for this user alone.
struct SessionAccess: Sendable, Codable {
    var port: UInt16
    /// 128 random bits; known to the session, its owner and the broker.
    var token: String
    /// The path at which the session answers.
    var base: String

    init(port: UInt16, session: SessionID) {
        var random = SystemRandomNumberGenerator()
        let parts: [UInt64] = [random.next(), random.next()]
        self.port = port
        token = parts.map { String(repeating: "0", count: 16 - String($0, radix: 16).count) + String($0, radix: 16) }
            .joined()
        base = "/session/\(session)/"
    }

    /// The URL of a path below the base, with the token or another in its place.
    func url(_ path: String, token other: String? = nil) -> String {
        "http://127.0.0.1:\(port)\(base)\(path)?token=\(other ?? token)"
    }

    /// The text without the token.
    func redact(_ text: String) -> String { text.replacing(token, with: "[token]") }
}

/// The files in which they are kept. All of it blocks.
struct SessionAccessFiles: Sendable {
    let folder: String

    private func path(_ task: TaskID) -> String { "\(folder)/\(task).json" }

    func read(_ task: TaskID) -> SessionAccess? {
        (try? FileSystem.contents(path(task))).flatMap { try? JSONDecoder().decode(SessionAccess.self, from: Data($0)) }
    }

    func write(_ access: SessionAccess, of task: TaskID) throws {
        try FileSystem.makeFolder(folder, mode: 0o700)
        try FileSystem.replace(path(task), with: Array(try JSONEncoder().encode(access)), mode: 0o600)
    }

    func remove(_ task: TaskID) throws { try FileSystem.remove(path(task)) }

    /// The ports that sessions have, whether they listen already or not.
    func ports() -> Set<UInt16> {
        Set(
            FileSystem.names(in: folder).compactMap { name in
                TaskID(String(name.split(separator: ".").first ?? "")).flatMap(read)?.port
            })
    }
}
