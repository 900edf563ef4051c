internal import CSQLite
internal import Glibc
internal import Store
internal import StoreSQL

extension StoreError {
    /// What a result of SQLite means for an operator of the store in `path`.
    ///
    /// - Parameters:
    ///   - result: the extended result code (sqlite.org/rescode.html).
    ///   - systemError: the `errno` that SQLite met last, or 0.
    ///   - detail: SQLite's own words.
    init(path: String, result: Int32, systemError: Int32, detail: String) {
        if result == databaseMoved {
            self.init(.notAccessible, "\(path) was moved or deleted while in use: put it back and start again")
            return
        }
        switch result & 0xFF {
        case SQLITE_FULL:
            self.init(.full, "\(path): the disk or the quota is full; free some space there and try again")
        case SQLITE_BUSY, SQLITE_LOCKED:
            self.init(.inUse, "\(path) is open in another program: close it there (`fuser \(path)` names it)")
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            self.init(
                .damaged,
                "\(path) is damaged or no store (\(detail)): restore it from a copy, or move it away to begin anew")
        case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH:
            if systemError != 0 {
                self.init(file: path, systemError: systemError)
            } else if result & 0xFF == SQLITE_IOERR {
                self.init(.failed, "\(path): \(detail); look at the disk and the kernel's log")
            } else {
                self.init(.notAccessible, "\(path): \(detail); see that the folder exists and may be written")
            }
        default:
            self.init(.failed, "\(path): \(detail)")
        }
    }

    /// What an error of the operating system means for whoever uses `path`.
    init(file path: String, systemError: Int32) {
        let reason = systemMessage(systemError)
        switch systemError {
        case ENOSPC, EDQUOT:
            self.init(.full, "\(path): the disk or the quota is full; free some space there and try again")
        case ENOENT, ENOTDIR, EACCES, EPERM, EROFS, EISDIR, ELOOP, ENAMETOOLONG:
            self.init(.notAccessible, "\(path): \(reason); see that the folder exists and may be written")
        default:
            self.init(.failed, "\(path): \(reason); look at the disk and the kernel's log")
        }
    }
}

/// `SQLITE_READONLY_DBMOVED`, whose definition by shifts Swift does not import.
private let databaseMoved = SQLITE_READONLY | (4 << 8)
