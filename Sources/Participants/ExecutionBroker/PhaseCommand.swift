internal import ExecutionModel
internal import Wire

/// The body of `srcnet.session.set-phase.v1`: `{session, phase, callback?}`; `global-execution` adds to a rejection
/// which sibling was `accepted`.
struct PhaseCommand {
    let session: SessionID
    let phase: Phase
    let callback: Callback?
    let accepted: SessionID?

    /// Reads a body; all that is wrong is in one `invalid`.
    /// - Parameter user: the connection's user, who alone may be called back.
    init(_ body: JSON, user: String, correlation: String?) throws(Problem) {
        let reader = JSONReader(body)
        let session = reader.identifier("session", of: SessionID.self, required: true)
        let phase = reader.choice("phase", Phase.self, required: true)
        let callback = reader.object("callback").flatMap { callback in
            let found = Callback.read(callback, user: user, correlation: correlation)
            if found?.type == .http { callback.fault("type", "http callbacks are not offered by this deployment") }
            return found
        }
        let accepted = reader.identifier("accepted", of: SessionID.self)
        if let phase, phase != .accepted, reader.json["callback"] != nil {
            reader.fault("callback", "goes with the phase ACCEPTED only")
        }
        try reader.finish()
        guard let session, let phase else { throw Problem(.invalid, "This sets no phase") }
        self.session = session
        self.phase = phase
        self.callback = callback
        self.accepted = accepted
    }
}
