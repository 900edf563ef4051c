import Glibc
import Processes
import Synchronization
import Testing

@testable import HTTPClient

@Suite struct HTTPClientTests {
    let client: HTTPClient
    init() throws { client = try HTTPClient() }

    private func failure(_ request: HTTPRequest) async -> HTTPError? {
        do throws(HTTPError) {
            _ = try await client.send(request)
            return nil
        } catch {
            return error
        }
    }

    @Test func `an answer has status, headers and body`() async throws {
        let server = try TinyServer { _, connection in
            connection.answer(404, headers: ["X-Thing:  two words \t", "x-empty:"], "not here")
        }
        let response = try await client.get(server.url + "/path?token=1")
        #expect(response.status == 404)
        #expect(!response.isSuccess)
        #expect(response.text == "not here")
        #expect(response.header("x-thing") == "two words")
        #expect(response.header("X-Empty") == "")
        #expect(response.header("x-other") == nil)
    }

    @Test(arguments: [HTTPRequest.Method.get, .head, .post, .put, .delete])
    func `the server sees method, path, headers and body as they were given`(method: HTTPRequest.Method) async throws {
        let seen = Mutex("")
        let server = try TinyServer { request, connection in
            seen.withLock { $0 = request }
            connection.answer(200, "")
        }
        let headers = [(name: "Authorization", value: "token abc"), (name: "X-Empty", value: "")]
        let body = Array("{\"a\":1}".utf8)
        let response = try await client.send(HTTPRequest(method, server.url + "/api?x=1", headers: headers, body: body))
        #expect(response.status == 200)
        let request = seen.withLock { $0 }
        #expect(request.hasPrefix("\(method.rawValue) /api?x=1 HTTP/1.1\r\n"))
        #expect(request.contains("\r\nAuthorization: token abc\r\n"))
        #expect(request.contains("\r\nX-Empty:\r\n"))
        #expect(!request.contains("Expect:"))
        #expect(request.hasSuffix("{\"a\":1}") == [.post, .put].contains(method))
    }

    @Test func `where nobody listens the connection is refused`() async throws {
        let port = try FreePort.find()
        let error = await failure(HTTPRequest(.get, "http://127.0.0.1:\(port)/a?token=secret"))
        #expect(error?.code == .refused)
        #expect(error?.isRetriable == true)
        #expect(error?.message.contains("127.0.0.1:\(port)/a") == true)
        #expect(error?.message.contains("secret") == false)
    }

    @Test func `a server that says nothing is given up after the time-out`() async throws {
        let server = try TinyServer { _, connection in connection.waitForEnd() }
        var request = HTTPRequest(.get, server.url)
        request.timeout = .milliseconds(100)
        let clock = ContinuousClock()
        let start = clock.now
        #expect(await failure(request)?.code == .timedOut)
        #expect(start.duration(to: clock.now) < .seconds(5))
    }

    @Test func `an answer that breaks off is an error`() async throws {
        let server = try TinyServer { _, connection in
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        }
        #expect(await failure(HTTPRequest(.get, server.url))?.code == .broken)
        let silent = try TinyServer { _, _ in }
        #expect(await failure(HTTPRequest(.get, silent.url))?.code == .broken)
        let other = try TinyServer { _, connection in connection.write("SSH-2.0-nothing\r\n") }
        #expect(await failure(HTTPRequest(.get, other.url))?.code == .broken)
    }

    @Test(arguments: [true, false])
    func `an answer past the limit is an error, announced or not`(announced: Bool) async throws {
        let server = try TinyServer { _, connection in
            if announced {
                connection.answer(200, String(repeating: "x", count: 1001))
            } else {
                connection.write(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + String(repeating: "x", count: 100_000))
            }
        }
        var request = HTTPRequest(.get, server.url)
        request.responseLimit = 1000
        #expect(await failure(request)?.code == .tooLarge)
        request.responseLimit = 100_000
        #expect(try await client.send(request).body.count == (announced ? 1001 : 100_000))
    }

    @Test func `a redirect is an answer unless it is to be followed`() async throws {
        let server = try TinyServer { request, connection in
            if request.hasPrefix("GET /end") { return connection.answer(200, headers: ["X-Last: yes"], "arrived") }
            connection.answer(302, headers: ["Location: /end", "X-First: yes"], "go on")
        }
        var request = HTTPRequest(.get, server.url + "/start")
        let redirect = try await client.send(request)
        #expect(redirect.status == 302)
        #expect(redirect.header("location") == "/end")
        request.redirectLimit = 1
        let end = try await client.send(request)
        #expect(end.status == 200)
        #expect(end.text == "arrived")
        #expect(end.header("x-first") == nil)
        let loop = try TinyServer { _, connection in connection.answer(302, headers: ["Location: /again"]) }
        request.url = loop.url
        #expect(await failure(request)?.code == .tooManyRedirects)
    }

    @Test func `a redirect does not lead to another kind of URL, nor the token to another host`() async throws {
        let file = try TinyServer { _, connection in connection.answer(302, headers: ["Location: file:///etc/passwd"]) }
        var request = HTTPRequest(.get, file.url, headers: [(name: "Authorization", value: "Bearer secret")])
        request.redirectLimit = 3
        #expect(await failure(request)?.code == .broken)
        let seen = Mutex("")
        let other = try TinyServer { request, connection in
            seen.withLock { $0 = request }
            connection.answer(200, "")
        }
        let port = other.port
        let first = try TinyServer { _, connection in
            connection.answer(302, headers: ["Location: http://localhost:\(port)/"])
        }
        request.url = first.url
        _ = try await client.send(request)
        #expect(seen.withLock { $0 }.hasPrefix("GET / "))
        #expect(!seen.withLock { $0 }.contains("secret"))
    }

    @Test(arguments: [
        "", "nothing", "file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http://a b/", "http://127.0.0.1:99999/",
    ])
    func `what is no URL of an HTTP server is refused`(url: String) async {
        #expect(await failure(HTTPRequest(.get, url))?.code == .invalidRequest)
    }

    @Test(arguments: [("A\r\nB", "x"), ("A", "x\r\nB: y"), ("", "x"), ("A b", "x"), ("A:", "x"), ("A", "x\u{0}")])
    func `a header that would break out of its line is refused`(name: String, value: String) async throws {
        let request = HTTPRequest(.get, "http://127.0.0.1:1/", headers: [(name: name, value: value)])
        #expect(await failure(request)?.code == .invalidRequest)
    }

    @Test func `a cancelled task ends its exchange at once`() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (ends, ended) = AsyncStream.makeStream(of: Void.self)
        let server = try TinyServer { _, connection in
            arrived.yield()
            connection.waitForEnd()
            ended.yield()
        }
        let client = client
        let request = HTTPRequest(.get, server.url)
        let task = Task { try await client.send(request) }
        for await _ in arrivals { break }
        task.cancel()
        await #expect { try await task.value } throws: { ($0 as? HTTPError)?.code == .cancelled }
        // The server sees the connection close.
        for await _ in ends { break }
    }

    @Test func `a task that is cancelled before it asks gets no answer`() async throws {
        let server = try TinyServer { _, connection in connection.answer(200, "") }
        let client = client
        let request = HTTPRequest(.get, server.url)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await client.send(request)
        }
        task.cancel()
        await #expect { try await task.value } throws: { ($0 as? HTTPError)?.code == .cancelled }
    }

    @Test func `many requests at once are served by one client`() async throws {
        let server = try TinyServer { request, connection in
            connection.answer(200, String(request.prefix { $0 != "\r\n" }))
        }
        let client = client
        let url = server.url
        let count = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<100 {
                group.addTask { try await client.get("\(url)/\(number)").text == "GET /\(number) HTTP/1.1" }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(count == 100)
    }

    @Test func `no proxy of the environment comes between this machine and itself`() async throws {
        // Read by libcurl at each request; this test's own port, where nobody would answer, if it were used.
        setenv("http_proxy", "http://127.0.0.1:1", 1)
        defer { unsetenv("http_proxy") }
        let server = try TinyServer { _, connection in connection.answer(200, "direct") }
        #expect(try await client.get(server.url).text == "direct")
    }

    @Test func `a server that speaks no TLS is not trusted`() async throws {
        let server = try TinyServer { _, connection in connection.answer(200, "plain") }
        #expect(await failure(HTTPRequest(.get, "https://127.0.0.1:\(server.port)/"))?.code == .notTrusted)
    }

    @Test(
        .enabled(if: access("/usr/bin/openssl", X_OK) == 0, "needs the openssl program for a certificate and a server"))
    func `https is answered where the certificate is trusted, and refused where it is not`() async throws {
        var template = Array("/tmp/execbus-tls-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        defer {
            unlink(folder + "/key")
            unlink(folder + "/certificate")
            rmdir(folder)
        }
        let arguments =
            "req -x509 -newkey rsa:2048 -nodes -keyout \(folder)/key -out \(folder)/certificate -days 2 -subj /CN=localhost"
            + " -addext subjectAltName=IP:127.0.0.1"
        var settings = ProcessSettings("openssl", arguments.split(separator: " ").map(String.init))
        try await run(settings, deadline: .seconds(30)).checked()
        let port = try FreePort.find()
        settings = ProcessSettings(
            "openssl",
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-key", "\(folder)/key", "-cert", "\(folder)/certificate",
                "-www", "-quiet",
            ])
        settings.output = .discarded
        settings.errors = .discarded
        settings.isKilledWithParent = true
        let server = try await ChildProcess.spawn(settings)
        let trusting = try HTTPClient(authorities: folder + "/certificate")
        let url = "https://127.0.0.1:\(port)/"
        let deadline = ContinuousClock.now + .seconds(20)
        var response: HTTPResponse?
        while response == nil, ContinuousClock.now < deadline {
            response = try? await trusting.get(url)
            if response == nil { await Task.yield() }
        }
        #expect(response?.status == 200)
        #expect(await failure(HTTPRequest(.get, url))?.code == .notTrusted)
        await server.kill()
    }
}
