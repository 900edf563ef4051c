/// One command of the command line: what it takes, what it says of itself, what it does.
struct Command: Sendable {
    /// Something that is told by its place.
    struct Positional: Sendable {
        let name: String
        let help: String
        var isOptional = false
        /// Whether it may be given several times; for the last one of a command.
        var isRepeated = false
    }

    /// Something that is told by its name: `--name VALUE`, or `--name` where there is no value.
    struct Option: Sendable {
        let name: String
        /// What stands for the value in the help; nil for a flag.
        var value: String?
        let help: String

        static func flag(_ name: String, _ help: String) -> Option { Option(name: name, help: help) }

        static func value(_ name: String, _ value: String, _ help: String) -> Option {
            Option(name: name, value: value, help: help)
        }
    }

    let name: String
    let summary: String
    /// Further paragraphs of the help, examples among them.
    var discussion = ""
    var positionals: [Positional] = []
    var options: [Option] = []
    var subcommands: [Command] = []
    var run: (@Sendable (Invocation) async throws -> Void)?
}

/// What was given to a command.
struct Invocation: Sendable {
    let positionals: [String]
    let options: [String: String]
    let flags: Set<String>

    /// The value of an option.
    subscript(_ name: String) -> String? { options[name] }

    func has(_ flag: String) -> Bool { flags.contains(flag) }

    /// A positional that the command requires, so it is there.
    func required(_ index: Int) throws -> String {
        guard positionals.indices.contains(index) else { throw UsageError("an argument is missing") }
        return positionals[index]
    }
}

/// The words of the command line were not understood.
struct UsageError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// An error with its exit code and one sentence that says what to do.
struct Failure: Error, CustomStringConvertible {
    /// The exit codes of the command line.
    enum Code: Int32, Sendable {
        case failed = 1
        case usage = 2
        case notAuthorised = 3
        case noOffer = 4
        case sessionFailed = 5
        case timeout = 6
        case unreachable = 7
        /// As shells count an end by SIGINT.
        case interrupted = 130
    }

    let code: Code
    let description: String
    /// Whether standard output has told of it already, so that nothing is added there.
    let isTold: Bool

    init(_ code: Code, _ description: String, isTold: Bool = false) {
        self.code = code
        self.description = description
        self.isTold = isTold
    }
}

extension Command {
    /// Finds the command that the words name, and what they give to it.
    func parse(_ words: ArraySlice<String>, path: [String] = []) throws -> (Command, Invocation, path: [String]) {
        let path = path + [name]
        if !subcommands.isEmpty {
            return try parseSubcommand(words, path)
        }
        var rest = words
        var positionals: [String] = []
        var values: [String: String] = [:]
        var flags: Set<String> = []
        while let word = rest.popFirst() {
            if word == "--" {
                positionals += rest
                break
            }
            guard word.hasPrefix("-"), word != "-" else {
                positionals.append(word)
                continue
            }
            if word == "--help" || word == "-h" {
                flags.insert("help")
                continue
            }
            let parts = word.drop { $0 == "-" }.split(separator: "=", maxSplits: 1).map(String.init)
            guard let name = parts.first, let option = options.first(where: { $0.name == name }) else {
                let near = suggestion(for: parts.first ?? "", among: options.map(\.name), prefix: "--")
                throw UsageError("\(call(path)) has no option \(word)\(near ?? "; see \(call(path)) --help")")
            }
            if option.value == nil {
                guard parts.count == 1 else { throw UsageError("--\(name) takes no value") }
                flags.insert(name)
            } else if let value = parts.count == 2 ? parts[1] : rest.popFirst() {
                values[name] = value
            } else {
                throw UsageError("--\(name) needs a value: \(option.value ?? "")")
            }
        }
        let invocation = Invocation(positionals: positionals, options: values, flags: flags)
        if !flags.contains("help") {
            if let missing = self.positionals.dropFirst(positionals.count).first(where: { !$0.isOptional }) {
                throw UsageError("\(call(path)) needs \(missing.name): \(missing.help)")
            }
            if positionals.count > self.positionals.count, self.positionals.last?.isRepeated != true {
                throw UsageError("\(positionals[self.positionals.count]) is one argument too many; see --help")
            }
        }
        return (self, invocation, path)
    }

    private func parseSubcommand(
        _ words: ArraySlice<String>, _ path: [String]
    ) throws -> (Command, Invocation, path: [String]) {
        // `help session show` is `session show --help`.
        let isHelp = words.first.map { ["--help", "-h", "help"].contains($0) } ?? false
        let rest = words.dropFirst(isHelp ? 1 : 0)
        guard let word = rest.first, !isHelp || !word.hasPrefix("-") else {
            return (self, Invocation(positionals: [], options: [:], flags: isHelp ? ["help"] : []), path)
        }
        let name = word == "--version" ? "version" : word
        guard let command = subcommands.first(where: { $0.name == name }) else {
            let near = suggestion(for: word, among: subcommands.map(\.name))
            throw UsageError("\(call(path)) has no command \(word)\(near ?? "; see \(call(path)) --help")")
        }
        return try command.parse(((isHelp ? ["--help"] : []) + rest.dropFirst())[...], path: path)
    }

    private func call(_ path: [String]) -> String { path.joined(separator: " ") }
}
