internal import AMQP
internal import MessageBus
internal import Wire

/// What a command says of an error: one line for a person, an exit code and a problem (contract.md, Problems) for a script.
struct ErrorReport {
    private(set) var code: Failure.Code
    /// What is wrong, and what to do about it.
    let text: String
    /// The participant's own where it has sent one; otherwise in the same form, its `type` below `urn:execbus:problem:`.
    let problem: JSON
    /// Whether standard output has told of it already.
    var isTold = false

    init(_ error: any Error) {
        switch error {
        case let error as Failure: self.init(error)
        case let error as UsageError: self.init(Failure(.usage, error.description))
        case let error as AMQPError: self.init(error)
        case let error as BusClientError: self.init(error)
        case let error as OfferGone:
            self = ErrorReport(error.problem)
            code = .noOffer
        case let problem as Problem: self.init(problem, text: problem.description)
        default: self.init(Failure(.failed, "\(error)"))
        }
    }

    private init(_ failure: Failure) {
        self.init(code: failure.code, text: failure.description)
        isTold = failure.isTold
    }

    private init(code: Failure.Code, text: String) {
        self.code = code
        self.text = text
        problem = [
            "type": .string("urn:execbus:problem:\(code.slug)"), "title": .string(code.title),
            "status": .int(code.status), "detail": .string(text),
        ]
    }

    private init(_ problem: Problem, text: String) {
        code =
            switch problem.kind {
            case .notAuthorised, .notAuthenticated: .notAuthorised
            case .deadlineExceeded: .timeout
            case .offerExpired, .offerTaken, .noCapacity: .noOffer
            default: .failed
            }
        self.text = text
        self.problem = problem.json
    }

    private init(_ error: AMQPError) {
        let code: Failure.Code =
            switch error.code {
            case .accessRefused, .authenticationFailed: .notAuthorised
            case .invalidURI, .invalidArgument, .tooLarge: .usage
            case .notFound, .preconditionFailed: .failed
            default: .unreachable
            }
        let hint = error.code == .notFound ? " (execbus topology apply makes what is missing)" : ""
        self.init(code: code, text: error.message + hint)
    }

    private init(_ error: BusClientError) {
        switch error {
        case .problem(let problem): self.init(problem, text: error.description)
        case .noAnswer: self.init(Problem(.deadlineExceeded, error.description), text: error.description)
        case .noReceiver: self.init(code: .unreachable, text: error.description)
        case .connection(let error): self.init(error)
        }
    }
}

extension Failure.Code {
    /// The end of a problem's `type`, after `urn:execbus:problem:`.
    fileprivate var slug: String {
        switch self {
        case .failed: "failed"
        case .usage: "usage"
        case .notAuthorised: "not-authorised"
        case .noOffer: "no-offer"
        case .sessionFailed: "session-failed"
        case .timeout: "timeout"
        case .unreachable: "unreachable"
        case .interrupted: "interrupted"
        }
    }

    fileprivate var title: String {
        switch self {
        case .failed: "The command failed"
        case .usage: "The command line is not right"
        case .notAuthorised: "RabbitMQ does not allow this"
        case .noOffer: "There is no offer"
        case .sessionFailed: "The session failed"
        case .timeout: "It was not there in time"
        case .unreachable: "The network cannot be reached"
        case .interrupted: "It was interrupted"
        }
    }

    /// The HTTP status that says about the same.
    fileprivate var status: Int64 {
        switch self {
        case .usage: 400
        case .notAuthorised: 403
        case .noOffer, .unreachable: 503
        case .timeout: 504
        case .failed, .sessionFailed, .interrupted: 500
        }
    }
}
