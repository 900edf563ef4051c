/// What an answer that is an error says (contract.md, Problems; RFC 9457).
public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Which problem it is; its slug ends the `type` of the body.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case malformed
        case unknownType = "unknown-type"
        case notAuthenticated = "not-authenticated"
        case notAuthorised = "not-authorised"
        case notFound = "not-found"
        case refusedTransition = "refused-transition"
        case offerTaken = "offer-taken"
        case revisionConflict = "revision-conflict"
        case idempotencyConflict = "idempotency-conflict"
        case offerExpired = "offer-expired"
        case tooLarge = "too-large"
        case invalid
        case internalFault = "internal"
        case noCapacity = "no-capacity"
        case unavailable
        case deadlineExceeded = "deadline-exceeded"

        /// The HTTP status that says the same.
        public var status: Int {
            switch self {
            case .malformed, .unknownType: 400
            case .notAuthenticated: 401
            case .notAuthorised: 403
            case .notFound: 404
            case .refusedTransition, .offerTaken, .revisionConflict, .idempotencyConflict: 409
            case .offerExpired: 410
            case .tooLarge: 413
            case .invalid: 422
            case .internalFault: 500
            case .noCapacity, .unavailable: 503
            case .deadlineExceeded: 504
            }
        }

        /// A short text that is the same for every problem of this kind.
        public var title: String {
            switch self {
            case .malformed: "The body is not a JSON object"
            case .unknownType: "This type is not known here"
            case .notAuthenticated: "Who asks is not known"
            case .notAuthorised: "This is not allowed"
            case .notFound: "There is no such thing"
            case .refusedTransition: "The phase cannot change so"
            case .offerTaken: "Another offer of this set was accepted"
            case .revisionConflict: "It was edited meanwhile"
            case .idempotencyConflict: "This message id was used for another message"
            case .offerExpired: "The offer has expired"
            case .tooLarge: "The message is too large"
            case .invalid: "The message is not valid"
            case .internalFault: "A fault of the service"
            case .noCapacity: "There is no capacity now"
            case .unavailable: "Not available now"
            case .deadlineExceeded: "Too late"
            }
        }

        /// Whether the same message may be tried again, so that its answer is not remembered (contract.md, Idempotency).
        public var isPassing: Bool { [500, 503, 504].contains(status) }
    }

    /// One thing that is wrong with a body, and where: `pointer` is a JSON pointer (RFC 6901).
    public struct Fault: Sendable, Hashable {
        public let pointer: String
        public let detail: String

        public init(pointer: String, detail: String) {
            self.pointer = pointer
            self.detail = detail
        }
    }

    public var kind: Kind
    /// What is wrong this time, and what to do about it.
    public var detail: String
    public var errors: [Fault]
    /// Further members of the body, such as `from`, `to` and `allowed`, or `retryAfter`.
    public var members: [String: JSON]

    public init(_ kind: Kind, _ detail: String, errors: [Fault] = [], members: [String: JSON] = [:]) {
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.members = members
    }

    public var description: String {
        // The detail may tell of a fault already.
        let faults = errors.map { $0.pointer.isEmpty ? $0.detail : "\($0.pointer): \($0.detail)" }
            .filter { !detail.contains($0) }
        return ([detail] + faults).joined(separator: "; ")
    }

    /// The prefix of the body's `type`.
    public static let typePrefix = "urn:srcnet:problem:"

    /// The body after RFC 9457.
    public var json: JSON {
        var body = members
        body["type"] = .string(Problem.typePrefix + kind.rawValue)
        body["title"] = .string(kind.title)
        body["status"] = .int(Int64(kind.status))
        body["detail"] = .string(detail)
        if !errors.isEmpty {
            body["errors"] = .array(errors.map { ["pointer": .string($0.pointer), "detail": .string($0.detail)] })
        }
        return .object(body)
    }

    /// Reads a problem's body. One whose type is not known here reads as `internal`, its words kept.
    public init(_ body: JSON) {
        let slug = body["type"]?.string ?? ""
        let isOurs = slug.hasPrefix(Problem.typePrefix)
        kind = (isOurs ? Kind(rawValue: String(slug.dropFirst(Problem.typePrefix.count))) : nil) ?? .internalFault
        detail = body["detail"]?.string ?? body["title"]?.string ?? slug
        errors = (body["errors"]?.array ?? []).map {
            Fault(pointer: $0["pointer"]?.string ?? "", detail: $0["detail"]?.string ?? "")
        }
        let own: Set<String> = ["type", "title", "status", "detail", "errors"]
        members = (body.object ?? [:]).filter { !own.contains($0.key) }
    }
}
