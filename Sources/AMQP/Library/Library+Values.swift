import CRabbitMQ

extension amqp_bytes_t {
    /// The bytes, valid as long as the library's memory for the frame.
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : len) }

    /// As text; what is not UTF-8 is replaced, as nothing of ours depends on it.
    var text: String { String(decoding: buffer, as: UTF8.self) }
}

extension AMQPProperties {
    init(_ source: amqp_basic_properties_t) {
        let flags = source._flags
        func text(_ flag: Int32, _ bytes: amqp_bytes_t) -> String? {
            flags & amqp_flags_t(flag) != 0 ? bytes.text : nil
        }
        func has(_ flag: Int32) -> Bool { flags & amqp_flags_t(flag) != 0 }
        self.init(
            contentType: text(AMQP_BASIC_CONTENT_TYPE_FLAG, source.content_type),
            contentEncoding: text(AMQP_BASIC_CONTENT_ENCODING_FLAG, source.content_encoding),
            headers: has(AMQP_BASIC_HEADERS_FLAG) ? [String: AMQPValue](source.headers) : [:],
            isPersistent: has(AMQP_BASIC_DELIVERY_MODE_FLAG) && source.delivery_mode == 2,
            priority: has(AMQP_BASIC_PRIORITY_FLAG) ? source.priority : nil,
            correlationID: text(AMQP_BASIC_CORRELATION_ID_FLAG, source.correlation_id),
            replyTo: text(AMQP_BASIC_REPLY_TO_FLAG, source.reply_to),
            expiration: text(AMQP_BASIC_EXPIRATION_FLAG, source.expiration),
            messageID: text(AMQP_BASIC_MESSAGE_ID_FLAG, source.message_id),
            timestamp: has(AMQP_BASIC_TIMESTAMP_FLAG) ? source.timestamp : nil,
            type: text(AMQP_BASIC_TYPE_FLAG, source.type),
            userID: text(AMQP_BASIC_USER_ID_FLAG, source.user_id),
            appID: text(AMQP_BASIC_APP_ID_FLAG, source.app_id))
    }
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
