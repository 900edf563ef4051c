package import ExecutionModel
internal import Files
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
            for name in folders { try FileSystem.makeFolder("\(path(session))/\(name)", mode: 0o700) }
        }
    }

    /// Removes folders of the area with all that is in them; what is not there is no error.
    package func remove(_ folders: [String], of session: SessionID) async throws {
        try await BlockingWork.run { _ in
            for name in folders { try FileSystem.remove("\(path(session))/\(name)") }
        }
    }

    private func enterNow(_ session: SessionID, _ participant: ParticipantName) throws -> String {
        try locked {
            try FileSystem.makeFolder(path(session), mode: 0o700)
            try FileSystem.makeFolder(users(session), mode: 0o700)
            try FileSystem.replace("\(users(session))/\(participant)", with: [], mode: 0o600)
            return path(session)
        }
    }

    private func leaveNow(_ session: SessionID, _ participant: ParticipantName) throws {
        let doomed = "\(folder)/.old-\(session)-\(UInt64.random(in: 0 ... .max))"
        try locked {
            try FileSystem.remove("\(users(session))/\(participant)")
            // What begins with a dot is a name that a crash has kept from being noted.
            guard FileSystem.names(in: users(session)).allSatisfy({ $0.hasPrefix(".") }) else { return }
            try FileSystem.remove(users(session))
            // Renamed under the lock, so that who enters anew finds none of it; removing it may take long.
            if FileSystem.exists(path(session)) { try FileSystem.rename(path(session), to: doomed) }
        }
        try FileSystem.remove(doomed)
        // What a crash has left of an earlier attempt, or what another who left is still removing.
        for name in FileSystem.names(in: folder) where name.hasPrefix(".old-\(session)-") {
            try FileSystem.remove("\(folder)/\(name)")
        }
    }

    private func users(_ session: SessionID) -> String { "\(folder)/.users/\(session)" }

    /// The participants are processes of their own, so a file is what they can share a lock by.
    private func locked<Value>(_ body: () throws -> Value) throws -> Value {
        try FileSystem.makeFolder(folder, mode: 0o700)
        return try FileLock.with("\(folder)/.lock", body)
    }
}
