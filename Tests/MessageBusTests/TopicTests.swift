import MessageBus
import Testing

@Suite struct TopicTests {
    @Test(arguments: [
        ("#", "a.b", true), ("#", "", true), ("a.#", "a", true), ("a.#", "a.b.c", true), ("a.*", "a", false),
        ("a.*", "a.b", true), ("a.*", "a.b.c", false), ("*.b", "a.b", true),
        ("session.*.available.#", "session.ral.available.x", true),
        ("#.x", "a.b.x", true), ("#.x", "a.b", false), ("a..b", "a..b", true),
    ]) func `a binding key fits what RabbitMQ says it fits`(_ pattern: String, _ key: String, _ fits: Bool) {
        #expect(topicMatches(pattern, key) == fits)
    }
}
