/// One promise, and how it is looked for in a history.
package struct Check: Sendable {
    /// What came of it.
    package struct Result: Sendable {
        /// How many things were looked at: none at all says nothing.
        package var looked = 0
        /// What breaks the promise, with the evidence.
        package var violations: [String] = []

        /// One more thing was looked at.
        mutating func look(_ isKept: Bool, _ violation: @autoclosure () -> String) {
            looked += 1
            demand(isKept, violation())
        }

        /// The same of something that was counted already.
        mutating func demand(_ isKept: Bool, _ violation: @autoclosure () -> String) {
            if !isKept { violations.append(violation()) }
        }
    }

    /// The promise in words.
    package let promise: String
    /// What is counted.
    package let unit: String
    private let judge: @Sendable (Account, inout Result) -> Void

    init(_ promise: String, _ unit: String, _ judge: @escaping @Sendable (Account, inout Result) -> Void) {
        (self.promise, self.unit, self.judge) = (promise, unit, judge)
    }

    /// All of them.
    package static let all: [Check] = [
        outcomes, effects, lives, phases, siblings, capacity, callbacks, sequences, recording, ends, remains,
    ]

    /// Judges a history by all of them.
    package static func judge(_ history: History) -> [(check: Check, result: Result)] {
        let account = Account(history)
        return all.map { check in
            var result = Result()
            check.judge(account, &result)
            return (check, result)
        }
    }
}
