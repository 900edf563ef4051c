import AMQP
import FoundationEssentials
import HTTPClient
import LocalNetwork
import Processes
import TestSupport
import Testing
import Wire

extension Scenarios {
    /// What an operator sees of a network: figures, health, traces, the live table.
    @Suite struct SeeingInside {
        @Test func `every worker shows its figures, that it lives and that it serves`() async throws {
            let network = try await ScenarioNetwork.shared
            try #require(try await network.execbus(["ping"]).status == .exited(0))
            let client = try HTTPClient()
            for worker in try network.description.workers {
                let http = try #require(worker.http)
                #expect(http.hasPrefix("http://127.0.0.1:"))
                let page = try await client.get(http + "/metrics")
                #expect(page.header("content-type") == "text/plain; version=0.0.4; charset=utf-8")
                #expect(page.text.contains("execbus_messages_total{type=\"srcnet.participant.ping.v1\""), "\(worker)")
                #expect(page.text.contains("\nprocess_resident_memory_bytes "))
                #expect(page.text.contains("\nexecbus_amqp_reconnects_total{connection=\"consuming\"} "))
                for path in ["/livez", "/readyz"] {
                    let sign = try await client.get(http + path)
                    #expect(sign.status == 200 && sign.text == "ok\n", "\(worker) \(path): \(sign.text)")
                }
            }
        }

        @Test func `top has a line for each worker, for people and for scripts`() async throws {
            let network = try await ScenarioNetwork.shared
            let table = try await network.execbus(["top", "--once", "--interval", "0.3"]).checked().outputText
            #expect(table.hasPrefix("worker"))
            #expect(table.split(separator: "\n").count == 14, "\(table)")
            #expect(!table.contains("no figures"), "\(table)")
            let rows = try await network.execbus(["top", "--once", "--interval", "0.3", "--json"]).checked().json
            #expect(rows.array?.count == 13)
            for row in rows.array ?? [] {
                #expect(row["waiting"]?.int != nil && row["rate"]?.double != nil, "\(row.text)")
                #expect(row["memory"]?.int ?? 0 > 1_000_000)
            }
        }

        @Test func `a worker sends its traces to a collector, and a line of its log says which message it was`()
            async throws
        {
            let broker = try await withNetwork { $0 }
            try await withTemporaryFolder { folder in
                let collector = try await Collector.start(in: folder)
                let policy = folder + "/policy.json"
                try PrivateFile.write(
                    Array(#"{"policy": "p", "services": [], "users": [], "rules": []}"#.utf8), to: policy)
                var settings = ProcessSettings(
                    try ScenarioNetwork.program(),
                    [
                        "worker", "permissions", "--policy", policy, "--store", folder + "/store.sqlite",
                        "--log-format", "json",
                    ], environment: Execbus.clean)
                settings.environment?["EXECBUS_AMQP"] = broker.uri("permissions")
                settings.environment?["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector
                settings.errors = .file(folder + "/log")
                settings.output = .discarded
                settings.isKilledWithParent = true
                let worker = try await ChildProcess.spawn(settings)
                let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
                try await withAMQPConnection(AMQPConfiguration(uri: broker.administratorURI)) { connection in
                    var properties = AMQPProperties(messageID: "m-1", type: "srcnet.permission.check.v1")
                    properties.userID = TestBroker.user
                    properties.headers = ["traceparent": .string("00-\(trace)-00f067aa0ba902b7-01")]
                    try await connection.publish(
                        AMQPMessage(
                            exchange: "commands", routingKey: "permissions", properties: properties,
                            body: Array("no JSON".utf8), isMandatory: true))
                }
                let isThere = await eventually(within: .seconds(30)) {
                    PrivateFile.read(folder + "/spans") != nil
                }
                try #require(isThere, "\(String(decoding: PrivateFile.read(folder + "/log") ?? [], as: UTF8.self))")
                let body = try JSON(parsing: PrivateFile.read(folder + "/spans") ?? [])
                let resource = body["resourceSpans"]?.array?.first
                #expect(
                    resource?["resource"]?["attributes"]?.array?.first
                        == ["key": "service.name", "value": ["stringValue": "permissions"]])
                let span = resource?["scopeSpans"]?.array?.first?["spans"]?.array?.first
                #expect(span?["traceId"]?.string == trace)
                #expect(span?["parentSpanId"] == "00f067aa0ba902b7")
                #expect(span?["name"] == "process srcnet.permission.check.v1")
                #expect(span?["status"] == ["code": 2])
                await worker.terminate(grace: .seconds(10))
                let log = String(decoding: PrivateFile.read(folder + "/log") ?? [], as: UTF8.self)
                let line = log.split(separator: "\n").compactMap { try? JSON(parsing: Array($0.utf8)) }
                    .first { $0["message"] == "m-1" }
                #expect(line?["level"] == "warning" && line?["trace"]?.string == trace, "\(log)")
            }
        }
    }
}

/// A collector of OTLP over HTTP, which writes the last body that it got into a file.
private enum Collector {
    static func start(in folder: String) async throws -> String {
        let port = try FreePort.find()
        let program = """
            import http.server, os, sys
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    with open("part", "wb") as file: file.write(body)
                    os.rename("part", "spans")
                    self.send_response(200 if self.path == "/v1/traces" else 404)
                    self.end_headers()
                def log_message(self, *words): pass
            http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
            """
        var settings = ProcessSettings("/usr/bin/python3", ["-c", program, "\(port)"], workingDirectory: folder)
        settings.isKilledWithParent = true
        settings.output = .discarded
        settings.errors = .discarded
        _ = try await ChildProcess.spawn(settings)
        return "http://127.0.0.1:\(port)"
    }
}
