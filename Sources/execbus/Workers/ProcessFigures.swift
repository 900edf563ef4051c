internal import Glibc
internal import Metrics

/// What the kernel knows of this process, under the names that Prometheus' own clients use.
enum ProcessFigures {
    static func enter(into metrics: Metrics) {
        let memory = metrics.gauge("process_resident_memory_bytes", "Memory that is in use.")
        let time = metrics.gauge("process_cpu_seconds_total", "Processor time.")
        let files = metrics.gauge("process_open_fds", "Open descriptors.")
        var started = timespec()
        clock_gettime(CLOCK_REALTIME, &started)
        metrics.gauge("process_start_time_seconds", "When it was started, in seconds since 1970.")
            .set(Double(started.tv_sec))
        metrics.beforeReading {
            memory.set(Double(residentPages() * sysconf(Int32(_SC_PAGESIZE))))
            var usage = rusage()
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            time.set(seconds(usage.ru_utime) + seconds(usage.ru_stime))
            files.set(Double(openFiles()))
        }
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }

    /// The second number of /proc/self/statm (proc(5)).
    private static func residentPages() -> Int {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 128)
        let count = read(descriptor, &buffer, buffer.count)
        let words = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
        return words.count > 1 ? Int(words[1]) ?? 0 : 0
    }

    private static func openFiles() -> Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Without itself, "." and "..".
        return count - 3
    }
}
