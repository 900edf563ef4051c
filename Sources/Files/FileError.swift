internal import Glibc

/// Why something could not be done with a file or folder.
package struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure, for code to decide by.
    package enum Code: Sendable, Hashable {
        /// There is no such file or folder.
        case notFound
        /// Something is there already.
        case exists
        /// It is larger than it may be.
        case tooLarge
        /// The disk or a quota is full.
        case full
        /// A link on the way leads out of the folder, or there is a link where none may be.
        case unsafePath
        /// The system does not allow it.
        case notAccessible
        /// The file system or its device cannot do it.
        case failed
    }

    package let code: Code
    /// For people: what could not be done with which file, and why.
    package let message: String
    /// The system's error number, 0 where the failure is not the system's.
    package let systemCode: Int32

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
        systemCode = 0
    }

    /// What errno says of the last system call.
    package init(_ what: String, errno systemCode: Int32 = errno) {
        code =
            switch systemCode {
            case ENOENT: .notFound
            case EEXIST, ENOTEMPTY: .exists
            case ENOSPC, EDQUOT: .full
            case EXDEV, ELOOP, ENOTDIR: .unsafePath
            case EACCES, EPERM, EROFS: .notAccessible
            default: .failed
            }
        message = "\(what): \(systemMessage(systemCode))"
        self.systemCode = systemCode
    }

    package var description: String { message }
}

/// The operating system's words for an error number.
private func systemMessage(_ code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
        guard let start = buffer.baseAddress, strerror_r(code, start, buffer.count) == 0 else { return "error \(code)" }
        return String(cString: start)
    }
}
