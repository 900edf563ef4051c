internal import AMQP
internal import Glibc
internal import Wire

/// The signs of life that every participant gives (contract.md, Events): every 5 s, lost after three.
public enum Heartbeats {
    /// How often they come.
    public static let interval = Duration.seconds(5)
    /// Who was not heard for this long is taken for lost.
    public static let patience = Duration.seconds(15)
    /// The `type` of the message.
    public static let messageType = "srcnet.heartbeat.v1"

    /// Publishes them until the task is cancelled.
    static func give<Subject>(
        for loop: ParticipantLoop<Subject>, name: ParticipantName, site: SiteName?, instance: String, version: String,
        over transport: any Transport
    ) async {
        while !Task.isCancelled {
            var load = 0.0
            getloadavg(&load, 1)
            let body = JSON.object(compacting: [
                "load": .double(load), "inFlight": .int(Int64(loop.inFlight)), "version": .string(version),
                "capacity": loop.vitalSigns,
            ])
            var message = Outgoing(
                exchange: .heartbeats, key: "\(site?.description ?? "global").\(name).\(instance)", type: messageType,
                id: IDSource.random.next(), time: .now(), body: body)
            message.isPersistent = false
            message.timeToLive = patience
            let sender = "\(name.address(at: site))/\(instance)"
            _ = await transport.publish([message.message(user: transport.user, sender: sender)])
            try? await Task.sleep(for: interval)
        }
    }
}
