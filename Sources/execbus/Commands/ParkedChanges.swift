internal import AMQP
internal import Glibc
internal import MessageBus
internal import Processes
internal import Wire

extension ParkedQueues {
    /// Sends selected messages to their participants again, each queue in its order.
    func replay(_ selection: ParkedSelection, _ invocation: Invocation) async throws {
        var replayed: [ParkedEntry] = []
        var late: [ParkedEntry] = []
        for queue in try await filled(selection.queue) {
            let reading = try await read(queue, limit: selection.limit)
            if let note = reading.note { Terminal.complain(note) }
            do {
                for batch in reading.batches {
                    let entries = batch.messages.map(ParkedMessage.init).filter(selection.contains).map {
                        ParkedEntry(queue: queue, message: $0)
                    }
                    let isLate = { (entry: ParkedEntry) in
                        !invocation.has("ignore-deadline") && (entry.message.deadline.map { $0 < .now() } ?? false)
                    }
                    late += entries.filter(isLate)
                    replayed += try await replay(entries.filter { !isLate($0) }, of: batch, invocation)
                }
            } catch {
                await reading.giveBack()
                throw error
            }
            await reading.giveBack()
        }
        ParkedText.tell("replayed", replayed, invocation)
        guard late.isEmpty else {
            throw Failure(
                .failed,
                "\(late.count) are past their deadline, and their participants would refuse them: "
                    + "--ignore-deadline takes it away")
        }
        try expectSome(replayed, selection)
    }

    /// Publishes messages in order and, once RabbitMQ has them, takes them out of the parked queue.
    private func replay(
        _ entries: [ParkedEntry], of batch: HeldBatch, _ invocation: Invocation
    ) async throws -> [ParkedEntry] {
        for receiver in Set(entries.map(\.message.receiver)) where try await !hasQueue(receiver) {
            throw Failure(.failed, "there is no queue \(receiver) to which its messages could return; they stay parked")
        }
        let outcomes = await publish(
            entries.map { $0.message.replayed(ignoringDeadline: invocation.has("ignore-deadline")) })
        let sent = zip(entries, outcomes).prefix { $0.1.isConfirmed }.map(\.0)
        let confirmed = Set(sent.map(\.message.delivery))
        batch.settle { confirmed.contains($0) ? .acknowledge : .requeue }
        if let error = outcomes.dropFirst(sent.count).first?.error {
            let isForbidden = [.preconditionFailed, .accessRefused].contains(error.code)
            let advice =
                isForbidden
                ? "; this user may not speak for participants: rabbitmqctl set_user_tags NAME administrator impersonator"
                : "; the same command goes on with the rest"
            throw Failure(
                isForbidden ? .notAuthorised : .failed, "\(sent.count) were replayed, then: \(error)\(advice)")
        }
        return sent
    }

    /// Removes selected messages for good.
    func drop(_ selection: ParkedSelection, _ invocation: Invocation) async throws {
        var dropped: [ParkedEntry] = []
        for queue in try await filled(selection.queue) {
            let reading = try await read(queue, limit: selection.limit)
            if let note = reading.note { Terminal.complain(note) }
            let entries = reading.entries(selection)
            do {
                if !entries.isEmpty, try await isMeant(entries, invocation) {
                    let gone = Set(entries.map(\.message.delivery))
                    for batch in reading.batches { batch.settle { gone.contains($0) ? .acknowledge : .requeue } }
                    dropped += entries
                }
            } catch {
                await reading.giveBack()
                throw error
            }
            await reading.giveBack()
        }
        ParkedText.tell("dropped", dropped, invocation)
        try expectSome(dropped, selection)
    }

    /// Asks a person; a script has to say it.
    private func isMeant(_ entries: [ParkedEntry], _ invocation: Invocation) async throws -> Bool {
        if invocation.has("yes") { return true }
        guard isatty(STDIN_FILENO) == 1 else {
            throw UsageError("\(entries.count) messages would be dropped for good: --yes says that this is meant")
        }
        ParkedText.show(entries, invocation)
        Terminal.write("Drop these \(entries.count) for good? [y/N] ")
        let answer = try await BlockingWork.run { _ in readLine() }
        return answer.map { ["y", "yes"].contains($0.lowercased()) } ?? false
    }

    private func expectSome(_ entries: [ParkedEntry], _ selection: ParkedSelection) throws {
        if entries.isEmpty, !selection.ids.isEmpty { throw Failure(.failed, "no parked message has such an id") }
    }
}
