package import AMQP
package import Wire

/// Every exchange, queue and binding of contract.md for a network of given sites: the one description from which they are
/// made, checked and exported.
package struct Topology: Sendable, Hashable {
    package let sites: [SiteName]
    package let exchanges: [AMQPExchange]
    package let queues: [AMQPQueue]
    package let bindings: [AMQPBinding]

    /// The network of these sites, each named once, in order of their names.
    package init(sites: some Sequence<SiteName>) {
        let sites = Set(sites).sorted()
        let queues = Self.queues(at: sites)
        self.sites = sites
        exchanges = Self.exchanges
        self.queues = queues.map(\.queue)
        bindings = queues.flatMap { described in described.bindings.map { $0.binding(described.queue.name) } }
    }

    /// Every participant of the network, the network's own before those of the sites.
    package var participants: [ParticipantAddress] { Self.participants(at: sites) }

    static func participants(at sites: [SiteName]) -> [ParticipantAddress] {
        let network = ParticipantName.allCases.filter { !$0.isAtSite }.map { ParticipantAddress(name: $0, site: nil) }
        let perSite = sites.flatMap { site in
            ParticipantName.allCases.filter(\.isAtSite).map { ParticipantAddress(name: $0, site: site) }
        }
        return network + perSite
    }
}

/// One participant: its kind, and its site where it is at one. As text it is the name of its work queue, its routing key
/// and its RabbitMQ user.
package struct ParticipantAddress: Sendable, Hashable, CustomStringConvertible {
    package let name: ParticipantName
    package let site: SiteName?

    package init(name: ParticipantName, site: SiteName?) {
        self.name = name
        self.site = site
    }

    package var description: String { name.address(at: site) }
}
