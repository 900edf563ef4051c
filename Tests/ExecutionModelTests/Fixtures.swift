import ExecutionModel
import TestSupport
import Wire

/// The same UUID for the same number.
func uuid(_ number: UInt64) -> String {
    var generator = SeededGenerator(seed: number)
    let digits = Array(String(generator.next() | 1 << 63, radix: 16) + String(generator.next() | 1 << 63, radix: 16))
    return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
}

/// The same identifier for the same number.
func identifier<Subject>(_ number: UInt64, of type: Identifier<Subject>.Type = Identifier<Subject>.self)
    -> Identifier<Subject>
{
    guard let id = Identifier<Subject>(uuid(number)) else { preconditionFailure("the test's UUIDs are UUIDs") }
    return id
}

/// An instant so many seconds after the start of the tests' time, 2026-11-24T10:00:00Z.
func instant(_ seconds: Double) -> Timestamp {
    Timestamp(microseconds: 1_795_514_400_000_000) + .microseconds(Int64(seconds * 1_000_000))
}

func asker(_ name: String) -> Asker { Asker(["key": .string(name)]) }
