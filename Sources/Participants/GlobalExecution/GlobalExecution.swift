internal import ExecutionModel
package import MessageBus
package import Store
package import Wire

/// The participant that asks all sites for offers, knows which offer of a set has won, and where sessions are (the
/// Global and Workflow Execution API of the diagrams).
package struct GlobalExecution: Participant {
    package static let accepts: [String: Treatment] = [
        MessageType.workstepSubmit.rawValue: .command,
        MessageType.offersetGet.rawValue: .query,
        MessageType.offerClaim.rawValue: .command,
        MessageType.offerUnclaim.rawValue: .command,
        MessageType.sessionList.rawValue: .query,
        MessageType.workstep.rawValue: .answer,
        MessageType.permission.rawValue: .answer,
        MessageType.offerResponse.rawValue: .answer,
        MessageType.session.rawValue: .answer,
        MessageType.problem.rawValue: .answer,
        MessageType.sessionEvent.rawValue: .event,
        MessageType.heartbeat.rawValue: .signal,
    ]

    var sites: Sites

    package init(settings: Settings) {
        sites = Sites(configured: settings.sites, patience: settings.patience)
    }

    package mutating func restore(from store: any StoreTransaction, at now: Timestamp) throws {
        let stored = try store.states(ofKind: HeardSite.kind, group: nil, after: nil, limit: .max)
        sites.restore(stored.compactMap { SiteName($0.key.id) }, at: now)
    }

    package mutating func decide(_ input: Input, _ decision: inout Decision) throws {
        switch input {
        case .message(let message): try decide(message, &decision)
        case .timer(let timer): try deadlinePassed(timer, &decision)
        case .activity: break
        }
    }

    private mutating func decide(_ message: Message, _ decision: inout Decision) throws {
        switch MessageType(rawValue: message.type) {
        case .workstepSubmit: try submit(message, &decision)
        case .workstep: try takeWorkstep(message, &decision)
        case .permission: try takePermission(message, &decision)
        case .offerResponse: try takeOffers(message, &decision)
        case .problem: try takeProblem(message, &decision)
        case .offersetGet: try getOfferSet(message, &decision)
        case .offerClaim: try claim(message, &decision)
        case .offerUnclaim: try unclaim(message, &decision)
        case .sessionEvent: try takeSessionEvent(message, &decision)
        case .sessionList: try listSessions(message, &decision)
        case .heartbeat: try takeHeartbeat(message, &decision)
        // A broker's answer to a rejection changes nothing: the offer is gone, or was already.
        default: break
        }
    }

    /// A sign of life of a site's broker: its site can be asked.
    private mutating func takeHeartbeat(_ message: Message, _ decision: inout Decision) throws {
        let parts = message.key.split(separator: ".", maxSplits: 2).map(String.init)
        guard parts.count == 3, parts[1] == ParticipantName.executionBroker.rawValue, let site = SiteName(parts[0]),
            message.sender == ParticipantName.executionBroker.address(at: site)
        else { return }
        forgetSilentSites(&decision)
        if sites.hear(site, at: decision.now) {
            try decision.save(HeardSite(since: decision.now), kind: HeardSite.kind, id: site.description)
        }
    }

    /// Forgets the sites whose broker is lost, unless they are configured.
    mutating func forgetSilentSites(_ decision: inout Decision) {
        for site in sites.forgetSilent(at: decision.now) {
            decision.delete(kind: HeardSite.kind, id: site.description)
        }
    }

    /// Believes an answer only from whom was asked.
    func require(_ message: Message, from sender: String) throws(Problem) {
        guard message.sender == sender else {
            throw Problem(.notAuthorised, "\(message.type) is taken from \(sender) only, not from \(message.sender)")
        }
    }
}
