internal import ExecutionModel
internal import Wire

extension Catalogue {
    /// Reads the JSON form; what is missing or wrong is named.
    init(_ json: JSON) throws(Problem) {
        let reader = JSONReader(json)
        self.init()
        for item in reader.array("dids", limit: .max, required: true) ?? [] {
            guard let entry = Entry.read(item) else { continue }
            if entries.updateValue(entry, forKey: Key(entry.did)) != nil { item.fault("name", "stands there twice") }
        }
        try reader.finish()
    }

    /// The JSON form, with entries in order of their names.
    var json: JSON { ["dids": .array(entries.sorted { $0.key < $1.key }.map(\.value.json))] }
}

extension Catalogue.Entry {
    fileprivate static func read(_ reader: JSONReader) -> Catalogue.Entry? {
        let type = reader.choice("type", DataIdentifier.Content.self) ?? .file
        guard let key = Catalogue.Key.read(reader) else { return nil }
        let did = DataIdentifier(scope: key.scope, name: key.name, type: type)
        if type != .file {
            let contents = reader.array("contents", limit: .max, required: true)?.compactMap(Catalogue.Key.read)
            return contents.map { .collection(Catalogue.Collection(did: did, contents: $0)) }
        }
        let bytes = reader.int("bytes", in: 0...Int64.max, required: true)
        let checksum = reader.text("adler32", required: true)
        let adler32 = checksum.flatMap(Adler32.init)
        if checksum != nil, adler32 == nil { reader.fault("adler32", "must be 8 hexadecimal digits") }
        let rses = reader.strings("rses", required: true)
        guard let bytes, let adler32, let rses else { return nil }
        return .file(Catalogue.File(did: did, bytes: bytes, adler32: adler32, rses: rses))
    }

    fileprivate var json: JSON {
        var json = did.json
        switch self {
        case .file(let file):
            json["bytes"] = .int(file.bytes)
            json["adler32"] = .string(file.adler32.description)
            json["rses"] = .array(file.rses.map(JSON.string))
        case .collection(let collection):
            json["contents"] = .array(
                collection.contents.map { ["scope": .string($0.scope), "name": .string($0.name)] })
        }
        return json
    }
}

extension Catalogue.Key {
    fileprivate static func read(_ reader: JSONReader) -> Catalogue.Key? {
        let scope = reader.text("scope", required: true)
        let name = reader.text("name", required: true)
        guard let scope, let name else { return nil }
        let key = Catalogue.Key(scope: scope, name: name)
        if ReplicaPath(key) == nil { reader.fault("name", "\(key) cannot be the path of a file") }
        return key
    }
}
