import CRabbitMQ

extension amqp_bytes_t {
    /// The bytes, valid as long as the library's memory for the frame.
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : len) }

    /// As text; what is not UTF-8 is replaced, as nothing of ours depends on it.
    var text: String { String(decoding: buffer, as: UTF8.self) }
}

extension [String: AMQPValue] {
    init(_ source: amqp_table_t) {
        self.init(minimumCapacity: Int(source.num_entries))
        for entry in UnsafeBufferPointer(start: source.entries, count: Int(source.num_entries)) {
            self[entry.key.text] = AMQPValue(entry.value)
        }
    }
}

extension AMQPValue {
    /// The library limits the depth, so that this recursion ends.
    init(_ source: amqp_field_value_t) {
        let value = source.value
        switch amqp_field_value_kind_t(UInt32(source.kind)) {
        case AMQP_FIELD_KIND_BOOLEAN: self = .bool(value.boolean != 0)
        case AMQP_FIELD_KIND_I8: self = .int(Int64(value.i8))
        case AMQP_FIELD_KIND_U8: self = .int(Int64(value.u8))
        case AMQP_FIELD_KIND_I16: self = .int(Int64(value.i16))
        case AMQP_FIELD_KIND_U16: self = .int(Int64(value.u16))
        case AMQP_FIELD_KIND_I32: self = .int(Int64(value.i32))
        case AMQP_FIELD_KIND_U32: self = .int(Int64(value.u32))
        case AMQP_FIELD_KIND_I64: self = .int(value.i64)
        // Not among RabbitMQ's own types; beyond 63 bits only the magnitude is kept.
        case AMQP_FIELD_KIND_U64: self = Int64(exactly: value.u64).map { .int($0) } ?? .double(Double(value.u64))
        case AMQP_FIELD_KIND_F32: self = .double(Double(value.f32))
        case AMQP_FIELD_KIND_F64: self = .double(value.f64)
        case AMQP_FIELD_KIND_DECIMAL: self = .decimal(scale: value.decimal.decimals, value: value.decimal.value)
        case AMQP_FIELD_KIND_UTF8:
            let raw = value.bytes.buffer
            self = String(validating: raw, as: UTF8.self).map { .string($0) } ?? .bytes(Array(raw))
        case AMQP_FIELD_KIND_BYTES: self = .bytes(Array(value.bytes.buffer))
        case AMQP_FIELD_KIND_TIMESTAMP: self = .timestamp(value.u64)
        case AMQP_FIELD_KIND_TABLE: self = .table([String: AMQPValue](value.table))
        case AMQP_FIELD_KIND_ARRAY:
            let entries = UnsafeBufferPointer(start: value.array.entries, count: Int(value.array.num_entries))
            self = .array(entries.map { AMQPValue($0) })
        default: self = .void
        }
    }
}
