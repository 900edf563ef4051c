internal import CMicroHTTP
internal import Glibc

/// Answers questions over HTTP on this machine's loopback, by libmicrohttpd: pages that are made at once, such as figures
/// and signs of life. One thread of the library serves all of it.
package final class HTTPServer: Sendable {
    /// Makes the answer to a question. It is called on the server's thread and must not wait.
    package typealias Handler = @Sendable (HTTPQuestion) -> HTTPAnswer

    /// The port that it listens on.
    package let port: UInt16
    private let daemon: Daemon

    /// Begins to serve.
    /// - Parameter port: 0 for a free one.
    package init(port: UInt16 = 0, handler: @escaping Handler) throws(HTTPServerError) {
        daemon = try Daemon(port: port, handler: handler)
        self.port = daemon.port
    }

    /// Where it answers, such as `http://127.0.0.1:9100`.
    package var address: String { "http://127.0.0.1:\(port)" }
}

/// What is asked.
package struct HTTPQuestion: Sendable {
    /// Such as `GET`.
    package let method: String
    /// Without what follows a question mark.
    package let path: String
}

/// What is answered.
package struct HTTPAnswer: Sendable {
    package var status: UInt32
    package var contentType: String
    package var body: [UInt8]

    package init(_ status: UInt32, _ contentType: String, _ text: String) {
        self.status = status
        self.contentType = contentType
        body = Array(text.utf8)
    }

    /// Plain text.
    package init(_ status: UInt32, _ text: String) {
        self.init(status, "text/plain; charset=utf-8", text)
    }

    /// Plain text, and all is well.
    package init(_ text: String) { self.init(200, text) }
}

/// Why there is no server.
package struct HTTPServerError: Error, Sendable, CustomStringConvertible {
    package let description: String
}

/// The library's server and what it needs as long as it runs.
/// reason for @unchecked: the pointer is set once, and the library may be asked from any thread.
private final class Daemon: @unchecked Sendable {  // reason: see above
    private let handle: OpaquePointer
    private let context: Unmanaged<Context>

    init(port: UInt16, handler: @escaping HTTPServer.Handler) throws(HTTPServerError) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let context = Unmanaged.passRetained(Context(handler))
        guard let handle = execbus_http_start(&address, answer, context.toOpaque(), 64, 30) else {
            let reason = String(cString: strerror(errno))
            context.release()
            throw HTTPServerError(description: "port \(port) of 127.0.0.1 cannot be served: \(reason)")
        }
        self.handle = handle
        self.context = context
    }

    var port: UInt16 { execbus_http_port(handle) }

    deinit {
        // Waits for the answer that is being made: nothing uses the context after it.
        MHD_stop_daemon(handle)
        context.release()
    }
}

private final class Context: Sendable {
    let handler: HTTPServer.Handler

    init(_ handler: @escaping HTTPServer.Handler) { self.handler = handler }
}

/// Called by the library for each question, first when its headers are there, then for each piece of its body, and last
/// with an empty piece, which is the time to answer.
private func answer(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ path: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?, _: UnsafePointer<CChar>?, _: UnsafePointer<CChar>?,
    _ size: UnsafeMutablePointer<Int>?,
    _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let context, let connection, let path, let method, let size, let state else { return .NO }
    guard state.pointee != nil else {
        // Anything but nil: the headers were seen.
        state.pointee = context
        return .YES
    }
    if size.pointee > 0 {
        size.pointee = 0
        return .YES
    }
    let question = HTTPQuestion(method: String(cString: method), path: String(cString: path))
    let isReading = question.method == MHD_HTTP_METHOD_GET || question.method == MHD_HTTP_METHOD_HEAD
    let made =
        isReading
        ? Unmanaged<Context>.fromOpaque(context).takeUnretainedValue().handler(question)
        : HTTPAnswer(405, "only GET and HEAD are answered here\n")
    var body = made.body
    let response = body.withUnsafeMutableBytes { bytes in
        MHD_create_response_from_buffer(bytes.count, bytes.baseAddress, .RESPMEM_MUST_COPY)
    }
    guard let response else { return .NO }
    defer { MHD_destroy_response(response) }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, made.contentType)
    if !isReading { MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") }
    return MHD_queue_response(connection, made.status, response)
}
