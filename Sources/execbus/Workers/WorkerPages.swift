internal import HTTPServer
internal import MessageBus
internal import Metrics

/// What a worker shows over HTTP to those that watch over it: figures, and whether it lives and serves.
struct WorkerPages {
    let address: String
    let metrics: Metrics
    let health: Health

    func answer(_ question: HTTPQuestion) -> HTTPAnswer {
        switch question.path {
        case "/metrics": return HTTPAnswer(200, Metrics.contentType, metrics.text())
        case "/livez":
            guard let time = health.hangs else { return HTTPAnswer("ok\n") }
            return HTTPAnswer(503, "the loop has hung in one turn for \(Units.duration(time))\n")
        case "/readyz":
            let reasons = health.reasons
            return reasons.isEmpty
                ? HTTPAnswer("ok\n") : HTTPAnswer(503, reasons.map { $0 + "\n" }.joined())
        case "/":
            return HTTPAnswer("execbus \(Execbus.version), \(address)\n\n/metrics\n/livez\n/readyz\n")
        default: return HTTPAnswer(404, "there are /metrics, /livez and /readyz\n")
        }
    }
}
