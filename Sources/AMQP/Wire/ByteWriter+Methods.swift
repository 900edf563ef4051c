// The methods that a client sends. The first field of many, a ticket, is a relic and always 0.
extension ByteWriter {
    mutating func openChannel(_ channel: UInt16) throws(AMQPError) {
        try method(.channelOpen, channel: channel) { writer throws(AMQPError) in try writer.writeShort("") }
    }

    mutating func closeChannel(_ channel: UInt16) throws(AMQPError) {
        try method(.channelClose, channel: channel) { writer throws(AMQPError) in try writer.farewell() }
    }

    mutating func closeConnection() throws(AMQPError) {
        try method(.connectionClose, channel: 0) { writer throws(AMQPError) in try writer.farewell() }
    }

    private mutating func farewell() throws(AMQPError) {
        write(UInt16(200))
        try writeShort("")
        write(UInt32(0))
    }

    mutating func selectConfirms(channel: UInt16) throws(AMQPError) {
        try method(.confirmSelect, channel: channel) { $0.write(UInt8(0)) }
    }

    mutating func quality(prefetch: UInt16, channel: UInt16) throws(AMQPError) {
        try method(.basicQos, channel: channel) { writer in
            writer.write(UInt32(0))
            writer.write(prefetch)
            writer.write(UInt8(0))
        }
    }

    mutating func consume(
        _ queue: String, tag: String, exclusive: Bool, arguments: [String: AMQPValue], channel: UInt16
    ) throws(AMQPError) {
        try method(.basicConsume, channel: channel) { writer throws(AMQPError) in
            writer.write(UInt16(0))
            try writer.writeShort(queue)
            try writer.writeShort(tag)
            writer.write(exclusive ? UInt8(4) : 0)
            try writer.write(arguments)
        }
    }

    mutating func cancelConsumer(tag: String, channel: UInt16) throws(AMQPError) {
        try method(.basicCancel, channel: channel) { writer throws(AMQPError) in
            try writer.writeShort(tag)
            writer.write(UInt8(0))
        }
    }

    mutating func acknowledge(_ tag: UInt64, multiple: Bool, channel: UInt16) throws(AMQPError) {
        try method(.basicAck, channel: channel) { writer in
            writer.write(tag)
            writer.write(multiple ? UInt8(1) : 0)
        }
    }

    mutating func reject(_ tag: UInt64, requeue: Bool, channel: UInt16) throws(AMQPError) {
        try method(.basicNack, channel: channel) { writer in
            writer.write(tag)
            writer.write(requeue ? UInt8(2) : 0)
        }
    }

    mutating func request(_ request: AMQPRequest, channel: UInt16) throws(AMQPError) {
        try method(request.method, channel: channel) { writer throws(AMQPError) in
            writer.write(UInt16(0))
            switch request {
            case .declareExchange(let exchange):
                try writer.writeShort(exchange.name)
                try writer.writeShort(exchange.kind)
                writer.flags(exchange.isPassive, exchange.isDurable, exchange.isAutoDelete, exchange.isInternal)
                try writer.write(exchange.arguments)
            case .declareQueue(let queue):
                try writer.writeShort(queue.name)
                writer.flags(queue.isPassive, queue.isDurable, queue.isExclusive, queue.isAutoDelete)
                try writer.write(queue.arguments)
            case .bind(let binding):
                try writer.writeShort(binding.queue)
                try writer.writeShort(binding.exchange)
                try writer.writeShort(binding.routingKey)
                writer.flags()
                try writer.write(binding.arguments)
            case .unbind(let binding):
                try writer.writeShort(binding.queue)
                try writer.writeShort(binding.exchange)
                try writer.writeShort(binding.routingKey)
                try writer.write(binding.arguments)
            case .deleteQueue(let name, let ifUnused, let ifEmpty):
                try writer.writeShort(name)
                writer.flags(ifUnused, ifEmpty)
            case .deleteExchange(let name, let ifUnused):
                try writer.writeShort(name)
                writer.flags(ifUnused)
            case .purgeQueue(let name), .get(let name):
                try writer.writeShort(name)
                writer.flags()
            }
        }
    }

    /// Bits, the first in the lowest place.
    private mutating func flags(_ bits: Bool...) {
        var byte: UInt8 = 0
        for (place, bit) in bits.enumerated() where bit { byte |= 1 << UInt8(place) }
        write(byte)
    }
}
