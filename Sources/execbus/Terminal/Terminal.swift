internal import Glibc

/// What stands between the program and whoever reads it: colours and moving lines only where that is a person.
enum Terminal {
    /// Whether standard output is a terminal that shows colours (https://no-color.org is honoured).
    static let hasColours =
        isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nil && getenv("TERM").map { String(cString: $0) } != "dumb"

    /// Whether lines can be written over.
    static let isInteractive = hasColours

    /// The columns of the terminal; 100 where there is none.
    static var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 100 }
        return Int(size.ws_col)
    }

    /// Writes text to standard output at once. Whether somebody reads it: `| head` reads no further when it has enough.
    @discardableResult
    static func write(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    static func line(_ text: String = "") -> Bool { write(text + "\n") }

    /// Writes a line to standard error.
    static func complain(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}

/// Colours of the terminal.
enum Style: String {
    case bold = "1"
    case faint = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"
    case cyan = "36"

    func callAsFunction(_ text: String) -> String {
        Terminal.hasColours ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
}
