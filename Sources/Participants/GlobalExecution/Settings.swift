package import Wire

extension GlobalExecution {
    /// What it needs to know of its network.
    package struct Settings: Sendable, Hashable {
        /// Sites that are always asked for offers. Those that give signs of life are asked as well.
        package var sites: [SiteName]
        /// How long a site is known after its broker was heard last: three signs of life (contract.md, Events).
        package var patience: Duration

        package init(sites: [SiteName] = [], patience: Duration = .seconds(15)) {
            self.sites = sites
            self.patience = patience
        }
    }
}
