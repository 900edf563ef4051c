import Files
import Canfar
import ExecutionModel
import FoundationEssentials
import OCI
import Preparation
import Processes
import Testing
import TestSupport
import Wire

/// A site with a tiny image in its store: a shell and a server of a few lines that keeps the contract of session images.
struct CanfarFixture: Sendable {
    let folder: String
    let settings: CanfarSettings
    let digest: Digest

    /// Answers below its base to who has the token; tells what it sees; ends itself when asked to. Each of its lives
    /// leaves a mark.
    private static let server = #"""
        #include <arpa/inet.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>

        int main(int count, char **arguments) {
            const char *mode = count > 1 ? arguments[1] : "";
            const char *token = getenv("JUPYTER_TOKEN"), *port = getenv("SESSION_PORT"), *id = getenv("SESSION_ID");
            if (!token || !port || !id) return 4;
            int starts = open("output/starts", O_CREAT | O_WRONLY | O_APPEND, 0600);
            write(starts, "x", 1), close(starts);
            if (strcmp(mode, "fail") == 0) return fprintf(stderr, "cannot start with %s\n", token), 3;
            char base[256], known[256];
            snprintf(base, sizeof base, "GET /session/%s/", id);
            snprintf(known, sizeof known, "token=%s", token);
            if (strcmp(mode, "waiting") == 0) while (access("output/go", F_OK) != 0) usleep(10000);
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            int server = socket(AF_INET, SOCK_STREAM, 0), on = 1;
            setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
            if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 16) != 0) return 5;
            // One child in the session of its parent, one in a session of its own.
            for (int child = 0; child < 2; child++) if (fork() == 0) { if (child) setsid(); for (;;) pause(); }
            if (strcmp(mode, "mute") == 0) for (;;) pause();
            for (;;) {
                int client = accept(server, NULL, NULL);
                char request[4096] = {0}, body[4096] = {0}, answer[8192];
                read(client, request, sizeof request - 1);
                int isAllowed = strncmp(request, base, strlen(base)) == 0 && strstr(request, known);
                if (strcmp(mode, "open") == 0) isAllowed = 1;
                int file = open("data/cube", O_RDONLY);
                if (file >= 0) read(file, body, 1000), close(file);
                if ((file = open("data/link", O_RDONLY)) >= 0) read(file, body + strlen(body), 1000), close(file);
                if (open("data/x", O_CREAT | O_WRONLY, 0600) >= 0) strcat(body, " data is writable");
                if (open("output/y", O_CREAT | O_WRONLY, 0600) >= 0) strcat(body, " output is writable");
                snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                         isAllowed ? "200 OK" : "403 Forbidden", strlen(body), body);
                write(client, answer, strlen(answer));
                close(client);
                if (isAllowed && strstr(request, "quit?")) return 0;
            }
        }
        """#

    /// The server as a program that needs nothing else, compiled once.
    private static let program = Task {
        let folder = try await TemporaryFolder.make()
        try Data(server.utf8).write(to: URL(filePath: folder + "/server.c"))
        _ = try await run(
            ProcessSettings("cc", ["-static", "-w", "-O1", "-o", folder + "/server", folder + "/server.c"]),
            deadline: .seconds(60)
        ).checked()
        return folder + "/server"
    }

    /// The site in a folder in which `with` has made it, as another process finds it.
    init(folder: String, digest: Digest) throws {
        var settings = CanfarSettings(
            site: try Preparing.site, state: folder + "/state", images: folder + "/state/images")
        settings.grace = .milliseconds(100)
        settings.patience = .seconds(20)
        self.folder = folder
        self.settings = settings
        self.digest = digest
    }

    /// Makes the image and pulls it.
    static func with(_ body: (CanfarFixture) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let image = folder + "/image"
            try FileManager.default.createDirectory(atPath: image + "/bin", withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: try await program.value, toPath: image + "/bin/server")
            _ = try await Preparing.makeRegistry(
                at: folder + "/registry", from: image, name: "srcnet/tiny:1", entrypoint: ["/bin/server"])
            let store = try await ImageStore.open(at: folder + "/state/images")
            let resolved = try await OCILayout.resolve(
                try OCI.ImageReference(parsing: "srcnet/tiny:1"), in: folder + "/registry")
            _ = try await store.pull(resolved, from: try OCILayout(opening: folder + "/registry")) { _ in }
            let fixture = try CanfarFixture(folder: folder, digest: resolved.digest)
            do {
                try await body(fixture)
            } catch {
                try? await fixture.tidy()
                throw error
            }
            try await fixture.tidy()
        }
    }

    /// Nothing may run on after a test.
    private func tidy() async throws { try await Canfar.endEverything(settings) }

    func play() async throws -> PreparationPlay<CanfarWork> {
        let (participant, performer) = try await Canfar.worker(settings)
        return PreparationPlay(participant, performer, site: settings.site)
    }

    func command(arguments: [String] = [], mounts: [StartSessionCommand.Mount] = []) throws -> StartSessionCommand {
        StartSessionCommand(
            head: try Preparing.head(), kind: .terminal,
            image: ExecutionModel.ImageReference(locations: ["srcnet/tiny:1"], digest: digest.description), cores: 1,
            memory: 1, command: arguments, mounts: mounts)
    }

    var area: String { folder + "/state/areas/" + Preparing.session }

    /// The folder of a `RuntimeGate`.
    var gate: String { folder + "/gate" }

    /// How often the session's program has been started in all.
    var starts: Int { Int(FileSystem.size(area + "/output/starts") ?? 0) }

    /// Lets a session go on that was started with the argument `waiting`, and answer.
    func letItAnswer() throws { try FileSystem.replace(area + "/output/go", with: []) }

    /// The data as `prepare-data` puts it there.
    func prepareData() throws {
        try FileManager.default.createDirectory(atPath: area + "/data", withIntermediateDirectories: true)
        try Data("a cube".utf8).write(to: URL(filePath: area + "/data/cube"))
        try FileManager.default.createSymbolicLink(atPath: area + "/data/link", withDestinationPath: "/etc/shadow")
    }

    /// Processes of this machine that are those of a session of this site: they see its area.
    func processes() -> [Int32] {
        // The last part is the fixture's own; what is before it may be mounted elsewhere.
        let place = "/" + (folder.split(separator: "/").last ?? "") + "/state/areas/"
        return FileSystem.names(in: "/proc").compactMap { Int32($0) }.filter { pid in
            holds("/proc/\(pid)/environ", "SESSION_ID=\(Preparing.session)") && holds("/proc/\(pid)/mountinfo", place)
                && ProcessIdentity(of: pid)?.isAlive == true
        }
    }

    private func holds(_ path: String, _ text: String) -> Bool {
        (try? FileSystem.contents(path)).map { String(decoding: $0, as: UTF8.self).contains(text) } ?? false
    }
}
