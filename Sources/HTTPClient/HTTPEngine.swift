internal import CCurl
internal import CLinux
internal import Glibc
internal import Synchronization

/// The thread behind a client, and the mailbox through which it is spoken to.
///
/// libcurl's handles are made, used and freed on that thread alone; others only put something into the mailbox and wake
/// it by an event descriptor.
final class HTTPEngine: Sendable {
    private struct Mailbox: ~Copyable {
        var new: [Order] = []
        /// Of tasks that still wait; each removes its own when it has its answer.
        var cancelled: Set<UInt64> = []
        var isStopping = false
        var lastNumber: UInt64 = 0
    }

    /// A request with where its answer goes.
    struct Order: Sendable {
        let number: UInt64
        let request: HTTPRequest
        let continuation: CheckedContinuation<Result<HTTPResponse, HTTPError>, Never>
    }

    private let mailbox = Mutex(Mailbox())
    private let alarm: Int32
    let authorities: String?

    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(authorities: String?) throws(HTTPError) {
        guard HTTPEngine.isReady else { throw HTTPError(.system, "libcurl cannot be used") }
        alarm = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard alarm >= 0 else { throw HTTPError(.system, "no event descriptor: \(String(cString: strerror(errno)))") }
        self.authorities = authorities
    }

    deinit { close(alarm) }

    func start() throws(HTTPError) {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(self)
        let code = pthread_create(&thread, nil, runEngine, argument.toOpaque())
        guard code == 0 else {
            argument.release()
            throw HTTPError(.system, "no new thread: \(String(cString: strerror(code)))")
        }
        pthread_detach(thread)
    }

    func stop() {
        mailbox.withLock { $0.isStopping = true }
        wake()
    }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let number = mailbox.withLock { mailbox in
            mailbox.lastNumber += 1
            return mailbox.lastNumber
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let order = Order(number: number, request: request, continuation: continuation)
                let isTaken = mailbox.withLock { mailbox in
                    // The cancellation may have been first.
                    guard !mailbox.cancelled.contains(number) else { return false }
                    mailbox.new.append(order)
                    return true
                }
                if isTaken { wake() } else { continuation.resume(returning: .failure(.cancelled)) }
            }
        } onCancel: {
            mailbox.withLock { _ = $0.cancelled.insert(number) }
            wake()
        }
        mailbox.withLock { _ = $0.cancelled.remove(number) }
        return try result.get()
    }

    private func wake() {
        var one: UInt64 = 1
        write(alarm, &one, 8)
    }

    private func takeMail() -> (new: [Order], cancelled: Set<UInt64>, isStopping: Bool) {
        mailbox.withLock { mailbox in
            defer { mailbox.new = [] }
            return (mailbox.new, mailbox.cancelled, mailbox.isStopping)
        }
    }

    /// The thread: hand orders to libcurl, let it work, hand out what is done.
    fileprivate func run() {
        guard let multi = curl_multi_init() else { return refuseEverything() }
        defer { curl_multi_cleanup(multi) }
        var transfers: [UInt64: HTTPTransfer] = [:]
        while true {
            let mail = takeMail()
            for order in mail.new { begin(order, multi, &transfers) }
            for number in mail.cancelled {
                guard let transfer = transfers.removeValue(forKey: number) else { continue }
                curl_multi_remove_handle(multi, transfer.easy)
                transfer.end(.failure(.cancelled))
            }
            // Who waits holds the client, so nobody waits once it stops.
            if mail.isStopping { return }
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            handOut(multi, &transfers)
            var alarmed = curl_waitfd(fd: alarm, events: Int16(CURL_WAIT_POLLIN), revents: 0)
            curl_multi_poll(multi, &alarmed, 1, transfers.isEmpty ? 60_000 : 1000, nil)
            var count: UInt64 = 0
            read(alarm, &count, 8)
        }
    }

    private func begin(_ order: Order, _ multi: UnsafeMutableRawPointer, _ transfers: inout [UInt64: HTTPTransfer]) {
        do throws(HTTPError) {
            let transfer = try HTTPTransfer(order, authorities: authorities)
            guard curl_multi_add_handle(multi, transfer.easy) == CURLM_OK else {
                throw HTTPError(.system, "libcurl takes no more requests")
            }
            transfers[order.number] = transfer
        } catch {
            order.continuation.resume(returning: .failure(error))
        }
    }

    private func handOut(_ multi: UnsafeMutableRawPointer, _ transfers: inout [UInt64: HTTPTransfer]) {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let (number, transfer) = transfers.first(where: { $0.value.easy == easy })
            else { continue }
            // Before the handle is removed: the message is gone after that.
            let result = execbus_curl_message_result(message)
            curl_multi_remove_handle(multi, easy)
            transfers[number] = nil
            transfer.end(transfer.answer(result))
        }
    }

    /// Without libcurl there is no answer, but nobody shall wait for it either.
    private func refuseEverything() {
        while true {
            let mail = takeMail()
            for order in mail.new {
                order.continuation.resume(returning: .failure(HTTPError(.system, "no memory for libcurl")))
            }
            if mail.isStopping { return }
            var descriptor = pollfd(fd: alarm, events: Int16(POLLIN), revents: 0)
            poll(&descriptor, 1, -1)
            var count: UInt64 = 0
            read(alarm, &count, 8)
        }
    }
}

private func runEngine(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<HTTPEngine>.fromOpaque(argument).takeRetainedValue().run() }
    return nil
}

extension HTTPError {
    static let cancelled = HTTPError(.cancelled, "the request was cancelled")
}
