internal import CLinux
internal import Glibc

/// A pipe whose ends no child inherits.
struct Pipe: Sendable {
    let reading: Int32
    let writing: Int32

    init() throws(ProcessError) {
        var (reading, writing): (Int32, Int32) = (-1, -1)
        let error = execbus_pipe(&reading, &writing)
        guard error == 0 else { throw .system("cannot make a pipe", error) }
        (self.reading, self.writing) = (reading, writing)
    }

    func makeReadingNonBlocking() { _ = fcntl(reading, F_SETFL, O_NONBLOCK) }
    func makeWritingNonBlocking() { _ = fcntl(writing, F_SETFL, O_NONBLOCK) }
}
