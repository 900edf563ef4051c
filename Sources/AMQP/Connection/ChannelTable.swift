/// The channels of one connection, found by number at once: this happens for each frame. Numbers are given out from the
/// lowest, so that the table stays as short as there are channels.
struct ChannelTable {
    private var slots: [Channel?] = []

    subscript(number: UInt16) -> Channel? {
        get { Int(number) < slots.count ? slots[Int(number)] : nil }
        set {
            while slots.count <= Int(number) { slots.append(nil) }
            slots[Int(number)] = newValue
        }
    }

    /// All that there are.
    var values: some Sequence<Channel> { slots.lazy.compactMap(\.self) }
}
