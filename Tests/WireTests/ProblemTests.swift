import Testing
import Wire

@Suite struct ProblemTests {
    /// The table of contract.md, Problems.
    @Test func `each problem has the slug and the status of the contract`() {
        let table = Dictionary(uniqueKeysWithValues: Problem.Kind.allCases.map { ($0.rawValue, $0.status) })
        #expect(
            table == [
                "malformed": 400, "unknown-type": 400, "not-authenticated": 401, "not-authorised": 403,
                "not-found": 404, "refused-transition": 409, "offer-taken": 409, "revision-conflict": 409,
                "idempotency-conflict": 409, "offer-expired": 410, "too-large": 413, "invalid": 422, "internal": 500,
                "no-capacity": 503, "unavailable": 503, "deadline-exceeded": 504,
            ])
        #expect(
            Problem.Kind.allCases.filter(\.isPassing) == [.internalFault, .noCapacity, .unavailable, .deadlineExceeded])
    }

    @Test(arguments: Problem.Kind.allCases)
    func `a problem is read as it was written`(kind: Problem.Kind) {
        let problem = Problem(
            kind, "so it is", errors: [.init(pointer: "/a/0", detail: "is wrong")],
            members: ["retryAfter": 5, "allowed": ["X"]])
        #expect(problem.json["type"] == .string("urn:srcnet:problem:" + kind.rawValue))
        #expect(problem.json["status"] == .int(Int64(kind.status)))
        #expect(problem.json["title"]?.string?.isEmpty == false)
        #expect(Problem(problem.json) == problem)
    }

    @Test func `a problem without faults has no list of them`() {
        #expect(Problem(.notFound, "gone").json["errors"] == nil)
        #expect(Problem(.notFound, "gone").description == "gone")
        let fault = Problem.Fault(pointer: "/a", detail: "bad")
        #expect(Problem(.invalid, "no", errors: [fault]).description == "no; /a: bad")
    }

    @Test(
        arguments: [
            (["type": "urn:srcnet:problem:from-the-future", "title": "New"], "New"),
            (["type": "about:blank"], "about:blank"),
            ([:], ""), (["detail": 5, "errors": "none"], ""),
            (["type": "https://example.org/problems/x/invalid", "detail": "not ours"], "not ours"),
            (["type": "xxxxxxxxxxxxxxxxxxxinvalid", "detail": "not ours"], "not ours"),
        ] as [(JSON, String)])
    func `a problem that is not known here reads as internal, its words kept`(body: JSON, detail: String) {
        let problem = Problem(body)
        #expect(problem.kind == .internalFault)
        #expect(problem.detail == detail)
    }

    @Test func `a member cannot stand in for what a problem says itself`() {
        let problem = Problem(.notFound, "gone", members: ["status": 200, "detail": "fine", "errors": []])
        #expect(problem.json["status"] == 404)
        #expect(problem.json["detail"] == "gone")
    }
}
