internal import Digests
internal import ExecutionModel
internal import MessageBus
internal import Files
internal import Wire

/// The name of a user's own folder, another one for each person: who vouches for a name is part of who somebody is.
enum UserFolderName {
    /// A user of RabbitMQ has the folder of the user's name. Anybody else has a name with `@`, which those cannot contain,
    /// and after it a hash of issuer and subject.
    static func of(_ owner: Owner) throws(FileError) -> FileName {
        let isPlain = owner.iss == Caller.rabbitMQ && isName(owner.sub, upTo: 64)
        let text = isPlain ? owner.sub : "\(readable(owner.sub))@\(hash("\(owner.iss)\n\(owner.sub)"))"
        guard let name = FileName(text) else { throw FileError(.unsafePath, "\(text) cannot be the name of a folder") }
        return name
    }

    /// So much of a subject as can stand in the name of a folder, for operators' eyes.
    private static func readable(_ subject: String) -> String {
        String(
            subject.lowercased().unicodeScalars.filter { isName(String($0), upTo: 1) }.prefix(32).map(Character.init))
    }

    /// The first 128 bits of SHA-256 as hexadecimal digits.
    private static func hash(_ text: String) -> String {
        SHA256.digest(of: Array(text.utf8)).prefix(16).hexadecimal
    }
}
