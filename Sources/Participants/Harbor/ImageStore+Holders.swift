internal import Files
package import OCI
internal import Preparation

extension ImageStore {
    /// The images that somebody holds.
    package func digests(heldBy holder: String) -> [Digest] {
        FileSystem.names(in: "\(path)/holders").compactMap(Digest.init(hex:)).filter {
            holders(of: $0).contains(holder)
        }
    }
}
