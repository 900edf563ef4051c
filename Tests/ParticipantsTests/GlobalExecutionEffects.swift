import MessageBus
import Testing
import Wire

extension DecisionHarness.Effects {
    /// The one message that answers the input.
    func reply(sourceLocation: SourceLocation = #_sourceLocation) throws -> Outgoing {
        let replies = messages.filter { $0.exchange == .replies }
        try #require(replies.count == 1, sourceLocation: sourceLocation)
        return try #require(replies.first, sourceLocation: sourceLocation)
    }

    /// The problem that answers the input.
    func problem(sourceLocation: SourceLocation = #_sourceLocation) throws -> Problem {
        let reply = try reply(sourceLocation: sourceLocation)
        try #require(reply.type == Problem.messageType, sourceLocation: sourceLocation)
        return Problem(reply.json)
    }

    /// The pointers of what is wrong, in the problem `invalid` that answers the input.
    func faults(sourceLocation: SourceLocation = #_sourceLocation) throws -> [String] {
        let problem = try problem(sourceLocation: sourceLocation)
        #expect(problem.kind == .invalid, sourceLocation: sourceLocation)
        return problem.errors.map(\.pointer)
    }

    /// The events among the messages, by their routing keys.
    var eventKeys: [String] { messages.filter { $0.exchange == .events }.map(\.key) }

    /// The commands to a participant.
    func commands(to receiver: String) -> [Outgoing] {
        messages.filter { $0.exchange == .commands && $0.key == receiver }
    }

    /// The reason with which the input was parked.
    func parkedReason(sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let parked = messages.filter { $0.exchange == .parked }
        try #require(parked.count == 1, sourceLocation: sourceLocation)
        return try #require(parked.first?.carried?.header(.reason), sourceLocation: sourceLocation)
    }
}

/// An instant at which tests of these participants begin.
let aTuesday = Timestamp(microseconds: 1_795_500_000_000_000)
