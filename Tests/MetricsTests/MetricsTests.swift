import Metrics
import Processes
import TestSupport
import Testing

@Suite struct MetricsTests {
    @Test func `counters, gauges and histograms are written as Prometheus reads them`() {
        let metrics = Metrics()
        let handled = metrics.counter("handled_total", "Messages.", labels: ["type", "outcome"])
        let depth = metrics.gauge("depth", "What waits,\nright now.")
        let time = metrics.histogram("time_seconds", "How long.", labels: ["of"], bounds: [0.1, 1])
        handled.add(1, "b", "ok")
        handled.add(2, "a", "with \"quotes\" and \\")
        handled.add(3, "b", "ok")
        metrics.beforeReading { depth.set(2.5) }
        for value in [0.05, 0.1, 0.5, 7] { time.observe(value, "commit") }
        #expect(
            metrics.text() == #"""
                # HELP handled_total Messages.
                # TYPE handled_total counter
                handled_total{type="a",outcome="with \"quotes\" and \\"} 2
                handled_total{type="b",outcome="ok"} 4
                # HELP depth What waits,\nright now.
                # TYPE depth gauge
                depth 2.5
                # HELP time_seconds How long.
                # TYPE time_seconds histogram
                time_seconds_bucket{of="commit",le="0.1"} 2
                time_seconds_bucket{of="commit",le="1"} 3
                time_seconds_bucket{of="commit",le="+Inf"} 4
                time_seconds_sum{of="commit"} 7.65
                time_seconds_count{of="commit"} 4

                """#)
    }

    @Test func `a counter without labels is there before its first step`() {
        let metrics = Metrics()
        let counter = metrics.counter("reconnects_total", "Reconnects.")
        #expect(metrics.text().hasSuffix("\nreconnects_total 0\n"))
        counter.set(7)
        #expect(metrics.text().hasSuffix("\nreconnects_total 7\n"))
    }

    @Test(arguments: [
        (0.0, "0"), (3, "3"), (-2, "-2"), (0.25, "0.25"), (1e20, "1e+20"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
        (.nan, "NaN"),
    ]) func `numbers are written in full`(value: Double, text: String) {
        let metrics = Metrics()
        metrics.gauge("g", "G.").set(value)
        #expect(metrics.text().hasSuffix("\ng \(text)\n"))
    }

    @Test func `many threads lose no step`() async {
        let metrics = Metrics()
        let counter = metrics.counter("steps_total", "Steps.", labels: ["of"])
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask { for _ in 0..<1_000 { counter.add(1, "\(task % 2)") } }
            }
        }
        #expect(metrics.text().hasSuffix("steps_total{of=\"0\"} 4000\nsteps_total{of=\"1\"} 4000\n"))
    }

    /// The library that Prometheus gives to Python is the judge.
    @Test func `Prometheus' own reader understands all of it`() async throws {
        let metrics = Metrics()
        metrics.counter("a_total", "A \\ b\nc.", labels: ["x"]).add(5, "é\"\n\\")
        metrics.gauge("b", "B.").set(-0.5)
        metrics.histogram("c_seconds", "C.", labels: ["y"]).observe(.milliseconds(2), "z")
        try await withTemporaryFolder { folder in
            let program = """
                import sys
                from prometheus_client.parser import text_string_to_metric_families as read
                for family in read(sys.argv[1]):
                    for sample in family.samples:
                        print(sample.name, dict(sample.labels), sample.value)
                """
            let result = try await run(
                ProcessSettings("/usr/bin/python3", ["-c", program, metrics.text()]), deadline: .seconds(60)
            ).checked()
            #expect(result.outputText.contains(#"a_total {'x': 'é"\n\\'} 5.0"#), "\(result.outputText)")
            #expect(result.outputText.contains("b {} -0.5"))
            #expect(result.outputText.contains("c_seconds_bucket {'y': 'z', 'le': '0.003'} 1.0"))
            #expect(result.outputText.contains("c_seconds_count {'y': 'z'} 1.0"))
        }
    }
}
