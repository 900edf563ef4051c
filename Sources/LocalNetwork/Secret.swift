/// Passwords and cookies that nobody chose.
package enum Secret {
    /// 32 characters of `[A-Za-z0-9]` from the kernel's random numbers: 190 bits.
    package static func make() -> String {
        let characters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        // The system's generator is fit for secrets: getrandom(2) on Linux.
        var generator = SystemRandomNumberGenerator()
        return String((0..<32).compactMap { _ in characters.randomElement(using: &generator) })
    }
}
