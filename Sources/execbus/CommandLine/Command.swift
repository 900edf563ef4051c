/// One command of the command line: what it takes, what it says of itself, what it does.
struct Command: Sendable {
    /// Something that is told by its place.
    struct Positional: Sendable {
        let name: String
        let help: String
        var isOptional = false
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
    }

    let code: Code
    let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

extension Command {
    /// Finds the command that the words name, and what they give to it.
    func parse(_ words: ArraySlice<String>, path: [String] = []) throws -> (Command, Invocation, path: [String]) {
        let path = path + [name]
        if !subcommands.isEmpty {
            guard let word = words.first, word != "--help", word != "-h" else {
                return (self, Invocation(positionals: [], options: [:], flags: ["help"]), path)
            }
            guard let command = subcommands.first(where: { $0.name == word }) else {
                let near = subcommands.map(\.name).min { distance($0, word) < distance($1, word) } ?? ""
                throw UsageError(
                    "\(path.joined(separator: " ")) knows no command \(word); did you mean \(near)? Try --help")
            }
            return try command.parse(words.dropFirst(), path: path)
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
                throw UsageError("\(path.joined(separator: " ")) has no option \(word); try --help")
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
                throw UsageError("\(path.joined(separator: " ")) needs \(missing.name): \(missing.help)")
            }
            if positionals.count > self.positionals.count {
                throw UsageError("\(positionals[self.positionals.count]) is one argument too many; try --help")
            }
        }
        return (self, invocation, path)
    }

    /// How many letters differ, roughly: for "did you mean".
    private func distance(_ left: String, _ right: String) -> Int {
        Set(left).symmetricDifference(right).count + abs(left.count - right.count)
            - (left.first == right.first ? 2 : 0)
    }
}
