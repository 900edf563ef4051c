import HTTPClient
import HTTPServer
import Testing

@Suite struct HTTPServerTests {
    @Test func `a page is made for each question, with its status and kind`() async throws {
        let server = try HTTPServer { question in
            question.path == "/page"
                ? HTTPAnswer(200, "text/html", "<p>é</p>") : HTTPAnswer(404, "no \(question.path)\n")
        }
        let client = try HTTPClient()
        let page = try await client.get(server.address + "/page?query=ignored")
        #expect(page.status == 200)
        #expect(page.header("content-type") == "text/html")
        #expect(page.text == "<p>é</p>")
        let missing = try await client.get(server.address + "/other")
        #expect(missing.status == 404)
        #expect(missing.text == "no /other\n")
    }

    @Test func `HEAD has no body, and what would change something is refused`() async throws {
        let server = try HTTPServer { _ in HTTPAnswer("text") }
        let client = try HTTPClient()
        let head = try await client.send(HTTPRequest(.head, server.address + "/"))
        #expect(head.status == 200 && head.body.isEmpty)
        let body = [UInt8](repeating: 7, count: 100_000)
        let post = try await client.send(HTTPRequest(.post, server.address + "/", body: body))
        #expect(post.status == 405)
        #expect(post.header("allow") == "GET, HEAD")
    }

    @Test func `many questions at once are all answered`() async throws {
        let server = try HTTPServer { HTTPAnswer($0.path) }
        let client = try HTTPClient()
        try await withThrowingTaskGroup { group in
            for number in 0..<40 {
                group.addTask {
                    let answer = try await client.get(server.address + "/\(number)")
                    #expect(answer.text == "/\(number)")
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `a port in use is said, and free again when its server has gone`() async throws {
        var server: HTTPServer? = try HTTPServer { _ in HTTPAnswer("first") }
        let port = server?.port ?? 0
        let error = #expect(throws: HTTPServerError.self) {
            _ = try HTTPServer(port: port) { _ in HTTPAnswer("second") }
        }
        #expect(error?.description == "port \(port) of 127.0.0.1 cannot be served: Address already in use")
        server = nil
        let second = try HTTPServer(port: port) { _ in HTTPAnswer("second") }
        let answer = try await HTTPClient().get(second.address)
        #expect(answer.text == "second")
    }
}
