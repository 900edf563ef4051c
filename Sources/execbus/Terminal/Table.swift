/// Rows under headings, each column as wide as its widest cell. Cells may hold colours.
struct Table {
    let headings: [String]
    var rows: [[String]] = []
    /// Columns whose cells stand to the right, such as numbers.
    var right: Set<Int> = []

    var text: String {
        let all = [headings] + rows
        let widths = headings.indices.map { column in
            all.map { $0.indices.contains(column) ? visibleWidth($0[column]) : 0 }.max() ?? 0
        }
        func render(_ row: [String]) -> String {
            let cells = headings.indices.map { column in
                let cell = row.indices.contains(column) ? row[column] : ""
                let space = String(repeating: " ", count: max(0, widths[column] - visibleWidth(cell)))
                return right.contains(column) ? space + cell : cell + space
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
        return ([Style.faint(render(headings))] + rows.map(render)).joined(separator: "\n")
    }
}

/// How many columns a text takes: escape sequences of colours take none.
func visibleWidth(_ text: String) -> Int {
    var count = 0
    var isEscape = false
    for character in text {
        if character == "\u{1B}" { isEscape = true }
        if !isEscape { count += 1 }
        if isEscape, character == "m" { isEscape = false }
    }
    return count
}
