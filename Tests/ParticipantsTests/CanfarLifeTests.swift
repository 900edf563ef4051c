import Files
import Canfar
import ExecutionModel
import Glibc
import Preparation
import TestSupport
import Testing
import Wire

extension CanfarContainers {
    /// Sessions and the lives of their worker, on its real loop.
    @Suite struct CanfarLifeTests {
        private let reference: JSON = ["task": .string(Preparing.task)]

        @Test func `a session goes on while its worker is away, and is watched and ended by the next`() async throws {
            try await CanfarFixture.with { site in
                let network = PreparationLoop(CanfarWork.self, site: try Preparing.site)
                try await network.live(try await Canfar.worker(site.settings).performer) {
                    await network.send(.sessionStart, try site.command().json)
                    let done = try await network.told(.taskDone)
                    #expect(done.status == .completed)
                }
                let processes = site.processes()
                #expect(processes.count == 3)
                try await network.live(try await Canfar.worker(site.settings).performer) {
                    #expect(site.processes() == processes)
                    await network.send(.taskRelease, reference)
                    let isReleased = try await network.released()
                    #expect(isReleased)
                    #expect(site.processes().isEmpty)
                }
                #expect(!FileSystem.exists(site.area))
                let what = ["running", "completed"].map { "task.ral.canfar-\($0).\(Preparing.task)" }
                #expect(Set(network.events) == Set(what))
            }
        }

        @Test func `a session that dies while its worker is away is told to have ended`() async throws {
            try await CanfarFixture.with { site in
                let network = PreparationLoop(CanfarWork.self, site: try Preparing.site)
                try await network.live(try await Canfar.worker(site.settings).performer) {
                    await network.send(.sessionStart, try site.command().json)
                    _ = try await network.told(.taskDone)
                }
                for pid in site.processes() { kill(pid, SIGKILL) }
                #expect(await eventually { site.processes().isEmpty })
                try await network.live(try await Canfar.worker(site.settings).performer) {
                    let end = try await network.told(.taskEnded).ended
                    #expect(end?.isFailure == true)
                }
            }
        }

        @Test func `a start that is cancelled while it waits leaves nothing`() async throws {
            try await CanfarFixture.with { site in
                let network = PreparationLoop(CanfarWork.self, site: try Preparing.site)
                try await network.live(try await Canfar.worker(site.settings).performer) {
                    await network.send(.sessionStart, try site.command(arguments: ["mute"]).json)
                    #expect(await eventually { site.processes().count == 3 })
                    await network.send(.taskCancel, reference)
                    let failure = try await network.told(.taskDone).failure
                    #expect(failure == .cancelled)
                    #expect(await eventually { site.processes().isEmpty && !FileSystem.exists(site.area) })
                }
            }
        }
    }
}
