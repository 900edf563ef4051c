/// Which deliveries of one channel are settled, and how to tell the broker with few frames.
///
/// `multiple` also takes in everything before it, so it may only be used up to the first delivery that is still open;
/// acknowledgements beyond it are sent one by one, so that a slow handler does not hold back the others' room.
struct AckWindow {
    /// One basic.ack.
    struct Frame: Hashable {
        var tag: UInt64
        var isMultiple: Bool
    }

    private enum Mark: UInt8 {
        case open, acknowledged, told
    }

    private var marks: [Mark] = []
    private var head = 0
    /// The tag of `marks[head]`.
    private var base: UInt64 = 1
    /// Acknowledged and not yet told.
    private(set) var pending = 0
    /// Delivered and not yet settled.
    private(set) var open = 0

    /// Every delivery before this one is settled and told.
    var firstTag: UInt64 { base }

    /// The tag that the next delivery must have.
    var nextTag: UInt64 { base + UInt64(marks.count - head) }

    /// Notes `count` further deliveries.
    mutating func deliver(count: Int) {
        marks.append(contentsOf: repeatElement(.open, count: count))
        open += count
    }

    /// Notes that a delivery is done with. `false` if it was settled before or never delivered.
    mutating func acknowledge(_ tag: UInt64) -> Bool {
        guard settle(tag, as: .acknowledged) else { return false }
        pending += 1
        return true
    }

    /// Notes that the broker is told of a rejection at once.
    mutating func reject(_ tag: UInt64) -> Bool { settle(tag, as: .told) }

    private mutating func settle(_ tag: UInt64, as mark: Mark) -> Bool {
        guard tag >= base, tag < nextTag else { return false }
        let index = head + Int(tag - base)
        guard marks[index] == .open else { return false }
        marks[index] = mark
        open -= 1
        return true
    }

    /// The frames that tell the broker of everything acknowledged so far.
    mutating func flush() -> [Frame] {
        guard pending > 0 else { return [] }
        var frames: [Frame] = []
        // The broker looks for the very tag of a `multiple`, so it must be one that it still waits for.
        var last: UInt64?
        var count = 0
        while head < marks.count, marks[head] != .open {
            if marks[head] == .acknowledged {
                last = base
                count += 1
            }
            head += 1
            base += 1
        }
        if let last { frames.append(Frame(tag: last, isMultiple: count > 1)) }
        pending -= count
        var index = head
        while pending > 0, index < marks.count {
            if marks[index] == .acknowledged {
                marks[index] = .told
                pending -= 1
                frames.append(Frame(tag: base + UInt64(index - head), isMultiple: false))
            }
            index += 1
        }
        if head > 1024, head * 2 > marks.count {
            marks.removeFirst(head)
            head = 0
        }
        return frames
    }
}
