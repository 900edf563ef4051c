internal import CLinux
internal import Glibc

/// What becomes of this process when the one that started it ends.
package enum ParentDeath {
    /// Has the kernel send this process a signal when its parent has ended, however it ended. To be called at start.
    ///
    /// - Parameter parent: the number of the process that is meant; where it has ended already, the signal comes at once.
    package static func send(_ signal: Int32, parent: Int32? = nil) throws(ProcessError) {
        let error = execbus_die_with_parent(signal)
        guard error == 0 else { throw .system("cannot follow the parent process", error) }
        // It may have ended before the kernel was asked, and then never tells.
        if let parent, getppid() != parent { raise(signal) }
    }
}
