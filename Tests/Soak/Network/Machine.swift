internal import FoundationEssentials

/// What can be seen of this machine's processes (proc(5)).
enum Machine {
    /// The processes of which a file below `/proc/<pid>` fits, with what it says in words.
    static func processes(_ file: String, _ fits: (String) -> Bool) -> [Int32: String] {
        var found: [Int32: String] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(name), pid != ProcessInfo.processInfo.processIdentifier,
                let bytes = FileManager.default.contents(atPath: "/proc/\(name)/\(file)")
            else { continue }
            let text = String(decoding: bytes.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
            if fits(text) { found[pid] = text }
        }
        return found
    }

    /// How many processes each session has: those of its container know its id from their environment.
    static func sessions(among known: Set<String>) -> [String: Int] {
        var counts: [String: Int] = [:]
        for text in processes("environ", { $0.contains("SESSION_ID=") }).values {
            guard let word = text.split(separator: " ").first(where: { $0.hasPrefix("SESSION_ID=") }) else { continue }
            let session = String(word.dropFirst("SESSION_ID=".count))
            if known.contains(session) { counts[session, default: 0] += 1 }
        }
        return counts
    }
}
