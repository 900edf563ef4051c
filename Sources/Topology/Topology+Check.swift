package import AMQP

extension Topology {
    /// Compares a broker with the description over AMQP, and changes nothing: whether every exchange and queue is there,
    /// and whether its properties are those described.
    ///
    /// AMQP tells nothing of bindings, users, permissions and policies: compare an export of the definitions for those.
    /// The connection's user has to be an administrator, since a declaration that changes nothing needs the right to make.
    package func check(over connection: AMQPConnection) async throws(AMQPError) -> [Finding] {
        var findings: [Finding] = []
        for exchange in exchanges {
            var passive = exchange
            passive.isPassive = true
            let fault = try await Self.fault(connection, .exchange(passive), .exchange(exchange))
            if let fault { findings.append(Finding(.exchange, exchange.name, fault)) }
        }
        for queue in queues {
            var passive = queue
            passive.isPassive = true
            let fault = try await Self.fault(connection, .queue(passive), .queue(queue))
            if let fault { findings.append(Finding(.queue, queue.name, fault)) }
        }
        return findings
    }

    /// A passive declaration says whether it is there, and makes nothing; only then an active one says whether it is the
    /// same.
    private static func fault(
        _ connection: AMQPConnection, _ passive: AMQPDeclaration, _ active: AMQPDeclaration
    ) async throws(AMQPError) -> Finding.Fault? {
        do throws(AMQPError) {
            try await connection.declare(passive)
            try await connection.declare(active)
            return nil
        } catch {
            switch error.code {
            case .notFound: return .isMissing
            case .preconditionFailed: return Finding.Fault(differing: error)
            default: throw error
            }
        }
    }
}
