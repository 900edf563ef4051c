import Glibc
import Synchronization
import Testing

/// An HTTP server that answers each connection with whatever bytes a test wants, on a port of its own.
final class TinyServer: Sendable {
    /// Gets the request as text and what to answer with; closes the connection when it returns.
    typealias Handler = @Sendable (String, Connection) -> Void

    struct Connection: Sendable {
        let descriptor: Int32

        func write(_ text: String) {
            let bytes = Array(text.utf8)
            var offset = 0
            while offset < bytes.count {
                let count = bytes.withUnsafeBytes {
                    send(
                        descriptor, $0.baseAddress?.advanced(by: offset), bytes.count - offset,
                        Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return }
                offset += count
            }
        }

        func answer(_ status: Int = 200, headers: [String] = [], _ body: String = "") {
            let lines =
                ["HTTP/1.1 \(status) Whatever", "Content-Length: \(body.utf8.count)", "Connection: close"] + headers
            write(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
        }

        /// Until the other side has closed, or the server's test is over.
        func waitForEnd() {
            var byte: UInt8 = 0
            while recv(descriptor, &byte, 1, 0) > 0 {}
        }
    }

    let port: UInt16
    private let listener: Int32
    private let handler: Handler

    init(_ handler: @escaping Handler) throws {
        self.handler = handler
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(listener >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        try #require(isListening)
        port = UInt16(bigEndian: address.sin_port)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            {
                Unmanaged<Box>.fromOpaque($0.unsafelyUnwrapped).takeRetainedValue().body(); return nil
            },
            Unmanaged.passRetained(Box { TinyServer.accept(listener, handler) }).toOpaque())
        pthread_detach(thread)
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    var url: String { "http://127.0.0.1:\(port)" }

    private final class Box {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    private static func accept(_ listener: Int32, _ handler: @escaping Handler) {
        while true {
            let descriptor = Glibc.accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            var thread = pthread_t()
            pthread_create(
                &thread, nil,
                {
                    Unmanaged<Box>.fromOpaque($0.unsafelyUnwrapped).takeRetainedValue().body(); return nil
                },
                Unmanaged.passRetained(
                    Box {
                        handler(readRequest(descriptor), Connection(descriptor: descriptor))
                        close(descriptor)
                    }
                ).toOpaque())
            pthread_detach(thread)
        }
        close(listener)
    }

    /// The head and as much body as it announces.
    private static func readRequest(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            bytes += buffer.prefix(count)
            // A TLS handshake, which never becomes a request.
            if bytes.first == 0x16 { break }
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.firstRange(of: "\r\n\r\n") else { continue }
            let announced = text[..<end.lowerBound].split(separator: "\r\n").first {
                $0.lowercased().hasPrefix("content-length:")
            }
            let length = announced.flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
            if text[end.upperBound...].utf8.count >= length { break }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
