internal import AMQP
internal import Glibc
internal import MessageBus
internal import Wire

@main
struct Execbus {
    /// Told by `execbus version`, pings and heartbeats.
    static let version = "0.1.0"

    static let root = Command(
        name: "execbus",
        summary: "Runs science sessions where the data, the image and a free machine are, over RabbitMQ.",
        discussion: """
            First steps:
              execbus up --state ./net            starts a private RabbitMQ and two sites
              execbus submit FILE --state ./net   asks all sites for offers
              execbus accept OFFER --state ./net  takes one and waits until the session is there

            A command finds its network by --state DIR (the folder of `execbus up`), or by the environment variable
            EXECBUS_AMQP, a URI such as amqp://user:password@host:5672/execbus.

            Exit codes: 0 well, 1 failed, 2 wrong usage, 3 not authorised, 4 no offer, 5 the session failed, 6 no answer
            in time, 7 RabbitMQ cannot be reached, or has no such participant.
            """,
        subcommands: [
            Command.up, .status, .demo, .submit, .offers, .accept, .session, .workstep, .watch, .publish, .ping,
            .worker,
            .topology,
            .version,
        ])

    static func main() async {
        // A peer that goes away is an error of the call, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            let (command, invocation, path) = try root.parse(CommandLine.arguments.dropFirst()[...])
            guard let run = command.run, !invocation.has("help") else {
                Terminal.line(command.help(path: path))
                exit(invocation.has("help") ? 0 : Failure.Code.usage.rawValue)
            }
            try await run(invocation)
        } catch {
            let (code, text) = explain(error)
            Terminal.complain("execbus: \(text)")
            exit(code.rawValue)
        }
    }

    /// One line for a person, and the exit code for a script.
    static func explain(_ error: any Error) -> (Failure.Code, String) {
        switch error {
        case let error as Failure: (error.code, error.description)
        case let error as UsageError: (.usage, error.description)
        case let error as AMQPError: explain(error)
        case let error as BusClientError: explain(error)
        case let problem as Problem: (.failed, problem.description)
        default: (.failed, "\(error)")
        }
    }

    private static func explain(_ error: AMQPError) -> (Failure.Code, String) {
        let code: Failure.Code =
            switch error.code {
            case .accessRefused, .authenticationFailed: .notAuthorised
            case .invalidURI, .invalidArgument, .tooLarge: .usage
            case .notFound, .preconditionFailed: .failed
            default: .unreachable
            }
        let hint = error.code == .notFound ? " (execbus topology apply makes what is missing)" : ""
        return (code, error.message + hint)
    }

    private static func explain(_ error: BusClientError) -> (Failure.Code, String) {
        switch error {
        case .problem(let problem):
            switch problem.kind {
            case .notAuthorised, .notAuthenticated: (.notAuthorised, error.description)
            case .deadlineExceeded: (.timeout, error.description)
            case .offerExpired, .offerTaken, .noCapacity: (.noOffer, error.description)
            default: (.failed, error.description)
            }
        case .noAnswer: (.timeout, error.description)
        case .noReceiver: (.unreachable, error.description)
        case .connection(let error): explain(error)
        }
    }
}

extension Command {
    static let version = Command(name: "version", summary: "Says which version this is.") { _ in
        Terminal.line("execbus \(Execbus.version)")
    }
}
