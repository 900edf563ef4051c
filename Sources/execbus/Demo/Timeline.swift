internal import MessageBus
internal import Synchronization
internal import Wire

/// What happened when, as the demo tells it at its end.
final class Timeline: Sendable {
    struct Entry: Sendable {
        let time: Timestamp
        let what: String
        let isOwn: Bool
    }

    private let entries = Mutex<[Entry]>([])

    /// Notes what the demo itself does.
    func mark(_ what: String) {
        entries.withLock { $0.append(Entry(time: .now(), what: what, isOwn: true)) }
    }

    /// Notes an event of the network.
    func note(_ event: ReceivedMessage) {
        let words = event.key.split(separator: ".").map(String.init)
        guard words.count == 4, words[0] != "pod", !words[2].hasSuffix("-running") else { return }
        let place = words[1] == "global" ? "" : " at \(words[1])"
        let entry = Entry(time: event.time ?? .now(), what: "\(words[0]) \(words[2])\(place)", isOwn: false)
        entries.withLock { $0.append(entry) }
    }

    var text: String {
        let sorted = entries.withLock { $0 }.sorted { $0.time < $1.time }
        guard let first = sorted.first else { return "" }
        var table = Table(headings: ["ms", "after ms", "what happened"], right: [0, 1])
        var last = first.time
        for entry in sorted {
            table.rows.append([
                String((entry.time - first.time).microseconds / 1_000), "+\((entry.time - last).microseconds / 1_000)",
                entry.isOwn ? Style.bold(entry.what) : "  " + entry.what,
            ])
            last = entry.time
        }
        return table.text
    }
}
