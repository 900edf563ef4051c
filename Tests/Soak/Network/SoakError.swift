/// What a soak, or a scenario, could not go on without.
package struct SoakError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
