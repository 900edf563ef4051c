import CRabbitMQ
import Glibc

/// Wakes a thread out of `poll`.
final class Bell: Sendable {
    let descriptor: Int32

    init() throws(AMQPError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else {
            throw AMQPError(.system, "no eventfd: \(SystemError.text(errno)); raise the limit of open files")
        }
    }

    deinit { Glibc.close(descriptor) }

    func ring() { eventfd_write(descriptor, 1) }

    func silence() {
        var count: eventfd_t = 0
        eventfd_read(descriptor, &count)
    }
}
