import CRabbitMQ
import Glibc

/// An operating system thread that runs `body` once and is gone.
enum DetachedThread {
    private final class Job: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }

        func run() {
            // The system shows 15 bytes of it.
            crabbitmq_name_thread(name)
            body()
        }
    }

    static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(AMQPError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        // Enough for us and for the resolver's plug-ins; the default of 8 MiB per thread only worries people.
        pthread_attr_setstacksize(&attributes, 1 << 20)

        let job = Unmanaged.passRetained(Job(name: name, body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, job.toOpaque())
        guard status == 0 else {
            job.release()
            throw AMQPError(.system, "no further thread can be started: \(SystemError.text(status))")
        }
    }
}
