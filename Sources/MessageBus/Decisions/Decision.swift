internal import FoundationEssentials
public import Store
public import Wire

/// What one input leads to: states, messages, timers and activities, collected and then applied in one transaction.
///
/// Reading sees what the transaction and this decision have written so far.
public struct Decision {
    /// When the input is decided on.
    public let now: Timestamp
    /// The address of the participant that decides, such as `execution-broker.ral`.
    public let address: String
    /// The trace that the input belongs to; messages carry it on.
    public let traceparent: String?

    private let store: any StoreTransaction
    private let ids: IDSource

    private(set) var states: [StateKey: StoredState?] = [:]
    private(set) var outgoing: [Outgoing] = []
    private(set) var answers: [Answer] = []
    private(set) var timers: [String: StoredTimer?] = [:]
    private(set) var activities: [ActivityCommand] = []

    /// An answer to a request: where it goes is known when it is applied, since a newer copy may have come.
    struct Answer {
        let request: Request
        let message: Outgoing
        let isProblemThatPasses: Bool
    }

    enum ActivityCommand: Sendable, Hashable {
        case start(Activity)
        case cancel(id: String)
    }

    /// A decision at an instant over what a transaction shows.
    public init(
        now: Timestamp, address: String, traceparent: String? = nil, store: any StoreTransaction, ids: IDSource
    ) {
        self.now = now
        self.address = address
        self.traceparent = traceparent
        self.store = store
        self.ids = ids
    }

    /// A new id: a UUID.
    public func newID() -> String { ids.next() }

    // MARK: States

    /// The state of a kind with an id, or nil where there is none.
    public func load<State: Decodable>(_ type: State.Type, kind: String, id: String) throws -> State? {
        let key = StateKey(kind: kind, id: id)
        if let changed = states[key] {
            return try changed.map { try decode(type, $0) }
        }
        return try store.state(key).map { try decode(type, $0) }
    }

    /// States of a kind in order of their ids, after an id, optionally of one group. What this decision itself has
    /// written is not among them.
    public func list<State: Decodable>(
        _ type: State.Type, kind: String, group: String? = nil, after: String? = nil, limit: Int = 1_000
    ) throws -> [(id: String, state: State)] {
        try store.states(ofKind: kind, group: group, after: after, limit: limit).map {
            ($0.key.id, try decode(type, $0))
        }
    }

    /// Writes a state; `group` is what it may be listed by.
    public mutating func save(_ state: some Encodable, kind: String, id: String, group: String? = nil) throws {
        let key = StateKey(kind: kind, id: id)
        states[key] = StoredState(key: key, group: group, bytes: try encodeState(state))
    }

    /// Removes a state.
    public mutating func delete(kind: String, id: String) {
        states.updateValue(nil, forKey: StateKey(kind: kind, id: id))
    }

    private func decode<State: Decodable>(_ type: State.Type, _ stored: StoredState) throws -> State {
        try decodeState(type, stored)
    }

    // MARK: Messages

    /// Sends a command or a query. Its answer comes as a message with this `correlationID`; where no queue takes it,
    /// or nobody answers before `deadline` and the receiver says so, the answer is a problem.
    public mutating func ask(
        _ type: String, of receiver: String, _ body: JSON, correlationID: String, onBehalfOf: Caller? = nil,
        deadline: Timestamp? = nil
    ) {
        var message = make(.commands, receiver, type, body)
        message.replyTo = address
        message.correlationID = correlationID
        message.onBehalfOf = onBehalfOf
        message.deadline = deadline
        message.isMandatory = true
        outgoing.append(message)
    }

    /// Passes a request on: the receiver's answer goes straight to who asked here. A copy of the request that comes
    /// later is passed on again under the same id.
    public mutating func pass(
        _ message: Message, on receiver: String, as type: String, _ body: JSON
    ) {
        var passed = make(.commands, receiver, type, body)
        passed.onBehalfOf = message.asker
        passed.deadline = message.deadline
        passed.isMandatory = true
        answers.append(Answer(request: message.request, message: passed, isProblemThatPasses: false))
    }

    /// Publishes an offer request to every site broker, or to one.
    public mutating func requestOffers(
        _ type: String, key: String, _ body: JSON, correlationID: String, until: Timestamp
    ) {
        var message = make(.offers, key, type, body)
        message.replyTo = address
        message.correlationID = correlationID
        message.deadline = until
        message.timeToLive = max(.milliseconds(1), until - now)
        outgoing.append(message)
    }

    /// Answers a request. A request that gave no `reply_to` gets no message, but its answer is remembered.
    public mutating func answer(_ request: Request, _ type: String, _ body: JSON) {
        let message = make(.replies, "", type, body)
        answers.append(Answer(request: request, message: message, isProblemThatPasses: false))
    }

    /// Answers a request with a problem.
    public mutating func refuse(_ request: Request, _ problem: Problem) {
        var message = make(.replies, "", Problem.messageType, problem.json)
        message.contentType = "application/problem+json"
        answers.append(Answer(request: request, message: message, isProblemThatPasses: problem.kind.isPassing))
    }

    /// Publishes an event. The bus numbers events of one subject, unless the participant counts itself.
    public mutating func emit(_ type: String, key: String, subject: String, _ body: JSON, sequence: Int64? = nil) {
        var message = make(.events, key, type, body, subject: subject)
        message.isMandatory = true
        message.isNumbered = true
        message.sequence = sequence
        outgoing.append(message)
    }

    /// Publishes a callback to the address that its registrant chose.
    public mutating func callBack(
        _ type: String, address: String, subject: String, _ body: JSON, correlationID: String?, sequence: Int64
    ) {
        var message = make(.callbacks, address, type, body, subject: subject)
        message.correlationID = correlationID
        message.isMandatory = true
        message.isNumbered = true
        message.sequence = sequence
        outgoing.append(message)
    }

    /// Sends a message that answers a question of another participant, but later than the question's own answer, such
    /// as `srcnet.task.done.v1`.
    public mutating func tell(_ type: String, to receiver: String, _ body: JSON, correlationID: String?) {
        var message = make(.replies, receiver, type, body)
        message.correlationID = correlationID
        outgoing.append(message)
    }

    private func make(
        _ exchange: Exchange, _ key: String, _ type: String, _ body: JSON, subject: String? = nil
    ) -> Outgoing {
        var message = Outgoing(
            exchange: exchange, key: key, type: type, id: newID(), time: now, body: body, subject: subject)
        message.traceparent = traceparent
        return message
    }

    // MARK: Timers and activities

    /// Sets a timer, or moves the one of this name.
    public mutating func setTimer(_ name: String, at due: Timestamp, payload: JSON = .null) {
        timers[name] = StoredTimer(name: name, due: due, payload: payload.bytes)
    }

    /// Cancels a timer, if it is set.
    public mutating func cancelTimer(_ name: String) {
        timers.updateValue(nil, forKey: name)
    }

    /// Starts an activity after the commit.
    public mutating func start(_ activity: Activity) { activities.append(.start(activity)) }

    /// Cancels an activity after the commit. It reports `cancelled` when it has stopped, unless it ended before.
    public mutating func cancelActivity(_ id: String) { activities.append(.cancel(id: id)) }
}

/// A state as JSON, the form in which states are kept.
package func encodeState(_ state: some Encodable) throws -> [UInt8] {
    do {
        return Array(try JSONEncoder().encode(state))
    } catch {
        throw Problem(.internalFault, "a state could not be written: \(error)")
    }
}

/// Reads a state.
public func decodeState<State: Decodable>(_ type: State.Type, _ stored: StoredState) throws -> State {
    do {
        return try JSONDecoder().decode(type, from: Data(stored.bytes))
    } catch {
        throw Problem(.internalFault, "the stored \(stored.key.kind) \(stored.key.id) cannot be read: \(error)")
    }
}
