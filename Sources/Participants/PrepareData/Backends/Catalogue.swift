package import ExecutionModel

/// Which data there is, and in which storages it lies: what a Rucio server knows, for a network that has none.
///
/// As JSON: `{"dids": [{scope, name, type: "FILE", bytes, adler32, rses: []},
/// {scope, name, type: "DATASET"|"CONTAINER", contents: [{scope, name}]}]}`. Where a storage lies is each site's own matter.
package struct Catalogue: Sendable, Hashable {
    /// A file, with what its bytes must be.
    package struct File: Sendable, Hashable {
        package var did: DataIdentifier
        package var bytes: Int64
        package var adler32: Adler32
        /// The names of the storages that have it.
        package var rses: [String]
    }

    /// A dataset or a container: other data under one name.
    package struct Collection: Sendable, Hashable {
        package var did: DataIdentifier
        package var contents: [Key]
    }

    /// What is known under one identifier.
    package enum Entry: Sendable, Hashable {
        case file(File)
        case collection(Collection)

        var did: DataIdentifier {
            switch self {
            case .file(let file): file.did
            case .collection(let collection): collection.did
            }
        }
    }

    /// An identifier without its type, which only the catalogue knows for sure.
    package struct Key: Sendable, Hashable, Comparable, CustomStringConvertible {
        package let scope: String
        package let name: String

        package init(_ did: DataIdentifier) {
            scope = did.scope
            name = did.name
        }

        init(scope: String, name: String) {
            self.scope = scope
            self.name = name
        }

        package var description: String { "\(scope):\(name)" }
        package static func < (left: Key, right: Key) -> Bool { (left.scope, left.name) < (right.scope, right.name) }
    }

    package var entries: [Key: Entry] = [:]

    package init() {}

    /// What is known of data, or nil.
    package func entry(_ did: DataIdentifier) -> Entry? { entries[Key(did)] }

    /// All files of an entry, each once; nil where the catalogue itself does not know a part of it.
    func files(of entry: Entry) -> [File]? {
        var seen: Set<Key> = []
        var files: [File] = []
        var open = [entry]
        // A container may name itself by way of others: each is read once.
        while let next = open.popLast() {
            guard seen.insert(Key(next.did)).inserted else { continue }
            switch next {
            case .file(let file): files.append(file)
            case .collection(let collection):
                let inner = collection.contents.compactMap { entries[$0] }
                guard inner.count == collection.contents.count else { return nil }
                open += inner.reversed()
            }
        }
        return files
    }
}
