internal import Store

extension StoreError {
    /// The server cannot be reached, refuses the connection, or the connection to it is lost.
    init(unreachable place: String, detail: String) {
        self.init(
            .unreachable, "\(place): \(detail); see that the server runs, and that address, user and password are right"
        )
    }

    /// What a refusal of the server means for an operator.
    ///
    /// - Parameter state: the SQLSTATE (PostgreSQL, appendix A, "PostgreSQL Error Codes").
    init(place: String, state: String, detail: String) {
        switch state {
        case "53100", "53200":
            self.init(.full, "\(place): \(detail); make room on the server, and try again")
        case "42501", "3D000", "28000", "28P01":
            self.init(.notAccessible, "\(place): \(detail); see what this user may do there")
        case "40001", "40P01":
            self.init(.conflict, "\(place): \(detail)")
        case let state where state.hasPrefix("08") || state.hasPrefix("57P"):
            self.init(unreachable: place, detail: detail)
        case let state where state.hasPrefix("XX"):
            self.init(.damaged, "\(place): \(detail); look at the server's log")
        default:
            self.init(.failed, "\(place): \(detail) (\(state))")
        }
    }
}
