//! Tables whose columns are as wide as what is in them.

use super::Style;

/// Two spaces between columns, as Nomad has.
const GAP: usize = 2;

/// What stands in a row's column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    text: String,
    colour: Option<&'static str>,
}

impl Cell {
    /// A status of anything, coloured by how good it is.
    pub fn status(text: &str) -> Self {
        let colour = match text {
            "running" | "ready" | "complete" | "alive" | "eligible" | "Leader" => Some("32"),
            "pending" | "blocked" | "ineligible" | "initializing" | "disconnected" | "unknown" => Some("33"),
            "failed" | "lost" | "down" | "canceled" => Some("31"),
            _ => None,
        };
        Self { text: text.to_owned(), colour }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), colour: None }
    }
}

/// Rows under a header.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Makes a table with that header.
    pub fn new<'a>(header: impl IntoIterator<Item = &'a str>) -> Self {
        Self { rows: vec![header.into_iter().map(Cell::from).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Tells whether there is nothing but the header.
    pub fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// Writes it, a line a row, without a newline after the last.
    pub fn render(&self, style: &Style) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(width).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let lines = self.rows.iter().enumerate().map(|(number, row)| {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let colour = if number == 0 { Some("1") } else { cell.colour };
                match colour.filter(|_| style.colour && !cell.text.is_empty()) {
                    Some(code) => line.push_str(&format!("\x1b[{code}m{}\x1b[0m", shown(cell))),
                    None => line.push_str(shown(cell)),
                }
                if column + 1 < row.len() {
                    line.extend(std::iter::repeat_n(' ', widths[column] - self::width(cell) + GAP));
                }
            }
            line.trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Returns the text of a cell; an empty one is marked, so that columns can be counted by scripts.
fn shown(cell: &Cell) -> &str {
    if cell.text.is_empty() { "<none>" } else { &cell.text }
}

fn width(cell: &Cell) -> usize {
    shown(cell).chars().count()
}

/// Writes `name = value` lines, the equals signs below each other.
pub fn pairs<T: Into<Cell>>(style: &Style, pairs: impl IntoIterator<Item = (&'static str, T)>) -> String {
    let pairs: Vec<(&str, Cell)> = pairs.into_iter().map(|(name, value)| (name, value.into())).collect();
    let widest = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines = pairs.iter().map(|(name, value)| {
        let text = match value.colour.filter(|_| style.colour) {
            Some(code) => format!("\x1b[{code}m{}\x1b[0m", shown(value)),
            None => shown(value).to_owned(),
        };
        format!("{} = {text}", style.heading(&format!("{name:<widest$}")))
    });
    lines.collect::<Vec<_>>().join("\n")
}
