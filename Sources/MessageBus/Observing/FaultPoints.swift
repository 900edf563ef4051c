internal import Glibc

/// Places in the loop at which a test may end the process as `kill -9` would, to show that nothing is lost or done twice.
///
/// Asked for by the environment variable `EXECBUS_FAULTS`, a list separated by commas of
/// `<address>:<point>:<type>:<file>`: the worker of that address ends itself at that point of the first turn that
/// handles or sends a message of that type (or an activity of that name), unless the file exists, which it makes first.
public struct FaultPoints: Sendable {
    /// Where the process may end.
    public enum Point: String, Sendable {
        case afterReceive = "after-receive"
        case beforeCommit = "before-commit"
        case afterCommit = "after-commit"
        case afterPublish = "after-publish"
        case afterAcknowledge = "after-acknowledge"
        case duringActivity = "during-activity"
    }

    private struct Fault: Sendable {
        let point: Point
        let type: String
        let marker: String
    }

    private let faults: [Fault]

    /// Those of a worker, out of a list for all.
    public init(_ list: String?, address: String) {
        faults = (list ?? "").split(separator: ",").compactMap { entry in
            let parts = entry.split(separator: ":").map(String.init)
            guard parts.count == 4, parts[0] == address, let point = Point(rawValue: parts[1]) else { return nil }
            return Fault(point: point, type: parts[2], marker: parts[3])
        }
    }

    /// No faults.
    public static let none = FaultPoints(nil, address: "")

    /// Ends the process here if that was asked for.
    func reach(_ point: Point, _ types: @autoclosure () -> Set<String>) {
        guard faults.contains(where: { $0.point == point }) else { return }
        let types = types()
        for fault in faults where fault.point == point && types.contains(fault.type) {
            let file = open(fault.marker, O_CREAT | O_EXCL | O_WRONLY, 0o600)
            if file >= 0 { kill(getpid(), SIGKILL) }
        }
    }
}
