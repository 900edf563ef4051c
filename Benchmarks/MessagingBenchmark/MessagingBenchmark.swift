internal import Glibc
internal import Wire

/// Measures what this project's AMQP module gets out of RabbitMQ, beside a C program and two Python libraries: all of them
/// in one run, on one private node, in turns.
///
///     MessagingBenchmark [--rounds N] [--json] [--scale PERCENT] [--peers NAME,…] [--measures NAME,…]
///         --c PROGRAM --python PROGRAM --scripts FOLDER
///         --folder FOLDER
///     MessagingBenchmark publish|consume|ask|respond HOST PORT USER PASSWORD QUEUE COUNT
@main
struct MessagingBenchmark {
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            let words = Array(CommandLine.arguments.dropFirst())
            if let work = words.first.flatMap(Work.init) {
                try await SwiftPeer(words.dropFirst()).run(work)
            } else {
                let options = try Options(words)
                let figures = try await Benchmark(options).run()
                say(options.isJSON ? Report(figures).json.text : Report(figures).table)
            }
        } catch {
            complain("\(error)")
            exit(1)
        }
    }

    /// A result, which who waits for it has at once.
    static func say(_ text: String) { Self.write("\(text)\n", to: 1) }

    /// One line for a person, beside the result.
    static func complain(_ text: String) { Self.write("benchmark: \(text)\n", to: 2) }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }
}

/// What one program does in one run.
enum Work: String, Sendable {
    case publish, consume, ask, respond
}

/// A sentence for who called it wrongly, or whose peer failed.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// What is asked for.
struct Options: Sendable {
    var rounds = 5
    var isJSON = false
    /// Of the usual count of messages, in percent.
    var scale = 100
    var peers: [String]?
    var measures = Measure.allCases
    var cProgram: String?
    var python: String?
    var scripts: String?
    /// Where the private node keeps its files.
    var folder: String?

    init(_ words: [String]) throws {
        var words = words[...]
        func value(of name: String) throws -> String {
            guard let value = words.popFirst() else { throw Failure("\(name) needs a value") }
            return value
        }
        func number(of name: String) throws -> Int {
            guard let number = Int(try value(of: name)), number > 0 else {
                throw Failure("\(name) is a number above 0")
            }
            return number
        }
        while let word = words.popFirst() {
            switch word {
            case "--rounds": rounds = try number(of: word)
            case "--scale": scale = try number(of: word)
            case "--json": isJSON = true
            case "--peers": peers = try value(of: word).split(separator: ",").map(String.init)
            case "--measures":
                measures = try value(of: word).split(separator: ",").map { name in
                    guard let measure = Measure(rawValue: String(name)) else {
                        throw Failure("there is no measure \(name)")
                    }
                    return measure
                }
            case "--c": cProgram = try value(of: word)
            case "--python": python = try value(of: word)
            case "--scripts": scripts = try value(of: word)
            case "--folder": folder = try value(of: word)
            default: throw Failure("there is no option \(word)")
            }
        }
    }
}
