package import ExecutionModel

/// Where sessions run: what a back end of `canfar` can do.
package protocol SessionHost: Sendable {
    /// Runs the session with its area at `/session`, and returns once it answers over HTTP to who has the token. One
    /// that runs already is found again.
    ///
    /// Cancelled, it leaves the session as it is.
    /// - Parameter launched: called when its program runs, before it answers.
    /// - Throws: `TaskFailure` with the last words of the session where it ended instead.
    func start(
        _ command: StartSessionCommand, area: String, launched: @escaping @Sendable () -> Void
    ) async throws -> StartedSession

    /// Returns when a started session has ended by itself.
    func end(of task: TaskID) async throws -> TaskEnd

    /// Ends every process of the session and removes what was kept of it; one that is not there is no error.
    func stop(_ task: TaskID) async throws

    /// The last bytes of what the session has written, its token left out.
    func log(of task: TaskID, last bytes: Int) async throws -> String
}
