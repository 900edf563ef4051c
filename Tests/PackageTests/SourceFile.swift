import FoundationEssentials

/// A Swift source, as far as its imports go.
struct SourceFile: Sendable {
    /// Relative to the package's folder.
    let path: String
    /// The modules that it imports, in their order.
    let imports: [String]

    /// Finds the import declarations. Those in block comments and in texts of several lines are none.
    init(path: String, text: String) {
        self.path = path
        var imports: [String] = []
        var commentDepth = 0
        var isInText = false
        for line in text.split(separator: "\n") {
            if commentDepth == 0, !isInText, let module = Self.module(importedBy: line) { imports.append(module) }
            if !line.matches(of: /"""/).count.isMultiple(of: 2) { isInText.toggle() }
            if !isInText {
                commentDepth = max(0, commentDepth + line.matches(of: /\/\*/).count - line.matches(of: /\*\//).count)
            }
        }
        self.imports = imports
    }

    /// `@testable import struct Wire.JSON` imports `Wire`.
    private static func module(importedBy line: Substring) -> String? {
        let words = line.split(separator: " ").drop { word in
            word.hasPrefix("@") || ["public", "package", "internal", "fileprivate", "private"].contains(word)
        }
        guard words.first == "import" else { return nil }
        let kinds: Set<Substring> = [
            "struct", "class", "enum", "protocol", "typealias", "func", "let", "var", "actor",
        ]
        let name = words.dropFirst().drop { kinds.contains($0) }.first
        return name.flatMap { $0.split(separator: ".").first }.map(String.init)
    }

    /// Every Swift source of a package.
    static func all(in package: String) throws -> [SourceFile] {
        try ["Sources", "Tests"].flatMap { folder in
            try FileManager.default.subpathsOfDirectory(atPath: "\(package)/\(folder)")
                .filter { $0.hasSuffix(".swift") }
                .sorted()
                .map { name in
                    let bytes = try Data(contentsOf: URL(filePath: "\(package)/\(folder)/\(name)"))
                    return SourceFile(path: "\(folder)/\(name)", text: String(decoding: bytes, as: UTF8.self))
                }
        }
    }
}
