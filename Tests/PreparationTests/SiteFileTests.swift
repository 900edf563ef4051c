import Preparation
import Testing
import Wire

@Suite struct SiteFileTests {
    @Test func `paths are relative to the file`() throws {
        let file = try SiteFile(["site": "ral", "state": "state", "home": "/homes"], folder: "/etc/execbus")
        #expect(file.state == "/etc/execbus/state")
        #expect(file.images == "/etc/execbus/state/images")
        #expect(file.path("home") == "/homes")
    }

    @Test(arguments: [
        (#"{"site": "ral", "state": "s", "hom": "x"}"#, "/hom"),
        (#"{"site": "any", "state": "s"}"#, "/site"),
        (#"{"site": "ral"}"#, "/state"),
    ])
    func `what is unknown, wrong or missing is named`(_ text: String, _ pointer: String) throws {
        let problem = try #require(throws: Problem.self) {
            _ = try SiteFile(try JSON(parsing: text), folder: "/")
        }
        #expect(problem.errors.map(\.pointer) == [pointer])
    }

    @Test func `a file that is not there is an error that names it`() throws {
        let problem = try #require(throws: Problem.self) { _ = try SiteFile(path: "/nowhere/site.json") }
        #expect(problem.detail.contains("/nowhere/site.json"))
    }
}
