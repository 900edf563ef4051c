extension Command {
    static let up = Command(name: "up", summary: "")
    static let demo = Command(name: "demo", summary: "")
    static let worker = Command(name: "worker", summary: "")
    static let topology = Command(name: "topology", summary: "")
}
