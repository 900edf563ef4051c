internal import Store
internal import Wire

/// What is remembered of a message that waits for another try, or for an earlier one of its subject, and for a while of one
/// that was parked: of the copies that went to wait only the newest is handled, and none after the end.
struct RetryRecord: Codable {
    static let kind = "bus.retry"

    /// The number of the copy that is on its way back.
    var copy: Int64 = 0
    /// How often it was handled.
    var attempts: Int64 = 0
    var firstFailed: Timestamp?
    /// When the copy should be back.
    var due: Timestamp
    /// Its place in a line, where it has one.
    var place: Place?
    /// Whether it was parked: no copy is on its way any more.
    var isParked = false
    /// Whether, when it was parked, the inbox went on to remember it, so that it is not parked twice.
    var keepsEntry = false

    struct Place: Codable, Hashable {
        let line: String
        let number: String
    }

    static func key(_ message: InboxKey) -> StateKey {
        StateKey(kind: kind, id: joined(message.sender, message.messageID))
    }

    func state(_ message: InboxKey) throws -> StoredState {
        StoredState(key: Self.key(message), bytes: try encodeState(self))
    }
}

/// Messages of one subject, by one sender to one exchange, of which the first failed and waits: the later ones stand behind
/// it in the order in which they came. Each has a place, a state of its own, so that a long line costs no more than a short.
struct WaitingLine {
    static let kind = "bus.waiting"
    /// Places are numbered with as many digits as a 64-bit integer may have, so that they are ordered as texts too.
    private static let digits = 19

    /// Who waits at a place.
    struct Waiter: Codable {
        let message: String
        let sender: String
        /// When its copy should be back.
        var due: Timestamp

        var key: InboxKey { InboxKey(sender: sender, messageID: message) }
    }

    let transaction: any StoreTransaction
    let name: String

    /// The line of a subject; messages that are about nothing have no order.
    init?(of subject: String?, from origin: Origin, in transaction: any StoreTransaction) {
        guard let subject else { return nil }
        self.init(name: joined(origin.exchange, origin.sender, subject), in: transaction)
    }

    init(name: String, in transaction: any StoreTransaction) {
        self.name = name
        self.transaction = transaction
    }

    /// Who is to be handled next, if anybody waits.
    func head() throws -> (place: RetryRecord.Place, waiter: Waiter)? {
        guard let state = try transaction.states(ofKind: Self.kind, group: name, after: nil, limit: 1).first else {
            return nil
        }
        let number = String(state.key.id.suffix(Self.digits))
        return (.init(line: name, number: number), try decodeState(Waiter.self, state))
    }

    /// Puts a message at the end of the line.
    func join(_ message: InboxKey, due: Timestamp) throws -> RetryRecord.Place {
        let digits = String(try transaction.nextNumber(of: Self.kind))
        let zeros = String(repeating: "0", count: Self.digits - digits.count)
        let place = RetryRecord.Place(line: name, number: zeros + digits)
        try keep(message, at: place, due: due)
        return place
    }

    /// Writes when the message at a place should be back.
    func keep(_ message: InboxKey, at place: RetryRecord.Place, due: Timestamp) throws {
        let waiter = Waiter(message: message.messageID, sender: message.sender, due: due)
        try transaction.save(StoredState(key: key(place), group: name, bytes: try encodeState(waiter)))
    }

    /// Gives a place up: the next in the line is the head then.
    func leave(_ place: RetryRecord.Place) throws { try transaction.delete(key(place)) }

    private func key(_ place: RetryRecord.Place) -> StateKey {
        StateKey(kind: Self.kind, id: "\(name)/\(place.number)")
    }
}

/// Texts as one, from which each can be told again: what a sender chose cannot be taken for another's.
func joined(_ parts: String...) -> String { JSON.array(parts.map(JSON.string)).text }
