internal import FoundationEssentials
internal import Glibc

/// One process for the life of the machine: its number may be given to another after its end, the two together are not.
package struct ProcessIdentity: Sendable, Hashable, Codable {
    package let pid: Int32
    /// When it started, in clock ticks since the machine did: field 22 of `/proc/<pid>/stat` (proc(5)).
    package let startTime: UInt64

    package init(pid: Int32, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }

    /// The process that has this number now, or nil where none has.
    package init?(of pid: Int32) {
        guard let now = ProcessIdentity.read(pid) else { return nil }
        self.init(pid: pid, startTime: now.startTime)
    }

    /// Whether it still runs. One that has ended and that its parent has not asked about yet does not.
    package var isAlive: Bool {
        guard let now = ProcessIdentity.read(pid) else { return false }
        return now.startTime == startTime && now.state != "Z" && now.state != "X"
    }

    private static func read(_ pid: Int32) -> (state: Substring, startTime: UInt64)? {
        guard pid > 0, let bytes = try? Data(contentsOf: URL(filePath: "/proc/\(pid)/stat")) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        // The second field is the name in parentheses, and a name may hold parentheses and blanks itself.
        guard let nameEnd = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: nameEnd)...].split(separator: " ")
        guard fields.count > 19, let startTime = UInt64(fields[19]) else { return nil }
        return (fields[0], startTime)
    }
}
