internal import ExecutionModel
internal import Glibc
internal import OCI
internal import Preparation

/// Who a session's processes are: the owner of the user's folder as it lies in the area, so that the session may do with
/// the user's files what the user may.
struct SessionOwner {
    private let uid: uid_t
    private let gid: gid_t

    init(area: String) throws {
        var status = stat()
        guard lstat("\(area)/\(AreaRegister.home)", &status) == 0 else {
            throw TaskFailure("cannot-start", "the user's folder is not in the session's area")
        }
        uid = status.st_uid
        gid = status.st_gid
    }

    var user: ContainerUser { ContainerUser(uid: uid, gid: gid) }

    /// Hands over what others have made for the session; only root can, and has to.
    func take(_ paths: [String]) throws {
        guard geteuid() == 0, uid != 0 else { return }
        for path in paths where lchown(path, uid, gid) != 0 {
            throw TaskFailure("cannot-start", "cannot give \(path) to user \(uid): \(String(cString: strerror(errno)))")
        }
    }
}
