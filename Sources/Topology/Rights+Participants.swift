package import Wire

extension Rights {
    /// What a participant needs to do its part of contract.md in a network of these sites, and nothing else.
    ///
    /// It makes nothing: exchanges, queues and bindings are there before it. It reads its own queues. Of the commands, only
    /// those that the contract has it send; of the events, only those that are its own.
    package init(of participant: ParticipantAddress, sites: [SiteName]) {
        let commanded = participant.commanded(sites: sites)
        let events = participant.eventPattern
        // To whom an answer goes is for who asks to say: any key.
        var exchanges = ["replies", "heartbeats", "retry", "parked"]
        var topics = [Topic(exchange: "heartbeats", write: participant.heartbeatPattern, read: Rights.nothing)]
        func limit(_ exchange: String, _ write: String) {
            exchanges.append(exchange)
            topics.append(Topic(exchange: exchange, write: write, read: Rights.nothing))
        }
        if !commanded.isEmpty { limit("commands", Rights.exactly(commanded)) }
        if let events { limit("events", events) }
        if participant.name == .globalExecution { limit("offers", "^offer\\.request\\.[a-z0-9-]{1,32}$") }
        // Those of a session are fired by its broker, those of a job by global-execution.
        if [.globalExecution, .executionBroker].contains(participant.name) {
            limit("callbacks", "^client\\.[a-z0-9-]{1,64}\\..+$")
        }
        self.init(
            configure: Rights.nothing, write: Rights.exactly(exchanges), read: Rights.exactly(participant.queues),
            topics: topics)
    }
}

extension ParticipantAddress {
    /// The queues that it consumes.
    package var queues: [String] {
        switch name {
        case .globalExecution: [description, "\(description).heartbeats"]
        case .executionBroker: [description, "\(description).offers"]
        default: [description]
        }
    }

    /// Those whom it sends commands and queries to.
    func commanded(sites: [SiteName]) -> [String] {
        func address(_ name: ParticipantName, at site: SiteName? = nil) -> String { name.address(at: site) }
        switch name {
        case .globalExecution:
            // The workstep of a submission, the check of it, and siblings of an accepted offer to be rejected.
            return [address(.permissions), address(.workstepEditor)]
                + sites.map { address(.executionBroker, at: $0) }
        case .workstepEditor:
            return [address(.globalExecution)]
        case .executionBroker:
            return [address(.globalExecution), address(.permissions)]
                + [.prepareData, .cavern, .harbor, .canfar].map { address($0, at: site) }
        case .permissions, .prepareData, .cavern, .harbor, .canfar:
            return []
        }
    }

    /// The routing keys of the events that are its own, or nil where it publishes none.
    var eventPattern: String? {
        let place = site?.description ?? "global"
        switch name {
        case .globalExecution: return "^offerset\\.global\\.(created|completed)\\.[^.]+$"
        case .workstepEditor: return "^workstep\\.global\\.(created|edited)\\.[^.]+$"
        case .executionBroker: return "^session\\.\(place)\\.[a-z]+\\.[^.]+$"
        case .prepareData, .cavern, .harbor, .canfar:
            return "^task\\.\(place)\\.\(name)-(running|completed|failed)\\.[^.]+$"
        case .permissions: return nil
        }
    }

    /// The routing keys of its heartbeats: `<site>.<participant>.<instance>`.
    var heartbeatPattern: String { "^\(site?.description ?? "global")\\.\(name)\\.[^.]+$" }
}
