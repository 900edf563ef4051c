internal import CCurl
internal import Glibc

/// One exchange under way; lives on the client's thread only.
final class HTTPTransfer {
    let easy: UnsafeMutableRawPointer
    private let order: HTTPEngine.Order
    private let target: Target
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var headers: [(name: String, value: String)] = []
    private var body: [UInt8] = []
    private var isTooLarge = false

    /// Sets libcurl up for the request; the error says what is wrong with it.
    init(_ order: HTTPEngine.Order, authorities: String?) throws(HTTPError) {
        target = try Target(order.request.url)
        guard let easy = curl_easy_init() else { throw HTTPError(.system, "no memory for a request") }
        self.easy = easy
        self.order = order
        try setUp(order.request, authorities: authorities)
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_slist_free_all(headerList)
    }

    /// Gives the answer to who waits for it. Called once.
    func end(_ result: Result<HTTPResponse, HTTPError>) { order.continuation.resume(returning: result) }

    /// The answer after libcurl has come to an end.
    func answer(_ code: CURLcode) -> Result<HTTPResponse, HTTPError> {
        guard code == CURLE_OK else { return .failure(failure(code)) }
        var status = 0
        execbus_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
        return .success(HTTPResponse(status: status, headers: headers, body: body))
    }

    private func failure(_ code: CURLcode) -> HTTPError {
        if isTooLarge {
            return HTTPError(
                .tooLarge, "the answer of \(target.shown) has more than \(order.request.responseLimit) bytes")
        }
        let words = String(cString: curl_easy_strerror(code))
        return HTTPError(HTTPTransfer.kind(of: code), "\(order.request.method.rawValue) \(target.shown): \(words)")
    }

    private static func kind(of code: CURLcode) -> HTTPError.Code {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .unknownHost
        case CURLE_COULDNT_CONNECT: .refused
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_ISSUER_ERROR:
            .notTrusted
        case CURLE_TOO_MANY_REDIRECTS: .tooManyRedirects
        case CURLE_URL_MALFORMAT: .invalidRequest
        case CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT: .system
        default: .broken
        }
    }

    private func setUp(_ request: HTTPRequest, authorities: String?) throws(HTTPError) {
        execbus_curl_set_text(easy, CURLOPT_URL, request.url)
        execbus_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        execbus_curl_set_text(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        execbus_curl_set_text(easy, CURLOPT_USERAGENT, "ExecutionBus")
        // Without this libcurl uses signals for its time-outs, which a program with threads cannot have.
        execbus_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        execbus_curl_set_long(easy, CURLOPT_TIMEOUT_MS, max(1, request.timeout.milliseconds))
        execbus_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, max(1, request.timeout.milliseconds))
        if request.redirectLimit > 0 {
            execbus_curl_set_long(easy, CURLOPT_FOLLOWLOCATION, 1)
            execbus_curl_set_long(easy, CURLOPT_MAXREDIRS, request.redirectLimit)
        }
        // What runs on this machine is never behind a proxy, whatever the environment says.
        if target.isThisMachine { execbus_curl_set_text(easy, CURLOPT_PROXY, "") }
        if let authorities { execbus_curl_set_text(easy, CURLOPT_CAINFO, authorities) }
        setMethod(request)
        try setHeaders(request)

        let receiver = Unmanaged.passUnretained(self).toOpaque()
        execbus_curl_set_pointer(easy, CURLOPT_WRITEDATA, receiver)
        execbus_curl_set_receiver(easy, CURLOPT_WRITEFUNCTION, receiveBody)
        execbus_curl_set_pointer(easy, CURLOPT_HEADERDATA, receiver)
        execbus_curl_set_receiver(easy, CURLOPT_HEADERFUNCTION, receiveHeader)
    }

    private func setMethod(_ request: HTTPRequest) {
        switch request.method {
        case .get: execbus_curl_set_long(easy, CURLOPT_HTTPGET, 1)
        case .head: execbus_curl_set_long(easy, CURLOPT_NOBODY, 1)
        case .delete: execbus_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        case .post, .put:
            execbus_curl_set_long(easy, CURLOPT_POST, 1)
            execbus_curl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
            request.body.withUnsafeBytes { bytes in
                _ = execbus_curl_set_pointer(
                    easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            }
            if request.method == .put { execbus_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue) }
        }
    }

    private func setHeaders(_ request: HTTPRequest) throws(HTTPError) {
        for (name, value) in request.headers {
            guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }),
                value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
            else { throw HTTPError(.invalidRequest, "the header '\(name)' cannot be sent") }
            // libcurl's form of a header that has no value.
            headerList = curl_slist_append(headerList, value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        // Otherwise libcurl asks first whether a long body is welcome, and waits a second for servers that do not answer.
        headerList = curl_slist_append(headerList, "Expect:")
        execbus_curl_set_list(easy, CURLOPT_HTTPHEADER, headerList)
    }

    fileprivate func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= order.request.responseLimit else {
            isTooLarge = true
            return false
        }
        body.append(contentsOf: bytes)
        return true
    }

    fileprivate func takeHeader(_ bytes: UnsafeRawBufferPointer) {
        let line = String(decoding: bytes, as: UTF8.self)
        // A status line begins an answer: after a redirect, or after "100 Continue", the headers before it do not count.
        if line.hasPrefix("HTTP/") { return headers = [] }
        guard let colon = line.firstIndex(of: ":") else { return }
        headers.append((String(line[..<colon]), line[line.index(after: colon)...].trimmed))
    }
}

private func receiveBody(
    _ bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, receiver: UnsafeMutableRawPointer?
) -> Int {
    guard let receiver else { return 0 }
    let transfer = Unmanaged<HTTPTransfer>.fromOpaque(receiver).takeUnretainedValue()
    return transfer.takeBody(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

private func receiveHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, receiver: UnsafeMutableRawPointer?
) -> Int {
    guard let receiver else { return 0 }
    let transfer = Unmanaged<HTTPTransfer>.fromOpaque(receiver).takeUnretainedValue()
    transfer.takeHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
    return size * count
}

/// Where a request goes, as libcurl itself understands the URL.
private struct Target {
    /// Scheme, host, port and path: what may be shown. A query can hold a token.
    let shown: String
    let isThisMachine: Bool

    init(_ url: String) throws(HTTPError) {
        guard let parser = curl_url() else { throw HTTPError(.system, "no memory for a URL") }
        defer { curl_url_cleanup(parser) }
        guard !url.utf8.contains(0), curl_url_set(parser, CURLUPART_URL, url, 0) == CURLUE_OK,
            let scheme = Target.part(CURLUPART_SCHEME, of: parser), ["http", "https"].contains(scheme),
            let host = Target.part(CURLUPART_HOST, of: parser)
        else { throw HTTPError(.invalidRequest, "not the URL of an HTTP server") }
        let port = Target.part(CURLUPART_PORT, of: parser).map { ":\($0)" } ?? ""
        shown = "\(scheme)://\(host)\(port)\(Target.part(CURLUPART_PATH, of: parser) ?? "")"
        isThisMachine = host == "localhost" || host == "[::1]" || host.hasPrefix("127.")
    }

    private static func part(_ part: CURLUPart, of parser: OpaquePointer) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(parser, part, &text, 0) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}

extension Duration {
    fileprivate var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds.multipliedReportingOverflow(by: 1000).partialValue)
            + Int(attoseconds / 1_000_000_000_000_000)
    }
}

extension Substring {
    /// Without blanks, tabs and line ends around it.
    fileprivate var trimmed: String {
        let isBlank = { (character: Character) in character == " " || character == "\t" || character.isNewline }
        return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
