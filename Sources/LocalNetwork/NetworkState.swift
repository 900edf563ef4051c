/// What runs in the folder of a network.
package enum NetworkState: Sendable, Equatable {
    /// All workers serve; the process is `execbus up`.
    case serving(NetworkDescription, process: Int32?)
    /// `execbus up` has the folder, and its workers do not serve yet, or not any more.
    case busy(process: Int32?)
    /// Nothing runs there. `execbus up` was killed before it could take its description away.
    case killed
    /// Nothing runs there.
    case absent

    /// Looks at a folder, and changes nothing in it.
    /// - Throws: `.invalid` where the description of a running network cannot be read.
    package init(of folder: NetworkFolder) throws(LocalNetworkError) {
        // In this order: who gives the folder back has removed the description before.
        let isThere = NetworkDescription.isThere(in: folder.path)
        guard NetworkClaim.isHeld(on: folder) else {
            self = isThere ? .killed : .absent
            return
        }
        let process = NetworkClaim.holder(of: folder)
        self =
            isThere
            ? .serving(try NetworkDescription(readingFrom: folder.path), process: process) : .busy(process: process)
    }
}
