/// Each rule gives one sentence for each thing that breaks it.
extension Layout {
    /// Everything that is wrong with a package and its sources.
    static func faults(in package: PackageDescription, _ sources: [SourceFile] = []) -> [String] {
        faultsOfArrows(package) + faultsOfFolders(package, sources) + faultsOfSettings(package, sources)
            + faultsOfImports(package, sources)
    }

    /// Dependencies that point up, sideways, or past the owner of a C library.
    static func faultsOfArrows(_ package: PackageDescription) -> [String] {
        var faults = package.otherPackages == 0 ? [] : ["the package needs other packages: it builds offline no more"]
        for target in package.targets {
            if target.kind != .test, layer(of: target.name) == nil {
                faults.append("\(target.name) stands in no layer: say in Layout.swift where it belongs")
            } else {
                faults += target.dependencies.compactMap { fault(from: target, to: $0, in: package) }
            }
        }
        return faults
    }

    private static func fault(
        from target: PackageDescription.Target, to other: String, in package: PackageDescription
    ) -> String? {
        if package[other]?.kind == .test { return "\(target.name) depends on the tests \(other)" }
        if let owner = wrappers[other], target.name != owner,
            !(target.kind == .test && target.dependencies.contains(owner))
        {
            return "\(target.name) depends on \(other), which \(owner) alone wraps"
        }
        // Tests may use everything else.
        if target.kind == .test { return nil }
        if participants.contains(target.name), participants.contains(other) {
            return "the participant \(target.name) depends on the participant \(other): they speak by messages only"
        }
        guard let upper = layer(of: target.name), let lower = layer(of: other), upper.mayUse.contains(lower.name)
        else { return "\(target.name) depends on \(other): the arrow points the wrong way" }
        return nil
    }

    /// Targets and sources that are not where the layout says.
    static func faultsOfFolders(_ package: PackageDescription, _ sources: [SourceFile]) -> [String] {
        let misplaced = package.targets.compactMap { target -> String? in
            guard let folder = target.kind == .test ? "Tests" : layer(of: target.name)?.folder,
                target.folder != "\(folder)/\(target.name)"
            else { return nil }
            return "\(target.name) lies in \(target.folder), and belongs in \(folder)/\(target.name)"
        }
        return misplaced
            + sources.filter { package.target(of: $0) == nil }.map { "\($0.path) belongs to no target" }
    }

    /// Swift targets that are compiled with less than all, or with flags that nobody checks.
    static func faultsOfSettings(_ package: PackageDescription, _ sources: [SourceFile]) -> [String] {
        let swift = Set(sources.compactMap { package.target(of: $0)?.name })
        return package.targets.filter { swift.contains($0.name) }.flatMap { target in
            strictSettings.subtracting(target.settings).sorted().map { "\(target.name) is built without \($0)" }
                + target.settings.filter { $0.hasPrefix("unsafeFlags") }.map { "\(target.name) is built with \($0)" }
        }
    }

    /// Imports that Package.swift does not declare, and those of the whole Foundation.
    static func faultsOfImports(_ package: PackageDescription, _ sources: [SourceFile]) -> [String] {
        let modules = Set(package.targets.map(\.name))
        return sources.flatMap { source -> [String] in
            let target = package.target(of: source)
            return source.imports.compactMap { module in
                if module.hasPrefix("Foundation"), module != "FoundationEssentials" {
                    return "\(source.path) imports \(module), which brings ICU: FoundationEssentials is meant"
                }
                guard modules.contains(module), let target, module != target.name,
                    !target.dependencies.contains(module)
                else { return nil }
                return "\(source.path) imports \(module), which \(target.name) does not declare"
            }
        }
    }

    /// Layers that use one which does not come before them: the table's own arrows.
    static var faultsOfTable: [String] {
        layers.indices.flatMap { index in
            let below = Set(layers[..<index].map(\.name))
            return layers[index].mayUse.filter { !below.contains($0) }.map { "\(layers[index].name) may use \($0)" }
        }
    }

    private static func layer(of target: String) -> Layer? { layers.first { $0.targets.contains(target) } }
}

extension PackageDescription {
    /// The target whose folder holds the file.
    func target(of source: SourceFile) -> Target? {
        targets.first { source.path.hasPrefix($0.folder + "/") }
    }
}
