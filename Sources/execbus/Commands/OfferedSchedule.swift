internal import Wire

/// The times of an offer, and of the session that it becomes.
struct OfferedSchedule {
    /// When its preparation begins.
    let preparing: Timestamp?
    /// How long its preparation takes.
    let preparation: Duration?
    /// When the session is to be there.
    let start: Timestamp?
    /// How long the session may be used.
    let length: Duration?

    init(of session: JSON) {
        let schedule = session["schedule"]
        // IVOA's broker writes an interval, START/END, in some of its generations.
        func time(_ part: String) -> Timestamp? {
            schedule?[part]?["start"]?.string.flatMap { Timestamp(String($0.prefix { $0 != "/" })) }
        }
        func duration(_ part: String) -> Duration? {
            schedule?[part]?["duration"]?.string.flatMap(ISODuration.parse)
        }
        preparing = time("preparing")
        preparation = duration("preparing")
        start = time("available")
        length = duration("available")
    }
}
