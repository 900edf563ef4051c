internal import CLinux
internal import Glibc

/// The three standard streams of one child: its ends, and ours of the pipes.
struct ChildStreams: Sendable {
    /// What the child gets as its descriptors 0, 1 and 2.
    private(set) var theirs: [Int32] = []
    private var toClose: [Int32] = []
    /// The end of the child's input that nothing is written to; the kernel closes it where this process ends first.
    private var heldOpen: Int32?
    private var pipes: [(descriptor: Int32, handler: @Sendable ([UInt8]) -> Void)] = []
    /// The number of the watch of each pipe.
    private var watchNumbers: [UInt64] = []

    init(_ settings: ProcessSettings) throws(ProcessError) {
        do {
            switch settings.input {
            case .inherited: theirs.append(STDIN_FILENO)
            case .empty: try add(path: "/dev/null", O_RDONLY)
            case .open:
                let pipe = try Pipe()
                theirs.append(pipe.reading)
                toClose.append(pipe.reading)
                heldOpen = pipe.writing
            }
            try add(STDOUT_FILENO, settings.output)
            try add(STDERR_FILENO, settings.errors)
        } catch {
            close()
            throw error
        }
    }

    private mutating func add(_ standard: Int32, _ output: ProcessSettings.Output) throws(ProcessError) {
        switch output {
        case .inherited: theirs.append(standard)
        case .discarded: try add(path: "/dev/null", O_WRONLY)
        case .file(let path): try add(path: path, O_WRONLY | O_APPEND | O_CREAT)
        case .handler(let handler):
            let pipe = try Pipe()
            theirs.append(pipe.writing)
            toClose.append(pipe.writing)
            pipe.makeReadingNonBlocking()
            pipes.append((pipe.reading, handler))
        }
    }

    private mutating func add(path: String, _ flags: Int32) throws(ProcessError) {
        let descriptor = open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("cannot open \(path)") }
        theirs.append(descriptor)
        toClose.append(descriptor)
    }

    /// Closes the child's ends, which this process does not need once the child has them.
    func closeTheirs() { for descriptor in toClose { Glibc.close(descriptor) } }

    /// Closes everything, where there is no child after all.
    func close() {
        closeTheirs()
        if let heldOpen { Glibc.close(heldOpen) }
        for pipe in pipes { Glibc.close(pipe.descriptor) }
    }

    /// Reads the pipes from now on.
    mutating func watch(_ watches: inout ProcessKeeper.Watches) {
        watchNumbers = pipes.map { descriptor, handler in
            watches.add(descriptor) { watches in
                if !drain(descriptor, handler, atMost: 1) {
                    watches.remove(descriptor)
                    Glibc.close(descriptor)
                }
            }
        }
    }

    /// Reads what is in the pipes now, and no more after that.
    func finish(_ watches: inout ProcessKeeper.Watches) {
        if let heldOpen { Glibc.close(heldOpen) }
        // One that has come to its end before is closed, and its number may be that of another child's pipe by now.
        for ((descriptor, handler), number) in zip(pipes, watchNumbers) where watches.remove(descriptor, number) {
            // A grandchild that writes without end must not hold up the thread: a pipe holds no more than this.
            _ = drain(descriptor, handler, atMost: 16)
            Glibc.close(descriptor)
        }
    }
}

/// Reads so many pieces of up to 64 KiB, as far as there are any. Whether there may be more some time.
private func drain(_ descriptor: Int32, _ handler: ([UInt8]) -> Void, atMost pieces: Int) -> Bool {
    for _ in 0..<pieces {
        var count = 0
        let piece = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, size in
            count = read(descriptor, buffer.baseAddress, buffer.count)
            size = max(0, count)
        }
        if count == 0 { return false }
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        handler(piece)
    }
    return true
}
