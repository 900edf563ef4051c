import CRabbitMQ

/// Decodes methods and tables with librabbitmq, in memory that is used again for the next one.
final class MethodDecoder {
    private let pool = UnsafeMutablePointer<amqp_pool_t>.allocate(capacity: 1)

    init() {
        pool.initialize(to: amqp_pool_t())
        init_amqp_pool(pool, 4096)
    }

    deinit {
        empty_amqp_pool(pool)
        pool.deallocate()
    }

    /// The method of a frame; `nil` for one that no client is sent.
    func method(_ payload: UnsafeRawBufferPointer) throws(AMQPError) -> InboundMethod? {
        var reader = FieldReader(payload)
        let id = MethodID(rawValue: try reader.word())
        defer { recycle_amqp_pool(pool) }
        var decoded: UnsafeMutableRawPointer?
        let status = amqp_decode_method(id.rawValue, pool, amqp_bytes_t(reader.rest), &decoded)
        guard status == AMQP_STATUS_OK.rawValue else { throw Self.fault(status) }
        return InboundMethod(amqp_method_t(id: id.rawValue, decoded: decoded))
    }

    /// Reads a table where the reader stands, and leaves it behind the table.
    func table(_ reader: inout FieldReader) throws(AMQPError) -> [String: AMQPValue] {
        defer { recycle_amqp_pool(pool) }
        var table = amqp_table_t()
        var offset = 0
        let status = amqp_decode_table(amqp_bytes_t(reader.rest), pool, &table, &offset)
        guard status == AMQP_STATUS_OK.rawValue else { throw Self.fault(status) }
        try reader.skip(offset)
        return [String: AMQPValue](table)
    }

    private static func fault(_ status: Int32) -> AMQPError {
        AMQPError(
            .connectionLost, "what arrived is not AMQP 0-9-1 (\(String(cString: amqp_error_string2(status))))")
    }
}

extension amqp_bytes_t {
    /// Bytes that the library only reads, though it declares them as changeable.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(len: bytes.count, bytes: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}
