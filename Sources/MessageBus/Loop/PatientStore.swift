internal import Store

/// Runs transactions again that failed for a reason that passes, so that a disk that is full for a while ends no worker:
/// each end would count as one more delivery of every message that it had taken.
struct PatientStore {
    let store: any Store
    let log: Log
    /// Is told why the worker does not serve meanwhile, and that it does not hang.
    var health: Health?
    /// Whether the worker is to stop: then nothing is waited for.
    let isStopping: @Sendable () -> Bool

    /// Tries at once, where another transaction came between.
    private static let quickTries = 5
    /// Then it is tried every second for so long: RabbitMQ takes back what nobody acknowledges within half an hour.
    private static let patience = Duration.seconds(600)

    /// - Parameter body: is told whether it runs again; what it kept of the last time does not hold any more.
    func transact<Value: Sendable>(
        _ body: @escaping @Sendable (_ transaction: any StoreTransaction, _ isAgain: Bool) throws -> Value
    ) async throws -> Value {
        let end = ContinuousClock.now + Self.patience
        var tries = 0
        while true {
            let isAgain = tries > 0
            do {
                let value = try await store.transact { try body($0, isAgain) }
                if isAgain { health?.set("store", nil) }
                return value
            } catch let error as StoreError {
                guard error.code.remedy != .none, !isStopping(), .now < end else { throw error }
                tries += 1
                if error.code.remedy == .again, tries <= Self.quickTries {
                    try await Task.sleep(for: .milliseconds(Int.random(in: 1...(4 << tries))))
                } else {
                    health?.set("store", "it cannot write: \(error)")
                    health?.turnBegins()
                    if tries % 60 == 1 || tries == Self.quickTries + 1 {
                        log(.error, "holds what it has, and tries to write it every second: \(error)")
                    }
                    try await Task.sleep(for: .seconds(1))
                }
            }
        }
    }
}
