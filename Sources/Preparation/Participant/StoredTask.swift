internal import ExecutionModel
internal import FoundationEssentials
internal import MessageBus
internal import Wire

/// A task as its participant keeps it.
struct StoredTask: Codable {
    static let kind = "task"

    var machine: TaskMachine
    /// Whether the release that was asked for keeps what the session has left.
    var keep = false
    /// How many events told of it; they are numbered here, so that the numbers go with the task. nil for one that an
    /// earlier version stored, whose numbers the bus keeps.
    var events: Int64? = 0

    init(task: TaskID) { machine = TaskMachine(task: task) }

    /// Whether its work has been called off or has failed by itself, so that what is half done has to go.
    var hasFailed: Bool { machine.state == .failed || machine.state == .cancelled }

    /// Whose session it prepares; nil where no command to start it has come.
    var owner: Caller? { machine.start?.command["owner"].flatMap(Caller.init) }
}

/// What a participant keeps with a task of who asked: where to tell of the end, or a request that waits.
extension Asker {
    /// Who is told when a task is done.
    init(broker: String, correlationID: String?) {
        self.init(.object(compacting: ["to": .string(broker), "correlation": correlationID.map(JSON.string)]))
    }

    var receiver: String? { reference["to"]?.string }
    var correlationID: String? { reference["correlation"]?.string }

    /// A request that is answered later.
    init(_ request: Request) throws {
        self.init(try JSON(stored: request))
    }

    func request() throws -> Request { try reference.restored(Request.self) }
}

extension JSON {
    /// A value in the form in which it is stored, as a part of something larger.
    init(stored value: some Encodable) throws {
        self = try JSON(parsing: Array(try JSONEncoder().encode(value)))
    }

    /// Reads such a part.
    func restored<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}
