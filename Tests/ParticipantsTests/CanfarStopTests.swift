import Canfar
import ExecutionModel
import Files
import Glibc
import OCI
import Preparation
import TestSupport
import Testing
import Wire

extension CanfarContainers {
    /// A worker that stops at any moment of a session's start, and the next that takes it up: one process in all.
    @Suite struct CanfarStopTests {
        @Test(arguments: StartMoment.allCases)
        func `a start whose worker is drained goes on with the next, by the one process`(
            at moment: StartMoment
        ) async throws {
            try await CanfarFixture.with { site in
                let network = PreparationLoop(CanfarWork.self, site: try Preparing.site)
                let stopping = try StoppingRuntime(try await runtime(of: site).name, in: site, at: moment) {
                    // Until the drain cancels it, and on from there.
                    _ = await eventually { Task.isCancelled }
                }
                try await network.live(try await performer(site, stopping)) {
                    await network.send(.sessionStart, try site.command(arguments: ["waiting"]).json)
                    #expect(await eventually { stopping.isReached })
                    #expect(moment.starts.contains(site.starts))
                }
                try site.letItAnswer()
                try await network.live(try await performer(site, try await runtime(of: site))) {
                    let done = try await network.told(.taskDone)
                    #expect(done.status == .completed, "\(done)")
                }
                #expect(site.starts == 1)
                #expect(site.processes().count == 3)
            }
        }

        @Test(arguments: StartMoment.allCases)
        func `a start whose worker is killed goes on with the next, by the one process`(
            at moment: StartMoment
        ) async throws {
            try await CanfarFixture.with { site in
                let next = try await killWorker(of: site, at: moment)
                #expect(moment.starts.contains(site.starts))
                try site.letItAnswer()
                let network = PreparationLoop(CanfarWork.self, site: try Preparing.site)
                try await network.live(try await performer(site, next)) {
                    await network.send(.sessionStart, try site.command(arguments: ["waiting"]).json)
                    let done = try await network.told(.taskDone)
                    #expect(done.status == .completed, "\(done)")
                }
                #expect(site.starts == 1)
                #expect(site.processes().count == 3)
            }
        }

        @Test(arguments: StartMoment.allCases)
        func `a start whose worker is killed leaves nothing where the session is cancelled meanwhile`(
            at moment: StartMoment
        ) async throws {
            try await CanfarFixture.with { site in
                let next = try await killWorker(of: site, at: moment)
                try await work(site, next).remove(try site.command(arguments: ["waiting"]), keep: false)
                #expect(site.processes().isEmpty)
                #expect(try await next.list().isEmpty)
                #expect(FileSystem.names(in: site.settings.state + "/sessions/access").isEmpty)
                #expect(!FileSystem.exists(site.area))
            }
        }

        // MARK: Its parts

        /// Starts the session by a worker that is killed at the moment.
        /// - Returns: the runtime of the next worker.
        private func killWorker(of site: CanfarFixture, at moment: StartMoment) async throws -> OpeningRuntime {
            let inner = try await runtime(of: site)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [
                    folder = site.folder as String, digest = site.digest.description as String,
                    name = inner.name as String, moment = moment.rawValue as String
                ] in
                let site = try CanfarFixture(folder: folder, digest: try Digest(parsing: digest))
                let moment = try #require(StartMoment(rawValue: moment))
                let stopping = try StoppingRuntime(name, in: site, at: moment, killing: getpid()) {
                    kill(getpid(), SIGKILL)
                }
                let host = try await ContainerHost(site.settings, runtime: stopping)
                let work = CanfarWork(areas: AreaRegister(state: site.settings.state), host: host)
                _ = try await work.perform(try site.command(arguments: ["waiting"])) { _ in }
            }
            return OpeningRuntime(inner: inner, gate: site.gate)
        }

        private func runtime(of site: CanfarFixture) async throws -> any ContainerRuntime {
            let folder = site.settings.state + "/sessions"
            try FileSystem.makeFolder(folder, mode: 0o700)
            return try await ContainerRuntimes.choose(folder: folder)
        }

        private func work(_ site: CanfarFixture, _ runtime: any ContainerRuntime) async throws -> CanfarWork {
            CanfarWork(
                areas: AreaRegister(state: site.settings.state),
                host: try await ContainerHost(site.settings, runtime: runtime))
        }

        private func performer(
            _ site: CanfarFixture, _ runtime: any ContainerRuntime
        ) async throws -> TaskPerformer<CanfarWork> {
            TaskPerformer(try await work(site, runtime))
        }
    }
}
