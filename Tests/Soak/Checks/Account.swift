internal import ExecutionModel
internal import MessageBus
internal import Wire

/// A history put in order for the checks.
struct Account {
    /// An offer, which is the session that may come of it.
    struct Offer {
        let site: String
        let offerset: String
        let amount: History.Amount
    }

    /// A phase of a session.
    struct Step {
        let phase: Phase
        let previous: String?
        let reason: String?
        let sequence: Int64
        let time: Timestamp
    }

    let history: History
    /// The answers of each command that stay: those that say "not now" do not.
    let outcomes: [String: [History.Answer]]
    let offers: [String: Offer]
    /// The phases of each session, in the order of their numbers.
    let sessions: [String: [Step]]
    /// The offerset of each session.
    let offersets: [String: String]

    init(_ history: History) {
        self.history = history
        let final = history.answers.filter { answer in
            answer.type != Problem.messageType || !Problem(answer.body).kind.isPassing
        }
        outcomes = Dictionary(grouping: final, by: \.command)
        var offers: [String: Offer] = [:]
        for answer in final where answer.type == "srcnet.offerset.v1" {
            for offer in answer.body["offers"]?.array ?? [] {
                guard let id = offer["meta"]?["uuid"]?.string else { continue }
                offers[id] = Offer(
                    site: offer["site"]?.string ?? "", offerset: answer.body["meta"]?["uuid"]?.string ?? "",
                    amount: .init(
                        cores: offer["compute"]?["cores"]?["max"]?.int ?? 0,
                        memory: offer["compute"]?["memory"]?["max"]?.int ?? 0))
            }
        }
        self.offers = offers
        var sessions: [String: [Step]] = [:]
        var offersets: [String: String] = [:]
        for event in Self.once(history.events) where event.key.hasPrefix("session.") {
            guard let phase = event.body["phase"]?.string.flatMap(Phase.init), !event.key.contains(".ending.") else {
                continue
            }
            sessions[event.subject, default: []].append(
                Step(
                    phase: phase, previous: event.body["previous"]?.string, reason: event.body["reason"]?.string,
                    sequence: event.sequence ?? 0, time: event.time))
            offersets[event.subject] = event.body["offerset"]?.string
        }
        self.sessions = sessions.mapValues { $0.sorted { $0.sequence < $1.sequence } }
        self.offersets = offersets
    }

    /// Each fact once, as it came first.
    static func once(_ facts: [History.Fact]) -> [History.Fact] {
        var known: Set<String> = []
        return facts.filter { known.insert($0.id).inserted }
    }

    /// The one outcome of a command, where it is none of the problems.
    func success(of command: History.Command) -> JSON? {
        guard let answer = outcomes[command.id]?.first, answer.type != Problem.messageType else { return nil }
        return answer.body
    }

    /// The commands that set a phase, by the session.
    func commands(setting phase: Phase) -> [(command: History.Command, session: String)] {
        history.commands.compactMap { command in
            guard command.type == "srcnet.session.set-phase.v1", command.body["phase"]?.string == phase.rawValue,
                let session = command.body["session"]?.string
            else { return nil }
            return (command, session)
        }
    }

    /// The routing keys of events that begin so, each event once, by the id at their end.
    func events(_ prefix: String) -> [String: [History.Fact]] {
        Dictionary(grouping: Self.once(history.events).filter { $0.key.hasPrefix(prefix) }) { event in
            event.key.split(separator: ".").last.map(String.init) ?? ""
        }
    }

    /// The way of a session, for a sentence.
    func way(_ session: String) -> String {
        (sessions[session] ?? []).map { "\($0.sequence) \($0.phase)" + ($0.reason.map { " (\($0))" } ?? "") }
            .joined(separator: ", ")
    }
}
