internal import FoundationEssentials

/// Where new ids come from: the system's random numbers, or a counter in tests.
public struct IDSource: Sendable {
    private let make: @Sendable () -> String

    public init(_ make: @escaping @Sendable () -> String) { self.make = make }

    /// A new UUID in lower case.
    public func next() -> String { make() }

    /// Random UUIDs.
    public static let random = IDSource { UUID().uuidString.lowercased() }
}
