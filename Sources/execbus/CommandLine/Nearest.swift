/// The name that somebody may have meant who wrote `word`, as the end of a sentence: `; did you mean watch?`, or nil where
/// none is near.
func suggestion(for word: String, among names: [String], prefix: String = "") -> String? {
    let near = names.map { (name: $0, distance: editDistance($0, word)) }.min { $0.distance < $1.distance }
    guard let near, near.distance <= max(1, min(near.name.count, word.count) / 2) else { return nil }
    return "; did you mean \(prefix)\(near.name)?"
}

/// How many letters have to be added, left out, replaced, or exchanged with their neighbour.
private func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left)
    let right = Array(right)
    // Rows of the table of distances between the beginnings of both: the last two, and the one that is being made.
    var before: [Int] = []
    var last = Array(0...right.count)
    for (row, letter) in left.enumerated() {
        var current = [row + 1]
        for (column, other) in right.enumerated() {
            var best = min(last[column] + (letter == other ? 0 : 1), last[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                best = min(best, before[column - 1] + 1)
            }
            current.append(best)
        }
        (before, last) = (last, current)
    }
    return last[right.count]
}
