internal import AMQP
internal import Metrics

extension AMQPTransport {
    /// Enters what the connections count, whenever somebody reads the figures.
    func enter(into metrics: Metrics) {
        let counter = { (name: String, help: String) in metrics.counter("execbus_amqp_\(name)_total", help) }
        let confirmed = counter("confirmed", "Messages that RabbitMQ has confirmed.")
        let returned = counter("returned", "Messages that no queue took.")
        let nacked = counter("nacked", "Messages that RabbitMQ refused to keep.")
        let unconfirmed = counter("unconfirmed", "Messages whose connection was lost before their confirm.")
        let delivered = counter("delivered", "Messages that RabbitMQ has delivered.")
        let acknowledged = counter("acknowledged", "Messages that were acknowledged.")
        let stale = counter("stale_acknowledgements", "Acknowledgements of messages that RabbitMQ delivers again.")
        let reconnects = metrics.counter(
            "execbus_amqp_reconnects_total", "Connections made anew.", labels: ["connection"])
        metrics.beforeReading { [weak self] in
            guard let (publishing, consuming) = self?.statistics else { return }
            confirmed.set(publishing.confirmed)
            returned.set(publishing.returned)
            nacked.set(publishing.nacked)
            unconfirmed.set(publishing.unconfirmed)
            delivered.set(consuming.delivered)
            acknowledged.set(consuming.acknowledged)
            stale.set(consuming.staleAcknowledgements)
            reconnects.set(publishing.reconnects, "publishing")
            reconnects.set(consuming.reconnects, "consuming")
        }
    }
}
