// What a client says before the first channel.
extension ByteWriter {
    /// Says who connects and what this client can take: without consumer_cancel_notify a consumer whose queue goes away
    /// would wait for ever, without connection.blocked a publisher would not learn that the broker holds it back, and
    /// without authentication_failure_close wrong credentials would only be a closed socket.
    mutating func startConnection(_ mechanism: String, _ configuration: AMQPConfiguration) throws(AMQPError) {
        let capabilities = [
            "authentication_failure_close", "basic.nack", "connection.blocked", "consumer_cancel_notify",
            "exchange_exchange_bindings", "publisher_confirms",
        ]
        let properties: [String: AMQPValue] = [
            "product": "ExecutionBus", "platform": "Swift", "connection_name": .string(configuration.connectionName),
            "capabilities": .table(Dictionary(uniqueKeysWithValues: capabilities.map { ($0, true) })),
        ]
        let response =
            mechanism == "PLAIN" ? "\u{0}\(configuration.user)\u{0}\(configuration.password)" : ""
        try method(.connectionStartOK, channel: 0) { writer throws(AMQPError) in
            try writer.write(properties)
            try writer.writeShort(mechanism)
            try writer.writeLong(response.utf8)
            try writer.writeShort("en_US")
        }
    }

    mutating func tune(maxChannel: UInt16, maxFrame: UInt32, heartbeat: UInt16) throws(AMQPError) {
        try method(.connectionTuneOK, channel: 0) { writer in
            writer.write(maxChannel)
            writer.write(maxFrame)
            writer.write(heartbeat)
        }
    }

    mutating func openConnection(_ virtualHost: String) throws(AMQPError) {
        try method(.connectionOpen, channel: 0) { writer throws(AMQPError) in
            try writer.writeShort(virtualHost)
            // Two relics of older versions of the protocol.
            try writer.writeShort("")
            writer.write(UInt8(0))
        }
    }
}
