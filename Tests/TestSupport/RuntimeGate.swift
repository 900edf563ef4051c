internal import Files
internal import Processes

/// A program in place of `runc` or `bwrap` that does what they do, and holds each start up at one moment, in which
/// nothing can be seen of how it will end.
package struct RuntimeGate: Sendable {
    package enum Moment: String, Sendable, CaseIterable {
        /// The shell that starts the container has begun, the runtime has not.
        case beginning
        /// The session's program runs, and nobody has written down which process it is.
        case unwritten
    }

    /// The program's path.
    package let program: String
    private let folder: String

    /// Writes the program.
    /// - Parameters:
    ///   - kind: `runc` or `bwrap`.
    ///   - folder: where it and its signs lie; the same again for another process.
    package init(_ kind: String, at moment: Moment, folder: String) throws {
        self.folder = folder
        program = "\(folder)/\(kind)"
        guard let real = Executable.find(kind) else { throw ProcessError(.notFound, "there is no program \(kind)") }
        try FileSystem.makeFolder(folder, mode: 0o755)
        try FileSystem.replace(program, with: Array(script(real, kind, moment).utf8), mode: 0o755)
    }

    /// From now on this process is killed (SIGKILL) when a start has come to the moment.
    package func kill(_ pid: Int32) throws { try FileSystem.replace("\(folder)/worker", with: Array("\(pid)".utf8)) }

    /// Whether a start has come to the moment.
    package var isReached: Bool { FileSystem.exists("\(folder)/reached") }

    /// Lets all starts go on.
    package func open() { RuntimeGate.open(folder) }

    /// Lets all starts go on of which the signs lie there.
    package static func open(_ folder: String) { try? FileSystem.replace("\(folder)/open", with: []) }

    private func script(_ real: String, _ kind: String, _ moment: Moment) -> String {
        let held =
            switch (moment, kind) {
            case (.beginning, _): "hold; exec \(real) \"$@\""
            case (.unwritten, "runc"):
                #"""
                for argument; do
                    shift
                    if [ "$before" = --pid-file ]; then file=$argument argument=\#(folder)/pid; fi
                    before=$argument
                    set -- "$@" "$argument"
                done
                \#(real) "$@" &
                until [ -s \#(folder)/pid ] || ! kill -0 $!; do sleep 0.01; done
                hold
                cp \#(folder)/pid "$file.new" && mv "$file.new" "$file"
                wait $!
                """#
            case (.unwritten, _):
                #"""
                \#(real) "$@" 3> \#(folder)/pid &
                until grep -q } \#(folder)/pid || ! kill -0 $!; do sleep 0.01; done
                hold
                cat \#(folder)/pid >&3
                wait $!
                """#
            }
        return #"""
            #!/bin/sh
            hold() {
                : > \#(folder)/reached
                if [ -e \#(folder)/worker ]; then kill -9 "$(cat \#(folder)/worker)"; fi
                for i in $(seq 3000); do if [ -e \#(folder)/open ]; then return; fi; sleep 0.01; done
                exit 1
            }
            case " $* " in
            *" delete "*) exec \#(real) "$@" ;;
            esac
            \#(held)
            """#
    }
}
