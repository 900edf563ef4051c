internal import ExecutionModel
internal import Files
internal import OCI
internal import Wire

extension TaskFailure {
    /// Why an image could not be pulled, with a word for programs.
    init(_ error: OCIError) {
        let reason =
            switch error.code {
            case .notFound, .invalidReference, .invalidDigest: "not-found"
            case .noSuchPlatform: "no-such-platform"
            case .digestMismatch, .sizeMismatch, .damagedArchive: "checksum-mismatch"
            case .unsafePath, .unsupported, .malformed: "unsafe-image"
            case .tooLarge: "too-large"
            case .runtime: "runtime"
            }
        self.init(reason, error.description)
    }
}

extension TaskFailure {
    /// Why an image could not be kept or read.
    init(image error: FileError) { self.init(error.code == .tooLarge ? "too-large" : "storage", error.description) }
}

extension OCIError {
    /// What an asker is told of it.
    var problemKind: Problem.Kind {
        switch code {
        case .notFound, .noSuchPlatform: .notFound
        case .invalidReference, .invalidDigest: .invalid
        default: .unavailable
        }
    }
}

extension OCI.ImageReference {
    /// The image at one of its places; the digest that goes with the places is the one that counts.
    init(_ image: ExecutionModel.ImageReference, at location: String) throws(OCIError) {
        guard let digest = image.digest else {
            try self.init(parsing: location)
            return
        }
        let place = location.split(separator: "@", maxSplits: 1).first.map(String.init) ?? location
        try self.init(parsing: "\(place)@\(digest)")
    }
}
