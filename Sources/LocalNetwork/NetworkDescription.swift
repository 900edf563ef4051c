internal import Files
internal import Glibc
internal import Wire

/// Where a network of `execbus up` is, for other programs: the file `network.json` in its folder, readable by its owner
/// alone since it holds passwords.
package struct NetworkDescription: Sendable, Equatable {
    /// A worker that runs.
    package struct Worker: Sendable, Equatable {
        package var name: String
        package var site: String?
        package var pid: Int32
        /// Where it shows `/metrics`, `/livez` and `/readyz`.
        package var http: String?

        package init(name: String, site: String?, pid: Int32, http: String? = nil) {
            self.name = name
            self.site = site
            self.pid = pid
            self.http = http
        }
    }

    /// A user of the network's RabbitMQ.
    package struct User: Sendable, Equatable {
        package var name: String
        package var password: String
        package var groups: [String]
        /// What the policy lets this user do, in words.
        package var may: String

        package init(name: String, password: String, groups: [String], may: String) {
            self.name = name
            self.password = password
            self.groups = groups
            self.may = may
        }
    }

    /// A URI without credentials: `amqp://127.0.0.1:PORT/execbus`.
    package var amqp: String
    package var sites: [String]
    package var workers: [Worker]
    package var users: [User]

    package init(amqp: String, sites: [String], workers: [Worker], users: [User]) {
        self.amqp = amqp
        self.sites = sites
        self.workers = workers
        self.users = users
    }

    /// The name of the file within the network's folder.
    package static let fileName = "network.json"

    /// The URI with which a user connects.
    package func uri(of user: User) -> String {
        amqp.replacing("amqp://", with: "amqp://\(user.name):\(user.password)@", maxReplacements: 1)
    }

    /// Reads the description in a network's folder.
    package init(readingFrom directory: String) throws(LocalNetworkError) {
        let path = directory + "/" + Self.fileName
        guard let bytes = PrivateFile.read(path) else {
            throw LocalNetworkError(
                .invalid, "there is no network in \(directory): start one by execbus up --state \(directory)")
        }
        guard let json = try? JSON(parsing: bytes), let amqp = json["amqp"]?.string else {
            throw LocalNetworkError(.invalid, "\(path) is not the description of a network")
        }
        self.init(
            amqp: amqp, sites: (json["sites"]?.array ?? []).compactMap(\.string),
            workers: (json["workers"]?.array ?? []).compactMap { worker in
                guard let name = worker["name"]?.string, let pid = worker["pid"]?.int else { return nil }
                return Worker(
                    name: name, site: worker["site"]?.string, pid: Int32(truncatingIfNeeded: pid),
                    http: worker["http"]?.string)
            },
            users: (json["users"]?.array ?? []).compactMap { user in
                guard let name = user["name"]?.string, let password = user["password"]?.string else { return nil }
                return User(
                    name: name, password: password, groups: (user["groups"]?.array ?? []).compactMap(\.string),
                    may: user["may"]?.string ?? "")
            })
    }

    /// Writes it into a network's folder, whole or not at all, with mode 0600.
    package func write(to directory: String) throws(LocalNetworkError) {
        try PrivateFile.write(Array((json.prettyText + "\n").utf8), to: directory + "/" + Self.fileName)
    }

    /// Whether there is one.
    static func isThere(in directory: String) -> Bool { FileSystem.exists(directory + "/" + fileName) }

    /// Removes it: the network is not there any more, or not yet.
    package static func remove(from directory: String) { unlink(directory + "/" + fileName) }

    private var json: JSON {
        [
            "amqp": .string(amqp), "sites": .array(sites.map(JSON.string)),
            "workers": .array(
                workers.map { worker in
                    .object(compacting: [
                        "name": .string(worker.name), "site": worker.site.map(JSON.string),
                        "pid": .int(Int64(worker.pid)), "http": worker.http.map(JSON.string),
                    ])
                }),
            "users": .array(
                users.map { user in
                    [
                        "name": .string(user.name), "password": .string(user.password),
                        "groups": .array(user.groups.map(JSON.string)), "may": .string(user.may),
                    ]
                }),
        ]
    }
}
