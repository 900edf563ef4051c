package import Wire

/// What scenarios and soak ask for.
package enum Worksteps {
    private static let kinds = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds"

    package static func notebook(
        image: String = "srcnet/notebook:1", data: String? = Observation.name, cores: Int64 = 1, memory: Int64 = 1,
        duration: String = "PT10M"
    ) -> JSON {
        var workstep: JSON = [
            "executable": [
                "kind": .string(kinds + "/executable/jupyter-notebook.yaml"), "meta": ["name": "notebook"],
                "image": ["locations": [.string(image)]],
            ],
            "compute": [
                "kind": .string(kinds + "/compute/simple-compute-resource.yaml"), "meta": ["name": "machine"],
                "cores": ["min": .int(cores), "max": .int(cores)],
                "memory": ["min": .int(memory), "max": .int(memory)],
            ],
            "schedule": ["requested": ["duration": .string(duration)]],
        ]
        if let data {
            workstep["data"] = [
                [
                    "kind": .string(kinds + "/data/rucio-data-resource.yaml"), "meta": ["name": "cube"],
                    "rucio": ["scope": "demo", "object": .string(data), "type": "FILE"],
                ]
            ]
        }
        return workstep
    }
}
