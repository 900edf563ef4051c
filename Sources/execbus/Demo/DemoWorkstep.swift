internal import Wire

/// What the demo asks for: a notebook, with or without the observation.
struct DemoWorkstep {
    let cores: Int64
    let memory: Int64
    let duration: String
    let data: Bool

    private static let kinds = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds"

    /// The parts of the workstep (contract.md, Submitting).
    var json: JSON {
        var workstep: JSON = [
            "executable": [
                "kind": .string(Self.kinds + "/executable/jupyter-notebook.yaml"), "meta": ["name": "notebook"],
                "image": ["locations": ["srcnet/notebook:1"]],
            ],
            "compute": [
                "kind": .string(Self.kinds + "/compute/simple-compute-resource.yaml"), "meta": ["name": "machine"],
                "cores": ["min": .int(cores), "max": .int(cores)],
                "memory": ["min": .int(memory), "max": .int(memory)],
            ],
            "schedule": ["requested": ["duration": .string(duration)]],
        ]
        if data {
            workstep["data"] = [
                [
                    "kind": .string(Self.kinds + "/data/rucio-data-resource.yaml"), "meta": ["name": "cube"],
                    "rucio": ["scope": "demo", "object": "hcn-cube", "type": "FILE"],
                ]
            ]
        }
        return workstep
    }
}
