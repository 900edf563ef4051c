internal import CLinux
internal import Glibc

/// Signals as a stream.
package enum Signals {
    /// From now on these signals do nothing by themselves, and each one comes out of the stream.
    ///
    /// To be called once for each signal in the life of a program: the newest stream gets it.
    package static func stream(_ numbers: [Int32]) async throws(ProcessError) -> AsyncStream<Int32> {
        let pipe = try Pipe()
        pipe.makeReadingNonBlocking()
        pipe.makeWritingNonBlocking()
        let reading = pipe.reading
        let (stream, continuation) = AsyncStream<Int32>.makeStream(bufferingPolicy: .bufferingNewest(64))
        try await ProcessKeeper.shared.perform { watches in
            watches.add(reading) { _ in
                var bytes = [UInt8](repeating: 0, count: 64)
                let count = read(reading, &bytes, bytes.count)
                for byte in bytes.prefix(max(0, count)) { continuation.yield(Int32(byte)) }
            }
            return .success(())
        }
        for number in numbers {
            let error = execbus_forward_signal(number, pipe.writing)
            guard error == 0 else { throw .system("cannot catch signal \(number)", error) }
        }
        return stream
    }
}
