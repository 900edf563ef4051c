import ExecutionModel
import Wire

/// A generator whose seed is the test's argument, so that a failure can be played again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

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
