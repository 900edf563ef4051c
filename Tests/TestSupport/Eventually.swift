/// Whether a condition comes true before the limit: asked again and again, every 10 ms.
package func eventually(within limit: Duration = .seconds(60), _ condition: () async throws -> Bool) async rethrows
    -> Bool
{
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else { return false }
        try? await Task.sleep(for: .milliseconds(10))
        if Task.isCancelled { return false }
    }
    return true
}
