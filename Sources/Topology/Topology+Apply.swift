package import AMQP

extension Topology {
    /// Makes everything that is missing on the broker: exchanges, queues, bindings. What is there stays as it is, with its
    /// messages; what is there with other properties is told as a finding, and the rest is made all the same.
    ///
    /// The connection's user has to be an administrator. Users and their permissions cannot be made over AMQP: import the
    /// definitions for those.
    package func apply(over connection: AMQPConnection) async throws(AMQPError) -> [Finding] {
        var findings: [Finding] = []
        for exchange in exchanges {
            do throws(AMQPError) {
                try await connection.declare(.exchange(exchange))
            } catch {
                findings.append(try Finding(.exchange, exchange.name, differing: error))
            }
        }
        for queue in queues {
            do throws(AMQPError) {
                try await connection.declare(.queue(queue))
            } catch {
                findings.append(try Finding(.queue, queue.name, differing: error))
            }
        }
        for binding in bindings { try await connection.declare(.binding(binding)) }
        return findings
    }
}
