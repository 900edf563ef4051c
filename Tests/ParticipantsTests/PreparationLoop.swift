import AMQP
import ExecutionModel
import MessageBus
import Preparation
import Store
import TestSupport
import Wire

/// A preparing participant on its real loop, over a broker in memory, with what the site's broker says to it and hears.
final class PreparationLoop<Work: TaskWork>: Sendable {
    private let memory = MemoryBroker()
    private let broker: MemoryTransport
    private let site: SiteName
    private let store = MemoryStore()

    private var address: String { Work.Kind.participant.address(at: site) }
    private static var brokerAddress: String { "execution-broker.ral" }

    init(_ kind: Work.Type = Work.self, site: SiteName) {
        self.site = site
        broker = memory.transport(user: Self.brokerAddress)
        for exchange in Exchange.allCases {
            memory.declareExchange(exchange.rawValue, kind: exchange == .parked ? "direct" : "topic")
        }
        let address = Work.Kind.participant.address(at: site)
        memory.declareQueue(address, bindings: [("commands", address), ("replies", address)])
        memory.declareQueue("\(address).parked", bindings: [("parked", address)])
        memory.declareQueue("broker", bindings: [("replies", Self.brokerAddress)])
        memory.declareQueue("facts", bindings: [("events", "#")])
    }

    /// One life of the worker: it runs while `body` runs, and is drained.
    func live(_ performer: TaskPerformer<Work>, _ body: () async throws -> Void) async throws {
        let loop = try await ParticipantLoop(
            TaskParticipant<Work.Kind>(site: site), address: address, instance: "1", queues: [address], store: store,
            transport: memory.transport(user: address), performer: performer, settings: LoopSettings(log: .silent))
        let running = Task { try await loop.run() }
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        loop.drain()
        try await running.value
        try result.get()
    }

    func send(_ type: MessageType, _ body: JSON) async {
        var properties = AMQPProperties()
        properties.type = type.rawValue
        properties.messageID = IDSource.random.next()
        properties.replyTo = Self.brokerAddress
        properties.correlationID = type.rawValue
        properties.userID = Self.brokerAddress
        _ = await broker.publish([
            AMQPMessage(exchange: "commands", routingKey: address, properties: properties, body: body.bytes)
        ])
    }

    /// Waits until the broker has been told something of a type.
    func told(_ type: MessageType, within limit: Duration = .seconds(60)) async throws -> TaskDocument {
        var found: TaskDocument?
        _ = try await eventually(within: limit) {
            found = try memory.messages(in: "broker").last { $0.properties.type == type.rawValue }
                .map { try TaskDocument(try JSON(parsing: $0.body)) }
            return found != nil
        }
        guard let found else { throw Problem(.deadlineExceeded, "the broker was not told \(type)") }
        return found
    }

    /// Waits until a task is released.
    func released() async throws -> Bool {
        try await eventually {
            try memory.messages(in: "broker").contains { message in
                try message.properties.type == MessageType.task.rawValue
                    && TaskDocument(try JSON(parsing: message.body)).released
            }
        }
    }

    /// The routing keys of all events so far.
    var events: [String] { memory.messages(in: "facts").map(\.routingKey) }
}
