import Files
import Canfar
import ExecutionModel
import FoundationEssentials
import Glibc
import HTTPClient
import MessageBus
import Preparation
import Testing
import TestSupport
import Wire

/// Tests with real containers: all of them name theirs alike, so they run one after another.
@Suite(.serialized) enum CanfarContainers {}

extension CanfarContainers {
    @Suite struct CanfarTests {
        private let client: HTTPClient

        init() throws { client = try HTTPClient() }

        @Test func `a session answers to its token alone, sees its area, and cannot write to its data`() async throws {
            try await CanfarFixture.with { site in
                try site.prepareData()
                let canfar = try await site.play()
                try await canfar.command(.sessionStart, try site.command().json)
                let done = try #require(canfar.last(.taskDone))
                #expect(done["status"] == "completed", "\(done.text)")
                let session = try #require(StartedSession(done["result"]))

                #expect(session.token.utf8.count == 32)
                let text = try await body(session.url)
                #expect(text.contains("a cube"))
                #expect(!text.contains("root:"))
                #expect(!text.contains("data is writable"))
                #expect(text.contains("output is writable"))
                #expect(FileSystem.exists(site.area + "/output/y"))
                #expect(try await status(session.url.replacing(session.token, with: "other")) == 403)

                for pid in site.processes() {
                    let line = String(decoding: (try? FileSystem.contents("/proc/\(pid)/cmdline")) ?? [], as: UTF8.self)
                    #expect(!line.contains(session.token))
                }
                for message in canfar.messages where message.exchange == .events {
                    #expect(!message.json.text.contains(session.token))
                    #expect(!message.json.text.contains("http"))
                }
            }
        }

        @Test(.enabled(if: geteuid() == 0, "only root can start sessions of other users"))
        func `a session runs as the owner of the user's folder`() async throws {
            try await CanfarFixture.with { site in
                try FileManager.default.createDirectory(atPath: site.area + "/home", withIntermediateDirectories: true)
                #expect(chown(site.area + "/home", 12_345, 12_345) == 0)
                let canfar = try await site.play()
                try await canfar.command(.sessionStart, try site.command().json)
                let session = try #require(StartedSession(canfar.last(.taskDone)?["result"]))
                #expect(try await body(session.url).contains("output is writable"))
                #expect(site.processes().count == 3)
                for pid in site.processes() {
                    var status = stat()
                    #expect(stat("/proc/\(pid)", &status) == 0)
                    #expect(status.st_uid == 12_345)
                }
            }
        }

        @Test func `after a restart a session is found again, and its release ends every process`() async throws {
            try await CanfarFixture.with { site in
                let first = try await site.play()
                try await first.command(.sessionStart, try site.command().json)
                let session = try #require(StartedSession(first.last(.taskDone)?["result"]))
                let processes = site.processes()
                #expect(processes.count >= 3)

                let second = try await site.play()
                try await second.command(.sessionStart, try site.command().json)
                #expect(StartedSession(second.last(.taskDone)?["result"]) == session)
                #expect(processes.allSatisfy(Set(site.processes()).contains))

                try await second.command(.taskRelease, ["task": .string(Preparing.task)])
                #expect(second.last(.task)?["released"] == true)
                #expect(second.waiting.isEmpty)
                #expect(site.processes().isEmpty)
                #expect(!FileSystem.exists(site.area))
                #expect(FileSystem.names(in: site.settings.state + "/sessions/containers").isEmpty)
                #expect(FileSystem.names(in: site.settings.state + "/sessions/access").isEmpty)
            }
        }

        @Test func `a session that its user closes is told to have ended well`() async throws {
            try await CanfarFixture.with { site in
                let canfar = try await site.play()
                try await canfar.command(.sessionStart, try site.command().json)
                let session = try #require(StartedSession(canfar.last(.taskDone)?["result"]))
                let watch = try #require(canfar.waiting.first)
                _ = try await body(session.url.replacing("?", with: "quit?"))
                try await canfar.perform(watch)
                #expect(canfar.last(.taskEnded)?["ended"] == ["reason": "closed", "failed": false])
            }
        }

        @Test func `a session that is killed is told to have failed`() async throws {
            try await CanfarFixture.with { site in
                let canfar = try await site.play()
                try await canfar.command(.sessionStart, try site.command().json)
                let watch = try #require(canfar.waiting.first)
                for pid in site.processes() { kill(pid, SIGKILL) }
                try await canfar.perform(watch)
                #expect(canfar.last(.taskEnded)?["ended"]?["failed"] == true)
            }
        }

        @Test func `a session that does not start fails with its last words, without its token, and leaves nothing`()
            async throws
        {
            try await CanfarFixture.with { site in
                let canfar = try await site.play()
                try await canfar.command(.sessionStart, try site.command(arguments: ["fail"]).json)
                let done = try #require(canfar.last(.taskDone))
                #expect(done["reason"] == "session-ended")
                #expect(done["detail"]?.string?.contains("cannot start with [token]") == true, "\(done.text)")
                #expect(!FileSystem.exists(site.area))
                #expect(FileSystem.names(in: site.settings.state + "/sessions/containers").isEmpty)
                #expect(FileSystem.names(in: site.settings.state + "/sessions/access").isEmpty)
            }
        }

        @Test func `a session that is open to everybody is refused`() async throws {
            try await CanfarFixture.with { site in
                let canfar = try await site.play()
                try await canfar.command(.sessionStart, try site.command(arguments: ["open"]).json)
                #expect(canfar.last(.taskDone)?["reason"] == "not-protected")
                #expect(site.processes().isEmpty)
            }
        }

        @Test func `nothing outside the area is mounted, whatever links lie in it`() async throws {
            try await CanfarFixture.with { site in
                try site.prepareData()
                let mount = StartSessionCommand.Mount(path: "/data/secret", source: "data/link")
                let canfar = try await site.play()
                try await canfar.command(.sessionStart, try site.command(mounts: [mount]).json)
                #expect(canfar.last(.taskDone)?["reason"] == "not-found")
                #expect(site.processes().isEmpty)
            }
        }

        @Test func `an image that was not pulled is missing`() async throws {
            try await CanfarFixture.with { site in
                var command = try site.command()
                command.image.digest = "sha256:" + String(repeating: "0", count: 64)
                let canfar = try await site.play()
                try await canfar.command(.sessionStart, command.json)
                #expect(canfar.last(.taskDone)?["reason"] == "image-missing")
            }
        }

        @Test func `the log of a session is given without its token`() async throws {
            try await CanfarFixture.with { site in
                let canfar = try await site.play()
                try await canfar.command(.sessionStart, try site.command().json)
                let query: JSON = ["task": .string(Preparing.task), "session": .string(Preparing.session)]
                try await canfar.command(.sessionLogs, query)
                #expect(canfar.last(.log)?["text"]?.string != nil)
                try await canfar.command(.sessionLogs, query, from: "ada")
                #expect(canfar.last(.problem)?["status"] == 403)
            }
        }

        private func body(_ url: String) async throws -> String {
            var text = ""
            #expect(
                await eventually {
                    guard let response = try? await client.get(url), response.isSuccess else { return false }
                    text = response.text
                    return true
                })
            return text
        }

        private func status(_ url: String) async throws -> Int {
            var status = 0
            #expect(
                await eventually {
                    status = (try? await client.get(url))?.status ?? 0
                    return status != 0
                })
            return status
        }
    }
}
