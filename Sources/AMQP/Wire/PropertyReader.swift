/// Reads the properties of messages: a bit for each that is present, then their values in this order.
struct PropertyReader {
    private var contentType = RepeatedText()
    private var contentEncoding = RepeatedText()
    private var replyTo = RepeatedText()
    private var type = RepeatedText()
    private var userID = RepeatedText()
    private var appID = RepeatedText()

    /// The properties that stand at the end of a header frame.
    mutating func read(_ reader: inout FieldReader, _ decoder: MethodDecoder) throws(AMQPError) -> AMQPProperties {
        var properties = AMQPProperties()
        let flags = try reader.short()
        // Further flags follow where this bit is set; no version of the protocol has so many properties.
        guard flags & 1 == 0 else { throw AMQPError(.connectionLost, "the broker sent properties that do not exist") }
        if flags & 1 << 15 != 0 { properties.contentType = contentType.read(try reader.text()) }
        if flags & 1 << 14 != 0 { properties.contentEncoding = contentEncoding.read(try reader.text()) }
        if flags & 1 << 13 != 0 { properties.headers = try decoder.table(&reader) }
        if flags & 1 << 12 != 0 { properties.isPersistent = try reader.byte() == 2 }
        if flags & 1 << 11 != 0 { properties.priority = try reader.byte() }
        if flags & 1 << 10 != 0 { properties.correlationID = String(decoding: try reader.text(), as: UTF8.self) }
        if flags & 1 << 9 != 0 { properties.replyTo = replyTo.read(try reader.text()) }
        if flags & 1 << 8 != 0 { properties.expiration = String(decoding: try reader.text(), as: UTF8.self) }
        if flags & 1 << 7 != 0 { properties.messageID = String(decoding: try reader.text(), as: UTF8.self) }
        if flags & 1 << 6 != 0 { properties.timestamp = try reader.long() }
        if flags & 1 << 5 != 0 { properties.type = type.read(try reader.text()) }
        if flags & 1 << 4 != 0 { properties.userID = userID.read(try reader.text()) }
        if flags & 1 << 3 != 0 { properties.appID = appID.read(try reader.text()) }
        return properties
    }
}
