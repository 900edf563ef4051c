package import Wire

/// Everything that clients saw in the course of a soak, in the order in which they saw it, and what was looked at on the
/// machine beside it. Checks read nothing else.
package struct History: Sendable {
    /// A command that a client sent, however often it sent the same again.
    package struct Command: Sendable {
        package var id: String
        package var type: String
        package var to: String
        package var user: String
        package var body: JSON
        package var time: Timestamp

        package init(id: String, type: String, to: String, user: String = "alice", body: JSON, time: Timestamp) {
            (self.id, self.type, self.to, self.user, self.body, self.time) = (id, type, to, user, body, time)
        }
    }

    /// An answer to a command; one that was sent again may be answered again.
    package struct Answer: Sendable {
        /// The command's id.
        package var command: String
        package var type: String
        package var body: JSON
        package var time: Timestamp

        package init(to command: String, type: String, body: JSON, time: Timestamp) {
            (self.command, self.type, self.body, self.time) = (command, type, body, time)
        }
    }

    /// An event, or a callback, as often as it was delivered.
    package struct Fact: Sendable, Hashable {
        package var id: String
        package var key: String
        package var subject: String
        package var sequence: Int64?
        /// Of a callback: which command registered it.
        package var correlation: String?
        /// When it was decided on.
        package var time: Timestamp
        package var body: JSON

        package init(
            id: String, key: String, subject: String, sequence: Int64?, correlation: String? = nil, time: Timestamp,
            body: JSON
        ) {
            (self.id, self.key, self.subject, self.sequence) = (id, key, subject, sequence)
            (self.correlation, self.time, self.body) = (correlation, time, body)
        }
    }

    /// What a broker's sign of life says of its site.
    package struct Sign: Sendable {
        package var site: String
        package var free: Amount
        package var time: Timestamp

        package init(site: String, free: Amount, time: Timestamp) {
            (self.site, self.free, self.time) = (site, free, time)
        }
    }

    /// Cores, and memory in GiB.
    package struct Amount: Sendable, Hashable, CustomStringConvertible {
        package var cores: Int64
        package var memory: Int64

        package init(cores: Int64, memory: Int64) { (self.cores, self.memory) = (cores, memory) }

        package var description: String { "\(cores) cores, \(memory) GiB" }

        package static func + (left: Amount, right: Amount) -> Amount {
            Amount(cores: left.cores + right.cores, memory: left.memory + right.memory)
        }

        package func fits(_ limit: Amount) -> Bool { cores <= limit.cores && memory <= limit.memory }
    }

    /// The sessions that have processes on this machine at one moment, and how many each.
    package struct Sight: Sendable {
        package var processes: [String: Int]
        package var time: Timestamp

        package init(processes: [String: Int], time: Timestamp) { (self.processes, self.time) = (processes, time) }
    }

    /// A worker that was told to stop.
    package struct Stop: Sendable {
        package var worker: String
        /// Whether it was told twice.
        package var isTwice: Bool
        package var took: Duration
        /// Whether it was frozen meanwhile, and so could not.
        package var wasFrozen: Bool

        package init(worker: String, isTwice: Bool, took: Duration, wasFrozen: Bool = false) {
            (self.worker, self.isTwice, self.took, self.wasFrozen) = (worker, isTwice, took, wasFrozen)
        }
    }

    /// The end of a worker's process, as `up` tells of it.
    package struct Exit: Sendable {
        package var worker: String
        /// `exit code 0`, `signal 9`, …
        package var status: String

        package init(worker: String, status: String) { (self.worker, self.status) = (worker, status) }
    }

    /// What each site has.
    package var sites: [String: Amount]
    package var commands: [Command] = []
    package var answers: [Answer] = []
    package var events: [Fact] = []
    package var callbacks: [Fact] = []
    package var signs: [Sign] = []
    package var sights: [Sight] = []
    /// Links of usable sessions that did not let their owner in.
    package var unreachable: [String] = []
    /// Links that did.
    package var opened = 0
    /// What the stream `history` has at the end.
    package var recorded: [Fact] = []
    /// What is there at the end and should not be.
    package var remains: [String] = []
    /// How many things were looked at for that.
    package var placesLookedAt = 0
    package var stops: [Stop] = []
    package var exits: [Exit] = []

    package init(sites: [String: Amount]) { self.sites = sites }
}
