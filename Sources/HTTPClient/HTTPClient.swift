/// Asks HTTP servers, by libcurl. One thread serves all requests of a client, however many there are at once, and keeps
/// connections for the next ones; nothing blocks the cooperative pool.
///
/// The thread ends when the client is let go of.
package final class HTTPClient: Sendable {
    private let engine: HTTPEngine

    /// - Parameter authorities: a file with the certificates to trust for https; nil for the system's own.
    package init(authorities: String? = nil) throws(HTTPError) {
        engine = try HTTPEngine(authorities: authorities)
        try engine.start()
    }

    deinit { engine.stop() }

    /// Sends a request and gives the whole answer; a status such as 404 or 500 is an answer and no error.
    ///
    /// Cancelling the task ends the exchange at once.
    package func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        try await engine.send(request)
    }

    /// GET with the usual limits.
    package func get(
        _ url: String, headers: [(name: String, value: String)] = [], timeout: Duration = .seconds(10)
    ) async throws(HTTPError) -> HTTPResponse {
        var request = HTTPRequest(.get, url, headers: headers)
        request.timeout = timeout
        return try await send(request)
    }
}
