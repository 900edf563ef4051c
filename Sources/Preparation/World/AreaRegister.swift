internal import FoundationEssentials
internal import Glibc
package import ExecutionModel
internal import Processes
package import Wire

/// The folders that sessions work in, one each: `<state>/areas/<session>`, with `data`, `home` and `output` in it.
///
/// The participants of a site that prepare a session share its area. Whoever comes first makes it; each leaves its name
/// in `<state>/areas/.users/<session>`, and who takes the last name away removes the area with all that is in it.
package struct AreaRegister: Sendable {
    /// The data that was asked for.
    package static let data = "data"
    /// The user's own folder.
    package static let home = "home"
    /// What the session leaves for its owner.
    package static let output = "output"

    let folder: String

    /// - Parameter state: the folder in which the participants of one site keep what they make.
    package init(state: String) { folder = state + "/areas" }

    /// Where a session's area lies, whether it is there or not.
    package func path(_ session: SessionID) -> String { "\(folder)/\(session)" }

    /// Makes the area where it is not there yet, and notes who needs it.
    /// - Returns: the area's path.
    @discardableResult
    package func enter(_ session: SessionID, as participant: ParticipantName) async throws -> String {
        try await BlockingWork.run { _ in try enterNow(session, participant) }
    }

    /// Takes the name away, and the whole area with the last one. Nothing to leave is no error.
    package func leave(_ session: SessionID, as participant: ParticipantName) async throws {
        try await BlockingWork.run { _ in try leaveNow(session, participant) }
    }

    /// Makes folders in the area.
    package func make(_ folders: [String], of session: SessionID) async throws {
        try await BlockingWork.run { _ in
            for name in folders { try Folders.make("\(path(session))/\(name)") }
        }
    }

    /// Removes folders of the area with all that is in them; what is not there is no error.
    package func remove(_ folders: [String], of session: SessionID) async throws {
        try await BlockingWork.run { _ in
            for name in folders { try Folders.remove("\(path(session))/\(name)") }
        }
    }

    private func enterNow(_ session: SessionID, _ participant: ParticipantName) throws -> String {
        try locked {
            try Folders.make(path(session))
            try Folders.make(users(session))
            let note = "\(users(session))/\(participant)"
            let file = open(note, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw Folders.failure("cannot write \(note)") }
            close(file)
            return path(session)
        }
    }

    private func leaveNow(_ session: SessionID, _ participant: ParticipantName) throws {
        let doomed = "\(folder)/.old-\(session)-\(UInt64.random(in: 0 ... .max))"
        try locked {
            unlink("\(users(session))/\(participant)")
            guard Folders.names(in: users(session)).isEmpty else { return }
            rmdir(users(session))
            // Renamed under the lock, so that who enters anew finds none of it; removing it may take long.
            if Folders.exists(path(session)) { try Folders.rename(path(session), to: doomed) }
        }
        try Folders.remove(doomed)
        // What a crash has left of an earlier attempt, or what another who left is still removing.
        for name in Folders.names(in: folder) where name.hasPrefix(".old-\(session)-") {
            try Folders.remove("\(folder)/\(name)")
        }
    }

    private func users(_ session: SessionID) -> String { "\(folder)/.users/\(session)" }

    /// The participants are processes of their own, so a file is what they can share a lock by.
    private func locked<Value>(_ body: () throws -> Value) throws -> Value {
        try Folders.make(folder)
        let file = open("\(folder)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Folders.failure("cannot open the lock of \(folder)") }
        defer { close(file) }
        while flock(file, LOCK_EX) != 0 {
            guard errno == EINTR else { throw Folders.failure("cannot lock \(folder)") }
        }
        return try body()
    }
}
