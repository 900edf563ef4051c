internal import ExecutionModel
internal import FoundationEssentials
internal import MessageBus
internal import Wire

/// Who waits for an answer of a session's machine: the request itself, which is stored with the session.
extension Asker {
    init(_ request: Request) throws {
        do {
            self.init(try JSON(parsing: Array(try JSONEncoder().encode(request))))
        } catch {
            throw Problem(.internalFault, "a request could not be stored: \(error)")
        }
    }

    func request() throws -> Request {
        do {
            return try JSONDecoder().decode(Request.self, from: Data(reference.bytes))
        } catch {
            throw Problem(.internalFault, "a stored request cannot be read: \(error)")
        }
    }
}
