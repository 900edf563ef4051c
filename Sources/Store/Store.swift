public import Wire

/// What a participant remembers: states, inbox, outbox and timers, changed together or not at all.
///
/// One participant at one site owns a store, and runs one transaction after the other. Where a participant runs as several
/// replicas on one store, this holds for all of them together, and one of them leads: it publishes what any of them has
/// written, fires the timers and performs the activities.
public protocol Store: Sendable {
    /// Runs `body` in one transaction on the store's own thread, and commits durably if it returns.
    ///
    /// Where `body` throws, nothing of it remains and its error is thrown. A `StoreError` means that the store itself
    /// could not do its work; one that `body` catches and passes over ends the transaction all the same.
    func transact<Value: Sendable>(
        _ body: @escaping @Sendable (any StoreTransaction) throws -> Value
    ) async throws -> Value

    /// Ends the use of the store after the transactions that already wait. Later ones fail with `closed`.
    func close() async

    /// Whether this replica leads. One that leads does so until its end.
    var leads: Bool { get }

    /// Has `body` called when there is something new for this replica: it leads from now on, or it leads and another one has
    /// written. May be called too often, and on any thread.
    func onNews(_ body: @escaping @Sendable () -> Void)
}

/// A store that no replicas share.
extension Store {
    public var leads: Bool { true }
    public func onNews(_ body: @escaping @Sendable () -> Void) {}
}

/// The reads and writes of one transaction. It is valid only inside the closure that received it, and sees its own
/// writes.
///
/// Ids and names are the same only if their UTF-8 bytes are, and are ordered by them. (Swift's `==` on strings calls an
/// "é" of one and of two code points equal; two senders' ids must not become one by that.) A limit below 1 gives nothing.
public protocol StoreTransaction {
    /// Whether another replica has written since this one caught up: what is kept in memory does not hold.
    var isForeign: Bool { get }
    /// What is kept in memory has been read anew; it holds once this transaction is committed.
    func catchUp()

    // MARK: States

    /// The state under a key, or nil.
    func state(_ key: StateKey) throws(StoreError) -> StoredState?
    /// States of a kind in order of their ids, after an id, optionally only those of one group.
    func states(
        ofKind kind: String, group: String?, after: String?, limit: Int
    ) throws(StoreError) -> [StoredState]
    /// Writes a state, replacing what was under its key.
    func save(_ state: StoredState) throws(StoreError)
    /// Removes a state, if there is one.
    func delete(_ key: StateKey) throws(StoreError)

    // MARK: Inbox

    /// What is remembered of a message, or nil where it was never seen.
    func inboxEntry(_ key: InboxKey) throws(StoreError) -> InboxEntry?
    /// Remembers a message, or changes what is remembered of it.
    func save(_ entry: InboxEntry) throws(StoreError)
    /// Forgets a message, so that it may be tried again.
    func forget(_ key: InboxKey) throws(StoreError)
    /// Forgets messages received before an instant, the oldest first, at most `limit` of them; returns how many.
    func pruneInbox(before: Timestamp, limit: Int) throws(StoreError) -> Int

    // MARK: Outbox

    /// Adds a message to be published after the commit; returns its number, which grows from message to message, also
    /// where those before are removed and the store was opened again.
    func append(envelope: [UInt8], body: [UInt8]) throws(StoreError) -> Int64
    /// Removes messages that the broker has.
    func removeOutgoing(_ numbers: [Int64]) throws(StoreError)
    /// Messages not yet removed, in the order in which they were added.
    func outgoing(after: Int64, limit: Int) throws(StoreError) -> [OutboxRow]

    // MARK: Timers

    /// Sets a timer, replacing one of the same name.
    func setTimer(_ timer: StoredTimer) throws(StoreError)
    /// Removes a timer, if there is one.
    func cancelTimer(_ name: String) throws(StoreError)
    /// Timers due at an instant, the earliest first, and by name where they are due together.
    func dueTimers(at now: Timestamp, limit: Int) throws(StoreError) -> [StoredTimer]
    /// When the next timer is due.
    func nextTimer() throws(StoreError) -> Timestamp?

    // MARK: Sequences

    /// The next number of a sequence: 1, 2, 3, … without gaps among committed transactions.
    func nextNumber(of sequence: String) throws(StoreError) -> Int64
}

/// A store that no replicas share.
extension StoreTransaction {
    public var isForeign: Bool { false }
    public func catchUp() {}
}

/// Which state: its kind, such as `session`, and its id within the kind.
public struct StateKey: Sendable, Hashable {
    public let kind: String
    public let id: String

    public init(kind: String, id: String) {
        self.kind = kind
        self.id = id
    }

    public static func == (left: StateKey, right: StateKey) -> Bool {
        left.id.isExactly(right.id) && left.kind.isExactly(right.kind)
    }

    public func hash(into hasher: inout Hasher) {
        kind.hashExactly(into: &hasher)
        id.hashExactly(into: &hasher)
    }
}

/// A state as it is kept: bytes that its participant understands.
public struct StoredState: Sendable, Hashable {
    public let key: StateKey
    /// What it is listed by, such as the owner; nil where it is only read by its id.
    public let group: String?
    public let bytes: [UInt8]

    public init(key: StateKey, group: String? = nil, bytes: [UInt8]) {
        self.key = key
        self.group = group
        self.bytes = bytes
    }
}

/// Which message: who sent it, and its `message_id` (contract.md, Idempotency).
public struct InboxKey: Sendable, Hashable {
    public let sender: String
    public let messageID: String

    public init(sender: String, messageID: String) {
        self.sender = sender
        self.messageID = messageID
    }

    public static func == (left: InboxKey, right: InboxKey) -> Bool {
        left.messageID.isExactly(right.messageID) && left.sender.isExactly(right.sender)
    }

    public func hash(into hasher: inout Hasher) {
        sender.hashExactly(into: &hasher)
        messageID.hashExactly(into: &hasher)
    }
}

/// What is remembered of a message that was received.
public struct InboxEntry: Sendable, Hashable {
    public let key: InboxKey
    /// A hash of what must be the same when it comes again: type, key and body.
    public let fingerprint: [UInt8]
    public let received: Timestamp
    /// Where the newest copy of it wants its answer.
    public var replyTo: String?
    /// What the newest copy of it wants to find in its answer.
    public var correlationID: String?
    /// The answer that was given, as its participant wrote it; nil while there is none.
    public var answer: [UInt8]?

    public init(
        key: InboxKey, fingerprint: [UInt8], received: Timestamp, replyTo: String?, correlationID: String?,
        answer: [UInt8]? = nil
    ) {
        self.key = key
        self.fingerprint = fingerprint
        self.received = received
        self.replyTo = replyTo
        self.correlationID = correlationID
        self.answer = answer
    }
}

/// A message that waits to be published.
public struct OutboxRow: Sendable, Hashable {
    public let number: Int64
    public let envelope: [UInt8]
    public let body: [UInt8]

    public init(number: Int64, envelope: [UInt8], body: [UInt8]) {
        self.number = number
        self.envelope = envelope
        self.body = body
    }
}

/// Something to be done at an instant.
public struct StoredTimer: Sendable, Hashable {
    /// Its name, unique within the store: setting it again moves it.
    public let name: String
    public let due: Timestamp
    public let payload: [UInt8]

    public init(name: String, due: Timestamp, payload: [UInt8] = []) {
        self.name = name
        self.due = due
        self.payload = payload
    }
}
