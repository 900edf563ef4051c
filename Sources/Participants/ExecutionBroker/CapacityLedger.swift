internal import ExecutionModel
internal import Store
internal import MessageBus
internal import Wire

/// The site's capacity as it is kept in memory, which follows the stored bookings.
///
/// A decision that is refused writes nothing, so what it changed here is taken back.
struct CapacityLedger: Sendable {
    /// Under which kind bookings are stored, each under its session's id.
    static let kind = "booking"

    private(set) var capacity: Capacity
    /// What the sessions that this decision has touched held before it.
    private var before: [SessionID: Booking?] = [:]

    init(cores: Int64, memory: Int64) { capacity = Capacity(cores: cores, memory: memory) }

    /// Fills an empty one from the store.
    mutating func restore(from store: any StoreTransaction) throws {
        for state in try store.states(ofKind: Self.kind, group: nil, after: nil, limit: .max) {
            capacity.hold(try decodeState(Booking.self, state))
        }
    }

    /// A decision begins.
    mutating func begin() { before = [:] }

    /// The decision is refused.
    mutating func undo() {
        for (session, booking) in before {
            if let booking { capacity.hold(booking) } else { capacity.free(session) }
        }
        before = [:]
    }

    mutating func hold(_ booking: Booking, _ decision: inout Decision) throws {
        note(booking.session)
        capacity.hold(booking)
        try decision.save(booking, kind: Self.kind, id: booking.session.description)
    }

    /// Holds what is held for a session until another instant.
    mutating func hold(_ session: SessionID, until: Timestamp, _ decision: inout Decision) throws {
        guard var booking = capacity.booking(of: session) else { return }
        booking.until = max(booking.from, until)
        try hold(booking, &decision)
    }

    mutating func free(_ session: SessionID, _ decision: inout Decision) {
        note(session)
        capacity.free(session)
        decision.delete(kind: Self.kind, id: session.description)
    }

    /// Where something fits.
    mutating func slots(for request: SlotRequest, at now: Timestamp) throws(NoSlot) -> [Slot] {
        try capacity.slots(for: request, at: now)
    }

    /// Whether a session whose time has come may begin: nothing that should be gone is still there.
    mutating func hasRoom(at now: Timestamp) -> Bool {
        capacity.extendOverdue(at: now)
        return capacity.hasRoom(at: now)
    }

    private mutating func note(_ session: SessionID) {
        if before[session] == nil { before.updateValue(capacity.booking(of: session), forKey: session) }
    }
}
