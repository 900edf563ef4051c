internal import Glibc

/// Places in the loop at which a test may end the process as `kill -9` would, to show that nothing is lost or done twice.
///
/// A handling may also be made to fail, to show what becomes of a message that cannot be handled.
///
/// Asked for by the environment variable `EXECBUS_FAULTS`, which names a folder: where the worker reaches a point of a
/// turn that handles or sends a message of a type (or an activity of a name) and the folder holds a file
/// `<address>,<point>,<type>`, it removes the file and ends itself. Without the variable nothing is looked for.
public struct FaultPoints: Sendable {
    /// Where the process may end.
    public enum Point: String, Sendable, CaseIterable {
        case afterReceive = "after-receive"
        case beforeCommit = "before-commit"
        case afterCommit = "after-commit"
        case afterPublish = "after-publish"
        case afterAcknowledge = "after-acknowledge"
        case activityBegun = "activity-begun"
        /// At a progress that an activity tells of.
        case duringActivity = "during-activity"
        /// What the activity did is done, and nobody has been told.
        case activityEnded = "activity-ended"

        /// Those of the loop, in their order.
        public static let ofLoop: [Point] = [
            .afterReceive, .beforeCommit, .afterCommit, .afterPublish, .afterAcknowledge,
        ]
    }

    private let prefix: String?

    /// - Parameters:
    ///   - folder: where the files are; nil for no faults.
    ///   - address: whose points these are.
    public init(folder: String?, address: String) {
        prefix = folder.map { "\($0)/\(address)" }
    }

    /// No faults.
    public static let none = FaultPoints(folder: nil, address: "")

    /// Whether the handling of messages of a type is to fail: as long as the folder holds `<address>,fail,<type>`.
    func isFailing(_ type: String) -> Bool {
        guard let prefix, type.utf8.allSatisfy({ $0 != UInt8(ascii: "/") && $0 != 0 }) else { return false }
        return access("\(prefix),fail,\(type)", F_OK) == 0
    }

    /// Ends the process here if that was asked for.
    func reach(_ point: Point, _ types: @autoclosure () -> Set<String>) {
        guard let prefix else { return }
        for type in types() where type.utf8.allSatisfy({ $0 != UInt8(ascii: "/") && $0 != 0 }) {
            if unlink("\(prefix),\(point.rawValue),\(type)") == 0 { kill(getpid(), SIGKILL) }
        }
    }
}
