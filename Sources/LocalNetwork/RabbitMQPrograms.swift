internal import FoundationEssentials
internal import Processes

/// Where this machine has RabbitMQ.
struct RabbitMQPrograms: Sendable {
    let server: String
    let control: String
    let epmd: String

    /// Looks for the programs. Debian's `rabbitmq-server` in `PATH` is a wrapper that changes the user and the
    /// environment, so the script behind it is taken where there is one.
    init() throws(LocalNetworkError) {
        let inherited = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let path = "/usr/lib/rabbitmq/bin:/opt/rabbitmq/sbin:" + inherited + ":/usr/sbin:/usr/local/sbin"
        guard let server = Executable.find("rabbitmq-server", path: path),
            let control = Executable.find("rabbitmqctl", path: path)
        else {
            throw LocalNetworkError(
                .notInstalled, "RabbitMQ is not installed: run `apt-get install rabbitmq-server`")
        }
        guard let epmd = Executable.find("epmd", path: path + ":/usr/lib/erlang/bin") else {
            throw LocalNetworkError(.notInstalled, "Erlang's epmd is not installed: run `apt-get install erlang-base`")
        }
        (self.server, self.control, self.epmd) = (server, control, epmd)
    }
}
