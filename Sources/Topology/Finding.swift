internal import AMQP

/// Something on a broker that is not as it is described.
package struct Finding: Sendable, Hashable, CustomStringConvertible {
    /// What it is about.
    package enum Subject: String, Sendable, Hashable, CaseIterable {
        case exchange, queue, binding, user, permission, policy
        case topicPermission = "topic permission"
    }

    /// What is the matter with it.
    package enum Fault: Sendable, Hashable {
        case isMissing
        /// It is there with other properties; what the difference is, as far as it is known.
        case differs(String)
        /// It is there and not described.
        case isUnknown

        /// What RabbitMQ says the difference is, without the advice that AMQP's error adds.
        init(differing error: AMQPError) {
            let end = error.message.firstRange(of: ": what exists")?.lowerBound
            self = .differs(String(error.message[..<(end ?? error.message.endIndex)]))
        }
    }

    package let subject: Subject
    /// What RabbitMQ calls it; of a binding, what it connects.
    package let name: String
    package let fault: Fault

    package init(_ subject: Subject, _ name: String, _ fault: Fault) {
        self.subject = subject
        self.name = name
        self.fault = fault
    }

    /// What a refused declaration says, unless it was refused for something else.
    init(_ subject: Subject, _ name: String, differing error: AMQPError) throws(AMQPError) {
        guard error.code == .preconditionFailed else { throw error }
        self.init(subject, name, Fault(differing: error))
    }

    /// One line that says what is wrong and what to do about it.
    package var description: String {
        switch (fault, subject) {
        case (.isMissing, .exchange), (.isMissing, .queue), (.isMissing, .binding):
            "\(subject.rawValue) \(name) is missing: run execbus topology apply"
        case (.isMissing, _): "\(subject.rawValue) \(name) is missing: import the definitions"
        case (.differs(let how), .queue):
            "queue \(name) has other arguments (\(how)): stop what publishes to it, let it run empty, delete it, "
                + "run execbus topology apply"
        case (.differs(let how), .exchange):
            "exchange \(name) has other properties (\(how)): stop all participants, delete it, "
                + "run execbus topology apply"
        case (.differs(let how), _): "\(subject.rawValue) \(name) is different (\(how)): import the definitions"
        case (.isUnknown, .binding): "binding \(name) is not described: take it away, or messages go where none expects"
        case (.isUnknown, _): "\(subject.rawValue) \(name) is not described: delete it if nobody needs it"
        }
    }
}
