import TestSupport
import Testing
import Wire

@testable import ExecutionModel

struct CapacityTests {
    /// The same by counting at every second.
    struct Naive {
        var bookings: [Booking] = []

        func held(at time: Timestamp) -> (cores: Int64, memory: Int64) {
            let active = bookings.filter { $0.from <= time && time < $0.until }
            let sets = Dictionary(grouping: active, by: \.offerset).values
            return (
                sets.map { $0.map(\.cores).max() ?? 0 }.reduce(0, +),
                sets.map { $0.map(\.memory).max() ?? 0 }.reduce(0, +)
            )
        }
    }

    static func booking(_ session: UInt64, set: UInt64, cores: Int64, memory: Int64, _ from: Int, _ until: Int)
        -> Booking
    {
        Booking(
            session: identifier(session), offerset: identifier(1_000_000 + set), cores: cores, memory: memory,
            from: instant(Double(from)), until: instant(Double(until)))
    }

    @Test(arguments: UInt64(0)..<30)
    func `what is held is what counting says`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var capacity = Capacity(cores: 8, memory: 16)
        var naive = Naive()
        for _ in 0..<60 {
            let session = UInt64.random(in: 0..<12, using: &generator)
            if Int.random(in: 0..<4, using: &generator) == 0 {
                capacity.free(identifier(session))
                naive.bookings.removeAll { $0.session == identifier(session) }
            } else {
                let from = Int.random(in: 0..<50, using: &generator)
                // A session stays in its set.
                let booking = CapacityTests.booking(
                    session, set: session / 3, cores: .random(in: 0...4, using: &generator),
                    memory: .random(in: 0...4, using: &generator), from,
                    from + Int.random(in: 0..<20, using: &generator))
                capacity.hold(booking)
                naive.bookings.removeAll { $0.session == booking.session }
                naive.bookings.append(booking)
            }
            for second in -1..<75 {
                let time = instant(Double(second))
                #expect(capacity.held(at: time) == naive.held(at: time))
            }
            let times = capacity.steps.map(\.time)
            #expect(times == times.sorted() && Set(times).count == times.count)
            #expect(capacity.steps.last.map { $0.cores + $0.memory } ?? 0 == 0)
        }
        for booking in naive.bookings { capacity.free(booking.session) }
        #expect(capacity.steps.isEmpty)
        #expect(capacity.count == 0)
    }

    @Test func `offers of one set hold the largest of them, not the sum`() {
        var capacity = Capacity(cores: 4, memory: 8)
        capacity.hold(CapacityTests.booking(1, set: 1, cores: 2, memory: 8, 0, 100))
        capacity.hold(CapacityTests.booking(2, set: 1, cores: 4, memory: 2, 50, 150))
        #expect(capacity.held(at: instant(10)) == (2, 8))
        #expect(capacity.held(at: instant(60)) == (4, 8))
        #expect(capacity.held(at: instant(120)) == (4, 2))
        capacity.free(identifier(2))
        #expect(capacity.held(at: instant(60)) == (2, 8))
    }

    @Test func `what should be gone is held on until it is freed`() {
        var capacity = Capacity(cores: 4, memory: 8)
        capacity.hold(CapacityTests.booking(1, set: 1, cores: 4, memory: 8, 0, 100))
        capacity.hold(CapacityTests.booking(2, set: 2, cores: 4, memory: 8, 100, 200))
        #expect(capacity.hasRoom(at: instant(100)))
        capacity.extendOverdue(at: instant(100))
        #expect(!capacity.hasRoom(at: instant(100)), "the first is still there")
        capacity.free(identifier(1))
        #expect(capacity.hasRoom(at: instant(100)))
    }

    @Test func `a session can stay until the next one needs its place`() {
        var capacity = Capacity(cores: 4, memory: 8)
        capacity.hold(CapacityTests.booking(1, set: 1, cores: 2, memory: 2, 0, 100))
        #expect(capacity.latestEnd(of: identifier(1)) == nil)
        capacity.hold(CapacityTests.booking(2, set: 2, cores: 2, memory: 2, 120, 200))
        #expect(capacity.latestEnd(of: identifier(1)) == nil)
        capacity.hold(CapacityTests.booking(3, set: 3, cores: 1, memory: 1, 150, 200))
        #expect(capacity.latestEnd(of: identifier(1)) == instant(150))
    }
}

struct SlotSearchTests {
    static func request(
        cores: Amount = .one, memory: Amount = .one, duration: Double = 100, window: (Double, Double)? = nil,
        preparation: Double = 20
    ) -> SlotRequest {
        SlotRequest(
            cores: cores, memory: memory, duration: .seconds(duration),
            window: window.map { StartWindow(from: instant($0.0), until: instant($0.1)) },
            preparation: .seconds(preparation), compute: .seconds(5))
    }

    @Test func `an empty site offers at once, with as much as can be used`() throws {
        var capacity = Capacity(cores: 4, memory: 8)
        let slots = try capacity.slots(
            for: SlotSearchTests.request(cores: Amount(min: 1, max: 2), memory: Amount(min: 1, max: 100)),
            at: instant(0))
        #expect(slots.map(\.cores) == [2])
        #expect(slots.map(\.memory) == [8])
        let schedule = try #require(slots.first?.schedule)
        #expect(schedule.preparing == instant(0))
        #expect(schedule.computing == instant(0))
        #expect(schedule.available == instant(20))
        #expect(schedule.slack == .seconds(300))
        #expect(schedule.heldUntil == instant(20 + 300 + 100 + 10))
        #expect(slots.first?.expires == instant(300))
    }

    @Test func `a busy site offers from the moment that it is free`() throws {
        var capacity = Capacity(cores: 4, memory: 8)
        capacity.hold(CapacityTests.booking(1, set: 1, cores: 4, memory: 1, 0, 1_000))
        let slot = try #require(try capacity.slots(for: SlotSearchTests.request(), at: instant(0)).first)
        #expect(slot.schedule.computing == instant(1_000))
        #expect(slot.schedule.available == instant(1_005))
        #expect(slot.schedule.preparing == instant(985), "data comes while the other still computes")
        #expect(slot.schedule.slack == .zero, "accepted in time, it is in time")
        #expect(slot.expires == instant(300))
    }

    @Test func `where less is free now than could be used, more is offered later`() throws {
        var capacity = Capacity(cores: 4, memory: 8)
        capacity.hold(CapacityTests.booking(1, set: 1, cores: 3, memory: 1, 0, 1_000))
        let slots = try capacity.slots(
            for: SlotSearchTests.request(cores: Amount(min: 1, max: 4)), at: instant(0))
        #expect(slots.map(\.cores) == [1, 4])
        #expect(slots.map(\.schedule.available) == [instant(20), instant(1_005)])
    }

    @Test func `a promise is made for no longer than it can be kept`() throws {
        var capacity = Capacity(cores: 4, memory: 8)
        let slot = try #require(
            try capacity.slots(for: SlotSearchTests.request(window: (0, 60)), at: instant(0)).first)
        #expect(slot.schedule.available == instant(20))
        #expect(slot.schedule.slack == .seconds(40))
        #expect(slot.expires == instant(40), "accepted then, it begins at the end of the window")
    }

    @Test func `a start at one moment is met exactly`() throws {
        var capacity = Capacity(cores: 4, memory: 8)
        let slot = try #require(
            try capacity.slots(for: SlotSearchTests.request(window: (600, 600)), at: instant(0)).first)
        #expect(slot.schedule.available == instant(600))
        #expect(slot.schedule.preparing == instant(580))
        #expect(slot.schedule.slack == .zero)
        #expect(slot.expires == instant(300))
    }

    @Test func `NO says why, and when it could be`() {
        var capacity = Capacity(cores: 4, memory: 8)
        capacity.hold(CapacityTests.booking(1, set: 1, cores: 4, memory: 1, 0, 1_000))
        #expect(throws: NoSlot(reason: .tooLarge, nearest: nil)) {
            try capacity.slots(for: SlotSearchTests.request(cores: Amount(min: 5, max: 5)), at: instant(0))
        }
        #expect(throws: NoSlot(reason: .noCapacity, nearest: instant(1_005))) {
            try capacity.slots(for: SlotSearchTests.request(window: (0, 500)), at: instant(0))
        }
        capacity.free(identifier(1))
        #expect(throws: NoSlot(reason: .windowTooEarly, nearest: instant(20))) {
            try capacity.slots(for: SlotSearchTests.request(window: (0, 10)), at: instant(0))
        }
        #expect(throws: NoSlot(reason: .windowTooEarly, nearest: instant(20))) {
            try capacity.slots(for: SlotSearchTests.request(window: (0, 25)), at: instant(0))
        }
        let notice = NoSlot(reason: .noCapacity, nearest: instant(1_005)).notice(at: instant(0))
        #expect(notice.text == "All is taken in the time asked for; it could begin at 2026-11-24T10:16:45Z")
    }

    @Test func `without a window the search looks a day ahead`() {
        var capacity = Capacity(cores: 4, memory: 8)
        capacity.hold(CapacityTests.booking(1, set: 1, cores: 4, memory: 1, 0, 86_400 + 100))
        #expect(throws: NoSlot(reason: .noCapacity, nearest: instant(86_505))) {
            try capacity.slots(for: SlotSearchTests.request(), at: instant(0))
        }
    }

    /// Random requests against a site that fills up: every slot is booked, some are freed.
    @Test(arguments: UInt64(0)..<60)
    func `a site is never overbooked, and no earlier place was missed`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var capacity = Capacity(cores: 6, memory: 12)
        var naive = CapacityTests.Naive()
        for step in UInt64(0)..<25 {
            let now = instant(Double(step) * 3)
            let least = Int64.random(in: 1...4, using: &generator)
            let hasWindow = Bool.random(using: &generator)
            let from = Double(Int.random(in: 0..<800, using: &generator))
            let request = SlotSearchTests.request(
                cores: Amount(min: least, max: least + .random(in: 0...3, using: &generator)),
                memory: Amount(min: least, max: least + .random(in: 0...6, using: &generator)),
                duration: Double(Int.random(in: 20..<300, using: &generator)),
                window: hasWindow ? (from, from + Double(Int.random(in: 0..<600, using: &generator))) : nil,
                preparation: Double(Int.random(in: 5..<60, using: &generator)))
            let slots = (try? capacity.slots(for: request, at: now)) ?? []
            let search = SlotSearch(request: request, now: now)
            #expect(slots.first?.schedule.computing == SlotSearchTests.count(naive, capacity, search))
            for (index, slot) in slots.enumerated() {
                #expect(slot.cores >= request.cores.min && slot.cores <= request.cores.max)
                #expect(slot.memory >= request.memory.min && slot.memory <= request.memory.max)
                #expect(slot.schedule.preparing >= now)
                #expect(slot.schedule.available >= search.earliest)
                #expect(slot.schedule.available + slot.schedule.slack <= search.latest)
                #expect(slot.schedule.accepted(at: slot.expires).end <= slot.schedule.heldUntil - request.releasing)
                let booking = Booking(
                    session: identifier(step * 2 + UInt64(index)), offerset: identifier(5_000 + step),
                    cores: slot.cores, memory: slot.memory, from: slot.schedule.computing,
                    until: slot.schedule.heldUntil)
                capacity.hold(booking)
                naive.bookings.append(booking)
            }
            let times = Set(naive.bookings.flatMap { [$0.from, $0.until] })
            for time in times {
                let held = naive.held(at: time)
                #expect(held.cores <= 6 && held.memory <= 12)
            }
            if let gone = naive.bookings.randomElement(using: &generator), Bool.random(using: &generator) {
                capacity.free(gone.session)
                naive.bookings.removeAll { $0.session == gone.session }
            }
        }
    }

    /// The earliest place by trying every second.
    static func count(_ naive: CapacityTests.Naive, _ capacity: Capacity, _ search: SlotSearch) -> Timestamp? {
        guard !search.isTooEarly else { return nil }
        var place = search.earliestComputing
        while search.available(computing: place) <= search.latest {
            let end = search.heldUntil(computing: place)
            let times = [place] + naive.bookings.map(\.from).filter { $0 > place && $0 < end }
            let fits = times.allSatisfy { time in
                let held = naive.held(at: time)
                return held.cores + search.request.cores.min <= capacity.cores
                    && held.memory + search.request.memory.min <= capacity.memory
            }
            if fits { return place }
            let later = naive.bookings.flatMap { [$0.from, $0.until] }.filter { $0 > place }.min()
            guard let later else { return nil }
            place = later
        }
        return nil
    }

    @Test func `a thousand bookings are searched in no time`() throws {
        var capacity = Capacity(cores: 1_000, memory: 4_000)
        for number in UInt64(0)..<1_000 {
            capacity.hold(
                CapacityTests.booking(number, set: number, cores: 1, memory: 4, Int(number), Int(number) + 2_000))
        }
        let clock = ContinuousClock()
        let taken = try clock.measure {
            for _ in 0..<100 {
                _ = try capacity.slots(for: SlotSearchTests.request(cores: Amount(min: 1, max: 8)), at: instant(0))
            }
        }
        #expect(taken < .seconds(2))
    }
}

struct PreparationEstimateTests {
    let rates = TransferRates(bySource: ["FAST": 1_000, "SLOW": 100], otherwise: 10)

    @Test func `local data take no time, and say so`() {
        let item = PreparationEstimate.Item(bytes: 1 << 40, isLocal: true, source: "FAST", rates: rates)
        #expect(item.duration == .zero)
        #expect(item.json["local"] == true)
    }

    @Test func `image and data come side by side, and computing after them`() {
        let estimate = PreparationEstimate(
            image: .init(bytes: 5_000, isLocal: false, source: "FAST", rates: rates),
            data: [
                .init(bytes: 3_000, isLocal: false, source: "FAST", rates: rates),
                .init(bytes: 4_000, isLocal: false, source: "FAST", rates: rates),
                .init(bytes: 600, isLocal: false, source: "SLOW", rates: rates),
                .init(bytes: 1 << 40, isLocal: true, source: "FAST", rates: rates),
            ],
            storage: .seconds(1), compute: .seconds(2))
        #expect(estimate.dataDuration == .seconds(7), "two from one source share its rate")
        #expect(estimate.total == .seconds(10))
    }

    @Test func `a source that was never measured has the common rate`() {
        #expect(rates.duration(of: 100, from: "OTHER") == .seconds(10))
        #expect(TransferRates(otherwise: 0).duration(of: 100, from: nil) == .seconds(100))
        #expect(rates.duration(of: .max, from: "FAST") == .seconds(1_000_000_000))
    }

    @Test func `rates are learned from what was seen`() {
        var rates = TransferRates(otherwise: 10)
        rates.note(bytes: 1_000_000, in: .seconds(1), from: "A")
        #expect(rates.bySource["A"] == 1_000_000)
        rates.note(bytes: 4_000_000, in: .seconds(1), from: "A")
        #expect(rates.bySource["A"].map { Int($0.rounded()) } == 2_000_000)
        rates.note(bytes: 10, in: .seconds(1), from: "A")
        #expect(rates.bySource["A"].map { Int($0.rounded()) } == 2_000_000)
    }
}
