/// A question to an HTTP server.
package struct HTTPRequest: Sendable {
    /// What is done with the thing that the URL names (RFC 9110, section 9).
    package enum Method: String, Sendable, Hashable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    package var method: Method
    /// `http://…` or `https://…`; any other scheme is refused.
    package var url: String
    /// In the order in which they are sent.
    package var headers: [(name: String, value: String)]
    /// Sent with POST and PUT.
    package var body: [UInt8]
    /// For the whole exchange, from the look-up of the name to the last byte of the answer.
    package var timeout: Duration = .seconds(10)
    /// A body of the answer with more bytes than this is an error; nothing of it is kept.
    package var responseLimit = 1 << 20
    /// How many redirects are followed. With 0 the redirect itself is the answer. On the way to another host
    /// `Authorization` is left out.
    package var redirectLimit = 0

    package init(
        _ method: Method = .get, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// What the server answered, whatever its status.
package struct HTTPResponse: Sendable {
    /// Such as 200.
    package let status: Int
    /// In the order of the answer; names as the server wrote them.
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]

    /// The first header of this name, in whatever case.
    package func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }

    /// The body as text.
    package var text: String { String(decoding: body, as: UTF8.self) }
    /// Whether the status is 200 to 299.
    package var isSuccess: Bool { (200...299).contains(status) }
}

/// Why there is no answer.
package struct HTTPError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure, for code to decide by.
    package enum Code: Sendable, Hashable {
        /// The URL, a header or an option of the request is wrong.
        case invalidRequest
        /// The server's name is not known.
        case unknownHost
        /// Nobody listens there.
        case refused
        /// The time was over before the answer was.
        case timedOut
        /// The connection broke, or what came over it is not HTTP.
        case broken
        /// The server's certificate or the handshake is not good.
        case notTrusted
        /// The answer has more bytes than allowed.
        case tooLarge
        /// More redirects than allowed.
        case tooManyRedirects
        /// The task was cancelled.
        case cancelled
        /// Something of this machine: no memory, no thread.
        case system
    }

    package let code: Code
    /// For people; the URL's query, in which there may be a token, is left out.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the same request may be answered later.
    package var isRetriable: Bool {
        switch code {
        case .unknownHost, .refused, .timedOut, .broken, .system: true
        case .invalidRequest, .notTrusted, .tooLarge, .tooManyRedirects, .cancelled: false
        }
    }

    package var description: String { message }
}
