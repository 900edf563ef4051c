internal import ExecutionModel
package import MessageBus
internal import Wire

/// The participant that decides who may do what where, by a policy file. It keeps no state.
package struct Permissions: Participant {
    package static let accepts: [String: Treatment] = [MessageType.permissionCheck.rawValue: .query]

    private let policy: Policy

    package init(policy: Policy) { self.policy = policy }

    package mutating func decide(_ input: Input, _ decision: inout Decision) throws {
        guard case .message(let message) = input, message.type == MessageType.permissionCheck.rawValue else { return }
        let question = try Question(parsing: message.body)
        guard policy.mayAsk(message.sender, message.asker, about: question.subject) else {
            throw Problem(
                .notAuthorised,
                "\(message.asker.sub) may ask about himself only: the policy does not name him as a service")
        }
        decision.answer(message.request, MessageType.permission.rawValue, policy.verdict(on: question).json)
    }
}
