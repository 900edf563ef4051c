internal import Glibc
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

            Sites pull images from --registry DIR of `up`, which scripts/images/build DIR makes. scripts/demo --keep leaves a
            network running that has an image and an observation: the place for a first try.

            A command finds its network by --state DIR (the folder of `execbus up`), or by the environment variable
            EXECBUS_AMQP, a URI such as amqp://user:password@host:5672/execbus.

            With --json each answer is JSON on standard output. So is an error where there is no other answer: a problem
            {type, title, status, detail, errors?} (RFC 9457), the participant's own, or one of this program whose type
            begins with urn:execbus:problem:. The same in one line for a person is on standard error.

            Exit codes: 0 well, 1 failed, 2 wrong usage, 3 not authorised, 4 no offer, 5 the session failed, 6 no answer
            in time, 7 no network, no RabbitMQ, or no such participant, 130 interrupted.
            """,
        subcommands: [
            Command.up, .status, .demo, .submit, .offers, .accept, .session, .workstep, .watch, .publish, .parked,
            .ping, .top,
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
            let report = ErrorReport(error)
            let isForScripts = CommandLine.arguments.prefix { $0 != "--" }.contains("--json")
            if isForScripts, !report.isTold { Terminal.line(report.problem.text) }
            Terminal.complain("execbus: \(report.text)")
            exit(report.code.rawValue)
        }
    }
}

extension Command {
    static let version = Command(name: "version", summary: "Says which version this is.") { _ in
        Terminal.line("execbus \(Execbus.version)")
    }
}
