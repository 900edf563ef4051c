import FoundationEssentials
import Processes
import TestSupport
import Wire

/// What Package.swift says, as the package manager itself understands it.
struct PackageDescription: Sendable {
    /// One target, as far as the layout is concerned.
    struct Target: Sendable {
        enum Kind: String, Sendable {
            case system
            case regular
            case executable
            case test
        }

        var name: String
        var kind: Kind
        /// Relative to the package's folder.
        var folder: String
        /// The targets of this package that it may import.
        var dependencies: [String]
        /// Each as `kind value…`, such as `swiftLanguageMode 6`.
        var settings: Set<String>
    }

    var targets: [Target]
    /// How many other packages this one needs.
    var otherPackages = 0

    /// A target by its name.
    subscript(_ name: String) -> Target? { targets.first { $0.name == name } }
}

extension PackageDescription {
    /// The folder of the package that this test belongs to.
    static var folder: String {
        #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    }

    /// The description of that package.
    static var current: PackageDescription { get async throws { try await loading.value } }

    /// Asks the package manager. It is given folders of its own, since the one of the running test is locked; and a place
    /// for its locks, which it leaves there.
    private static let loading = Task {
        try await withTemporaryFolder { temporary in
            var environment = ProcessInfo.processInfo.environment
            environment["TMPDIR"] = temporary
            let result = try await run(
                ProcessSettings(
                    "swift",
                    [
                        "package", "--package-path", folder, "--scratch-path", "\(temporary)/build",
                        "--cache-path", "\(temporary)/cache", "--manifest-cache", "local", "dump-package",
                    ], environment: environment),
                deadline: .seconds(120))
            return try PackageDescription(JSON(parsing: result.checked().output))
        }
    }

    /// Reads what `swift package dump-package` writes.
    init(_ json: JSON) throws(Unreadable) {
        guard let targets = json["targets"]?.array else { throw Unreadable("it has no targets") }
        self.targets = []
        for target in targets { self.targets.append(try Target(target)) }
        otherPackages = json["dependencies"]?.array?.count ?? 0
    }

    /// The package manager wrote something that this test does not understand.
    struct Unreadable: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = "package description: \(description)" }
    }
}

extension PackageDescription.Target {
    init(_ json: JSON) throws(PackageDescription.Unreadable) {
        guard let name = json["name"]?.string else { throw .init("a target without a name") }
        guard let kind = json["type"]?.string.flatMap(Kind.init) else { throw .init("\(name) has an unknown type") }
        self.name = name
        self.kind = kind
        folder = json["path"]?.string ?? (kind == .test ? "Tests/\(name)" : "Sources/\(name)")
        dependencies = []
        for dependency in json["dependencies"]?.array ?? [] {
            // {"byName": ["X", condition]} or {"target": ["X", condition]}
            guard let other = (dependency["byName"] ?? dependency["target"])?[0]?.string else {
                throw .init("\(name) depends on something that is no target of this package: \(dependency.text)")
            }
            dependencies.append(other)
        }
        settings = Set((json["settings"]?.array ?? []).map { Self.text(of: $0["kind"]) })
    }

    /// `{"treatWarning": {"_0": "X", "_1": "error"}}` as `treatWarning X error`.
    private static func text(of setting: JSON?) -> String {
        guard let (name, values) = setting?.object?.first else { return "" }
        let arguments = (values.object ?? [:]).sorted { $0.key < $1.key }.map { $0.value.string ?? $0.value.text }
        return ([name] + arguments).joined(separator: " ")
    }
}
