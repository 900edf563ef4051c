public import Wire

/// Who moves a session from one phase to another.
public enum PhaseMover: Sendable, Hashable, CaseIterable {
    /// Whoever sends `set-phase`.
    case client
    /// The broker itself, on what it hears and on its timers.
    case broker
}

extension Phase {
    /// The phases that may follow this one, in the order of their declaration.
    ///
    /// The one table of the session's life: what is not in it is refused. For clients it is that of contract.md,
    /// "Phases that a client may set".
    public func successors(by mover: PhaseMover) -> [Phase] {
        switch (mover, self) {
        case (.client, .offered): [.accepted, .rejected, .cancelled]
        case (.client, .accepted), (.client, .waiting), (.client, .preparing): [.cancelled]
        case (.client, .available), (.client, .running): [.releasing, .cancelled]
        case (.client, .initial), (.client, .releasing): []

        case (.broker, .initial): [.offered, .failed, .cancelled]
        case (.broker, .offered): [.accepted, .rejected, .expired, .failed, .cancelled]
        case (.broker, .accepted): [.waiting, .preparing, .failed, .cancelled]
        case (.broker, .waiting): [.preparing, .failed, .cancelled]
        case (.broker, .preparing): [.available, .failed, .cancelled]
        case (.broker, .available): [.running, .releasing, .failed, .cancelled]
        case (.broker, .running): [.releasing, .failed, .cancelled]
        case (.broker, .releasing): [.completed, .failed]

        case (_, .rejected), (_, .expired), (_, .completed), (_, .failed), (_, .cancelled): []
        }
    }

    /// Whether the move is in the table.
    public func canBecome(_ next: Phase, by mover: PhaseMover) -> Bool {
        successors(by: mover).contains(next)
    }
}

extension Problem {
    /// A phase cannot follow another: the body says from which to which, and what could be asked instead.
    public static func refusedTransition(from: Phase, to: Phase, allowed: [Phase]) -> Problem {
        let instead =
            allowed.isEmpty
            ? "nothing can be set now" : "what can be set is \(allowed.map(\.rawValue).joined(separator: ", "))"
        return Problem(
            .refusedTransition, "A session that is \(from) cannot be set to \(to): \(instead)",
            members: [
                "from": .string(from.rawValue), "to": .string(to.rawValue),
                "allowed": .array(allowed.map { .string($0.rawValue) }),
            ])
    }

    /// The offer's time is over.
    public static func offerExpired(at expires: Timestamp?) -> Problem {
        let when = expires.map { " at \($0)" } ?? ""
        return Problem(.offerExpired, "The offer expired\(when): submit again for new offers")
    }

    /// Another offer of the same set was accepted, here or at another site.
    public static func offerTaken(_ winner: SessionID? = nil) -> Problem {
        Problem(
            .offerTaken, "Another offer of the same set was accepted",
            members: winner.map { ["accepted": .string($0.description)] } ?? [:])
    }
}
