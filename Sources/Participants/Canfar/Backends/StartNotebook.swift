internal import Files
internal import ExecutionModel
internal import HTTPClient
internal import Preparation
internal import Processes
internal import Wire

/// The notebook that a session begins with, fetched from its URL into the area.
struct StartNotebook: Sendable {
    /// A notebook with its pictures may be large, but it is a document and no data.
    private static let limit = 32 << 20

    let client: HTTPClient

    /// Fetches it unless it is there: the session may have changed it.
    func fetch(_ location: String, into area: String) async throws {
        let path = "\(area)/\(StartNotebook.fileName(of: location))"
        guard try await BlockingWork.run({ _ in !FileSystem.exists(path) }) else { return }
        var request = HTTPRequest(.get, location)
        request.timeout = .seconds(60)
        request.responseLimit = StartNotebook.limit
        request.redirectLimit = 5
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try await client.send(request)
        } catch {
            if error.code == .cancelled { throw CancellationError() }
            throw TaskFailure("notebook-unavailable", "the notebook could not be fetched: \(error)")
        }
        guard response.isSuccess else {
            throw TaskFailure("notebook-unavailable", "the notebook's server answered with status \(response.status)")
        }
        guard let json = try? JSON(parsing: response.body), json["cells"] != nil || json["worksheets"] != nil else {
            throw TaskFailure("notebook-unavailable", "what the notebook's server answered is no notebook")
        }
        try await BlockingWork.run { _ in try FileSystem.replace(path, with: response.body, mode: 0o600) }
    }

    /// The last part of the URL's path, made fit to be a file's name and to stand in a URL as it is.
    static func fileName(of location: String) -> String {
        let path = location.split(whereSeparator: { $0 == "?" || $0 == "#" }).first ?? ""
        let name = path.split(separator: "/").dropFirst(2).last ?? ""
        let plain = name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
        let base = plain.hasSuffix(".ipynb") ? plain.dropLast(6) : plain[...]
        let stem = String(base.drop { $0 == "." }.prefix(100))
        return (stem.isEmpty ? "notebook" : stem) + ".ipynb"
    }
}
