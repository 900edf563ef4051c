internal import Glibc

/// Asks whether a server on this machine answers, without waiting on a thread of the cooperative pool.
enum LoopbackProbe {
    /// Whether something accepts connections on this port of 127.0.0.1.
    static func accepts(_ port: UInt16) -> Bool {
        guard let descriptor = connect(port) else { return false }
        close(descriptor)
        return true
    }

    /// Whether an AMQP 0-9-1 server answers: it sends `connection.start`, a method frame, on the protocol header
    /// (AMQP 0-9-1, section 2.2.4), and no other server does.
    static func speaksAMQP(_ port: UInt16, within limit: Duration) async -> Bool {
        guard let descriptor = connect(port) else { return false }
        defer { close(descriptor) }
        let header: [UInt8] = Array("AMQP".utf8) + [0, 0, 9, 1]
        let end = ContinuousClock.now + limit
        guard send(descriptor, header, header.count, Int32(MSG_NOSIGNAL)) == header.count else { return false }
        repeat {
            var first: UInt8 = 0
            let count = recv(descriptor, &first, 1, Int32(MSG_DONTWAIT))
            if count >= 0 { return count == 1 && first == 1 }
            guard errno == EAGAIN || errno == EINTR else { return false }
            try? await Task.sleep(for: .milliseconds(5))
        } while ContinuousClock.now < end && !Task.isCancelled
        return false
    }

    /// A connection, or nil. On the loopback interface the answer is there when the call returns.
    private static func connect(_ port: UInt16) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}

extension NetworkDescription {
    /// Whether the network's RabbitMQ answers at its port.
    package func isAnswered(within limit: Duration = .seconds(5)) async -> Bool {
        let port = amqp.split(separator: ":").last.flatMap { UInt16($0.prefix { $0 != "/" }) }
        guard let port else { return false }
        return await LoopbackProbe.speaksAMQP(port, within: limit)
    }
}
