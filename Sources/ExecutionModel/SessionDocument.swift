public import Wire

/// Who looks at a session: what is shown and what may be set depend on it.
public enum Viewer: Sendable, Hashable, CaseIterable {
    /// Who owns it, who alone sees its connectors and is told what may be set.
    case owner
    /// Anyone else who may see it.
    case other
}

extension Session {
    /// What may be set now, and by this viewer.
    public func options(for viewer: Viewer) -> [Phase] {
        viewer == .owner ? phase.successors(by: .client) : []
    }

    /// The session as the execution broker writes it (`srcnet.session.v1`), with what contract.md adds.
    public func document(for viewer: Viewer) -> JSON {
        let options = options(for: viewer)
        let shown = viewer == .owner && phase.isUsable ? connectors : []
        var schedule = self.schedule.blocks
        schedule["requested"] = parts["schedule"]?["requested"]
        schedule["observed"] = observed.json
        return .object(compacting: [
            "kind": .string(Kinds.session),
            "meta": .object(compacting: [
                "uuid": .string(id.description), "name": .string(name), "created": .string(created.description),
                "modified": .string(phaseSince.description), "messages": .array(notices.map(\.json)),
                "options": options.isEmpty ? [] : [Session.option(options)],
            ]),
            "phase": .string(phase.rawValue), "status": .string(phase.status.rawValue), "sequence": .int(sequence),
            "reason": reason.map { .string($0.reason) },
            "expires": phase == .offered ? expires.map { .string($0.description) } : nil,
            "offerset": .string(offerset.description), "site": .string(site.description), "workstep": workstep?.json,
            "owner": ["iss": .string(owner.iss), "sub": .string(owner.sub)],
            "executable": executableDocument, "compute": computeDocument, "data": dataDocument,
            "storage": storageDocument,
            "connectors": .array(shown.map(\.json)),
            "schedule": .object(schedule),
            "tasks": tasksDocument,
        ])
    }

    private static func option(_ phases: [Phase]) -> JSON {
        [
            "kind": "uri:enum-value-option", "path": "phase",
            "values": .array(phases.map { .string($0.rawValue) }),
        ]
    }

    /// What should be known of it besides: why it failed or ended, and what is not as promised.
    private var notices: [Notice] {
        var notices = unlimited.map { text in
            Notice(.notSupported, "{text}", values: ["text": text], at: observed.available ?? phaseSince)
        }
        if let reason {
            let text = reason.detail.map { "\(reason.reason): \($0)" } ?? reason.reason
            notices.append(
                Notice(
                    phase == .failed ? .sessionFailed : .sessionEnded, "{text}", values: ["text": text],
                    level: phase == .failed ? .error : .info, at: phaseSince))
        }
        return notices
    }

    private var executableDocument: JSON {
        var document = component(parts["executable"], components.executable, .harbor)
        document["access"] = estimate.image.json
        return document
    }

    private var computeDocument: JSON {
        var document = component(parts["compute"], components.compute, .canfar)
        document["cores"] = Amount(min: cores, max: cores).json
        document["memory"] = Amount(min: memory, max: memory).json
        return document
    }

    private var dataDocument: JSON {
        let items = parts["data"]?.array ?? []
        return .array(
            zip(items, components.data).enumerated().map { index, pair in
                var document = component(pair.0, pair.1, .prepareData)
                if estimate.data.indices.contains(index) { document["access"] = estimate.data[index].json }
                return document
            })
    }

    private var storageDocument: JSON {
        .array(zip(parts["storage"]?.array ?? [], components.storage).map { component($0, $1, .cavern) })
    }

    /// A part with the UUID that it has here, and its phase. The UUID that a client gave it was for references only.
    private func component(_ original: JSON?, _ id: ComponentID, _ role: TaskRole) -> JSON {
        var document = original ?? [:]
        var meta = document["meta"] ?? [:]
        meta["uuid"] = .string(id.description)
        document["meta"] = meta
        document["phase"] = task(role).map { .string($0.componentPhase(in: phase).rawValue) }
        return document
    }

    /// The preparations, so that whoever shows the session can follow their events.
    private var tasksDocument: JSON {
        .array(
            tasks.map { task in
                .object(compacting: [
                    "task": .string(task.id.description), "participant": .string(task.role.rawValue),
                    "phase": .string(task.componentPhase(in: phase).rawValue), "progress": task.progress?.json,
                    "reason": task.failure.map { .string($0.reason) },
                ])
            })
    }
}

/// That a session has reached a phase: what its events say, and its callbacks are made of.
public struct SessionFact: Sendable, Hashable {
    public var session: SessionID
    public var offerset: OfferSetID
    public var site: SiteName
    public var phase: Phase
    public var previous: Phase?
    public var sequence: Int64
    public var time: Timestamp
    public var reason: String?

    /// The body of `srcnet.event.session.v1`.
    public var json: JSON {
        .object(compacting: [
            "session": .string(session.description), "offerset": .string(offerset.description),
            "phase": .string(phase.rawValue), "previous": previous.map { .string($0.rawValue) },
            "sequence": .int(sequence), "time": .string(time.description), "reason": reason.map { .string($0) },
        ])
    }

    /// Its routing key on `events`.
    public var key: String { EventKey.session(site, phase, session) }

    /// Reads the body of an event from a site; what is missing or wrong is `invalid`.
    public init(parsing json: JSON, site: SiteName) throws(Problem) {
        let reader = JSONReader(json)
        let session = reader.identifier("session", of: SessionID.self, required: true)
        let offerset = reader.identifier("offerset", of: OfferSetID.self, required: true)
        let phase = reader.choice("phase", Phase.self, required: true)
        let previous = reader.choice("previous", Phase.self)
        let sequence = reader.int("sequence", required: true)
        let time = reader.timestamp("time", required: true)
        let reason = reader.string("reason")
        try reader.finish()
        guard let session, let offerset, let phase, let sequence, let time else {
            throw Problem(.invalid, "This tells nothing of a session")
        }
        self.init(
            session: session, offerset: offerset, site: site, phase: phase, previous: previous, sequence: sequence,
            time: time, reason: reason)
    }

    public init(
        session: SessionID, offerset: OfferSetID, site: SiteName, phase: Phase, previous: Phase?, sequence: Int64,
        time: Timestamp, reason: String?
    ) {
        self.session = session
        self.offerset = offerset
        self.site = site
        self.phase = phase
        self.previous = previous
        self.sequence = sequence
        self.time = time
        self.reason = reason
    }
}

extension Session {
    /// What can be said of the phase that it has.
    public var fact: SessionFact {
        SessionFact(
            session: id, offerset: offerset, site: site, phase: phase, previous: previous, sequence: sequence,
            time: phaseSince, reason: reason?.reason)
    }

    /// The body of a callback.
    func body(of callback: Callback) -> JSON {
        guard let fields = callback.content else {
            return ["content": .string("\(Callback.shortForm): \(phase)")]
        }
        var body: [String: JSON?] = [:]
        for field in fields { body[field.rawValue] = value(of: field) }
        return .object(compacting: body)
    }

    private func value(of field: Callback.Field) -> JSON? {
        switch field {
        case .session: .string(id.description)
        case .offerset: .string(offerset.description)
        case .phase: .string(phase.rawValue)
        case .previous: previous.map { .string($0.rawValue) }
        case .status: .string(phase.status.rawValue)
        case .site: .string(site.description)
        case .workstep: workstep?.json
        case .sequence: .int(sequence)
        case .time: .string(phaseSince.description)
        case .reason: reason.map { .string($0.reason) }
        case .connectors: .array(phase.isUsable ? connectors.map(\.json) : [])
        }
    }
}
