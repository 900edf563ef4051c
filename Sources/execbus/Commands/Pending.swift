extension Command {
    static let demo = Command(name: "demo", summary: "")
}
