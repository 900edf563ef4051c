import MessageBus
import Permissions
import Testing
import Wire

@Suite struct PolicyTests {
    @Test(arguments: [
        ("*", "", true), ("*", "workstep.submit", true), ("workstep.*", "workstep.submit", true),
        ("workstep.*", "workstep.", true), ("workstep.*", "workstep", false), ("*.get", "session.get", true),
        ("*.get", "session.getter", false), ("session.get", "session.get", true),
        ("session.get", "session.gets", false),
        ("a*b*c", "axxbyyc", true), ("a*b*c", "acb", false), ("a*a", "a", false), ("ab*ba", "aba", false),
        ("a**b", "ab", true), ("Session.*", "session.get", false), ("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false),
    ])
    func `an asterisk stands for any run of characters`(pattern: String, text: String, fits: Bool) {
        #expect(Pattern(pattern).matches(text) == fits)
    }

    /// The users of a network as a newcomer finds it: one who may do everything, one denied at submit, one denied at
    /// the acceptance, one who may only read.
    private let network = """
        { "policy": "local", "services": ["global-execution", "execution-broker.site-a"],
          "users": [
            {"sub": "ada", "groups": ["astronomers"]}, {"sub": "ben"}, {"sub": "cleo", "groups": ["astronomers"]},
            {"sub": "dora", "groups": ["readers"]}, {"iss": "https://iam.example.org/", "sub": "1234", "groups": []}
          ],
          "rules": [
            {"name": "astronomers", "effect": "allow", "who": {"groups": ["astronomers"]}, "actions": ["*"]},
            {"name": "cleo", "effect": "deny", "who": {"users": ["cleo"]}, "actions": ["session.accept"],
             "reason": "her allocation is used up"},
            {"name": "readers", "effect": "allow", "who": {"groups": ["readers"]}, "actions": ["*.get", "*.list"]},
            {"name": "guests", "effect": "allow", "who": {"groups": ["/srcnet/guests"],
              "users": [{"iss": "https://iam.example.org/", "sub": "1234"}]},
             "actions": ["session.accept"], "resources": ["interactive/*"], "sites": ["site-*"]},
            {"name": "maintenance", "effect": "deny", "who": "*", "actions": ["session.accept"], "sites": ["site-m"]}
          ] }
        """

    private func ask(
        _ sub: String, _ action: String, _ resource: String = "interactive/jupyter-notebook", site: String? = nil,
        iss: String = Caller.rabbitMQ, groups: [String] = []
    ) throws -> Verdict {
        let policy = try Policy(reading: Array(network.utf8), file: "policy.json")
        return policy.verdict(
            on: Question(
                subject: Caller(iss: iss, sub: sub, groups: groups), action: action, resource: resource,
                site: site.flatMap(SiteName.init)))
    }

    @Test(arguments: [
        ("ada", "workstep.submit", nil, true, "astronomers"), ("ada", "session.accept", "site-a", true, "astronomers"),
        ("ben", "workstep.submit", nil, false, nil), ("ben", "session.get", nil, false, nil),
        ("cleo", "workstep.submit", nil, true, "astronomers"), ("cleo", "session.accept", "site-a", false, "cleo"),
        ("dora", "session.get", nil, true, "readers"), ("dora", "workstep.submit", nil, false, nil),
        ("nobody", "session.get", nil, false, nil), ("ada", "session.accept", "site-m", false, "maintenance"),
    ])
    func `the first rule that denies wins, then any that allows, and the default is to deny`(
        sub: String, action: String, site: String?, isAuthorised: Bool, rule: String?
    ) throws {
        let verdict = try ask(sub, action, site: site)
        #expect(verdict.isAuthorised == isAuthorised)
        #expect(verdict.rule == rule)
        #expect(verdict.policy == "local")
    }

    @Test func `a denial says who may not do what where, by which rule, and why`() throws {
        #expect(
            try ask("cleo", "session.accept", site: "site-a").reason
                == "rule cleo does not allow cleo to do session.accept to interactive/jupyter-notebook at site site-a: "
                + "her allocation is used up")
        #expect(
            try ask("ben", "workstep.submit").reason
                == "no rule allows ben to do workstep.submit to interactive/jupyter-notebook")
    }

    @Test func `groups that a RabbitMQ user claims are not believed, those of another issuer are`() throws {
        #expect(try !ask("ben", "workstep.submit", groups: ["astronomers"]).isAuthorised)
        let iam = "https://iam.example.org/"
        #expect(try ask("99", "session.accept", site: "site-a", iss: iam, groups: ["/srcnet/guests"]).isAuthorised)
        #expect(try !ask("99", "session.accept", site: "site-a", iss: iam).isAuthorised)
        #expect(try !ask("ada", "workstep.submit", iss: iam).isAuthorised, "the same sub of another issuer")
    }

    @Test func `a rule with sites says nothing where no site is named, and one with resources only of those`() throws {
        let iam = "https://iam.example.org/"
        #expect(try ask("1234", "session.accept", site: "site-a", iss: iam).isAuthorised)
        #expect(try !ask("1234", "session.accept", iss: iam).isAuthorised)
        #expect(try !ask("1234", "session.accept", site: "elsewhere", iss: iam).isAuthorised)
        #expect(try !ask("1234", "session.accept", "batch/docker-container", site: "site-a", iss: iam).isAuthorised)
    }

    @Test(arguments: [
        ("{", "", "it is not JSON: line 1: string or '}' expected near end of file"),
        ("[]", "", "must be an object"),
        ("{}", "/policy", "is required: a string that is not empty"),
        (#"{"policy": "p", "rule": []}"#, "/rule", "is not known here: a policy has policy, rules, services, users"),
        (#"{"policy": "p", "users": [{"groups": []}]}"#, "/users/0/sub", "is required: a string that is not empty"),
        (#"{"policy": "p", "users": [{"sub": "a"}, {"sub": "a"}]}"#, "/users/1/sub", "is named more than once: a"),
        (#"{"policy": "p", "services": "x"}"#, "/services", "must be an array of strings, at most 1000"),
        (rule(#""effect": "permit", "who": "*", "actions": ["*"]"#), "/rules/0/effect", "must be one of allow, deny"),
        (
            rule(#""effect": "allow", "actions": ["*"]"#), "/rules/0/who",
            "is required: \"*\" for everybody, or {users, groups}"
        ),
        (rule(#""effect": "deny", "who": "*""#), "/rules/0/actions", "is required: an array of strings, at most 1000"),
        (
            rule(#""effect": "deny", "who": "*", "actions": []"#), "/rules/0/actions",
            "must have patterns, none of them empty"
        ),
        (
            rule(#""effect": "deny", "who": "ada", "actions": ["*"]"#), "/rules/0/who",
            "must be \"*\" for everybody, or {users, groups}"
        ),
        (
            rule(#""effect": "deny", "who": {}, "actions": ["*"]"#), "/rules/0/who", "must name a user or a group"
        ),
        (
            rule(#""effect": "deny", "who": {"users": ["bob"]}, "actions": ["*"]"#), "/rules/0/who/users",
            "names bob, who is not among the users of this file"
        ),
        (
            rule(#""effect": "deny", "who": {"users": [7], "groups": ["g"]}, "actions": ["*"]"#), "/rules/0/who/users",
            "has at 0 neither a user's name nor {iss, sub}"
        ),
        (
            rule(#""effect": "deny", "who": {"users": "a", "groups": ["g"]}, "actions": ["*"]"#), "/rules/0/who/users",
            "must be an array"
        ),
    ])
    func `a wrong policy file is one error that names the file, the place and what is wrong`(
        text: String, pointer: String, detail: String
    ) throws {
        let error = #expect(throws: PolicyFileError.self) {
            try Policy(reading: Array(text.utf8), file: "policy.json")
        }
        #expect(error?.pointer == pointer)
        #expect(error?.detail == detail)
        #expect(error?.description.hasPrefix("the policy file policy.json cannot be used: \(pointer)") == true)
        #expect(error?.description.contains("\n") == false)
    }

    @Test func `two rules of one name are refused, and of many faults the first is told with their number`() throws {
        let twice = #"{"name": "r", "effect": "deny", "who": "*", "actions": ["*"]}"#
        let same = #"{"policy": "p", "rules": [\#(twice), \#(twice)]}"#
        let error = #expect(throws: PolicyFileError.self) { try Policy(reading: Array(same.utf8), file: "f") }
        #expect(error?.description == "the policy file f cannot be used: /rules/1/name is used by another rule: r")
        let many = #"{"policy": 1, "users": 2}"#
        let first = #expect(throws: PolicyFileError.self) { try Policy(reading: Array(many.utf8), file: "f") }
        #expect(first?.detail == "must be a string that is not empty (and 1 more)")
    }

    @Test func `a policy file that is not there is one error`() {
        let error = #expect(throws: PolicyFileError.self) { try Policy(file: "/nonexistent/policy.json") }
        #expect(
            error?.description
                == "the policy file /nonexistent/policy.json cannot be used: it does not exist or may not be read")
    }
}

private func rule(_ members: String) -> String {
    #"{"policy": "p", "users": [{"sub": "ada"}], "rules": [{"name": "r", \#(members)}]}"#
}
