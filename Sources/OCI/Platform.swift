/// The kind of machine that an image is for (OCI image specification, image-index.md, `platform`).
package struct Platform: Sendable, Hashable, CustomStringConvertible {
    /// Such as `linux`.
    package let os: String
    /// Go's name of the processor, such as `amd64` or `arm64`.
    package let architecture: String
    /// The processor's variant, such as `v8`; nil where nothing is said.
    package let variant: String?

    package init(os: String, architecture: String, variant: String? = nil) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    /// Reads `os/architecture[/variant]`; nil where the text is no platform.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), !parts.contains("") else { return nil }
        self.init(
            os: String(parts[0]), architecture: String(parts[1]), variant: parts.count == 3 ? String(parts[2]) : nil)
    }

    /// The machine that this program runs on.
    package static var current: Platform {
        #if arch(arm64)
            Platform(os: "linux", architecture: "arm64")
        #else
            Platform(os: "linux", architecture: "amd64")
        #endif
    }

    package var description: String { "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "") }

    /// Whether an image for `other` runs here. An arm machine runs what is for an older variant; arm64 without a
    /// variant is v8, arm without one v7 (as containerd normalises them).
    func runs(_ other: Platform) -> Bool {
        guard os == other.os, architecture == other.architecture else { return false }
        guard let wanted = variant else { return true }
        switch architecture {
        case "arm64": return wanted == other.variant ?? "v8"
        case "arm":
            guard let mine = Platform.number(wanted), let theirs = Platform.number(other.variant ?? "v7") else {
                return wanted == other.variant
            }
            return theirs <= mine
        default: return wanted == other.variant
        }
    }

    private static func number(_ variant: String) -> Int? { variant.hasPrefix("v") ? Int(variant.dropFirst()) : nil }
}
