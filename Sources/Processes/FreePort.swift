internal import Glibc

/// Free TCP ports of the loopback address.
package enum FreePort {
    /// So many different ports of 127.0.0.1 that are free now.
    ///
    /// They lie below the range from which the kernel takes ports for outgoing connections (32,768 and up by default),
    /// so that none of these takes one before the server that it is meant for has started.
    package static func find(_ count: Int) throws(ProcessError) -> [UInt16] {
        var held: [Int32] = []
        defer { for descriptor in held { close(descriptor) } }
        var ports: [UInt16] = []
        for candidate in Array(UInt16(20_000)..<32_000).shuffled() {
            if ports.count == count { break }
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw .system("cannot make a socket") }
            held.append(descriptor)
            // Held until all are found, so that no two are the same.
            if bind(descriptor, to: candidate) { ports.append(candidate) }
        }
        guard ports.count == count else { throw ProcessError(.system, "no free port on 127.0.0.1") }
        return ports
    }

    /// One port of 127.0.0.1 that is free now.
    package static func find() throws(ProcessError) -> UInt16 {
        guard let port = try find(1).first else { throw ProcessError(.system, "no free port on 127.0.0.1") }
        return port
    }

    private static func bind(_ descriptor: Int32, to port: UInt16) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
