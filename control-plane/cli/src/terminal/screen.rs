//! What a command prints to: how wide it is, whether it has colours, and where the links of its pages lead.

use std::io::IsTerminal;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets::NOTHING,
};
use crossterm::style::force_color_output;

/// A blank on each side of a cell.
const PADDING: u16 = 2;
/// Columns in which a text can still be read.
const LEAST_TEXT: u16 = 16;

/// A terminal, or whatever a command is piped into.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    /// Columns of the terminal, or `None` for a pipe, which takes lines as long as they are.
    pub(crate) width: Option<u16>,
    /// Whether to colour.
    pub(crate) color: bool,
    /// The control plane's address.
    url: String,
}

impl Screen {
    /// Standard output, for answers of the control plane at `url`. Whether to colour, if it is not said, follows from what standard
    /// output is and from `NO_COLOR` (<https://no-color.org>).
    pub(crate) fn of_stdout(url: &str, color: Option<bool>) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let wanted = || terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let size = terminal.then(terminal_size::terminal_size).flatten();
        let color = color.unwrap_or_else(wanted);
        // The library looks at `NO_COLOR` too, and what was said goes first.
        force_color_output(color);
        Self::new(size.map(|(width, _)| width.0), color, url)
    }

    pub(crate) fn new(width: Option<u16>, color: bool, url: &str) -> Self {
        Self { width, color, url: url.trim_end_matches('/').to_owned() }
    }

    /// The address of a page of the control plane, or of whatever else its path leads to.
    pub(crate) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// An empty table that fits the screen: where it is too narrow, texts break into several lines.
    pub(crate) fn table<const N: usize>(&self, header: [&str; N]) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING).force_no_tty().set_header(header);
        if self.color {
            table.enforce_styling().style_text_only();
        }
        if let Some(width) = self.width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        table
    }

    /// The table with its rows as text. `whole` columns do not break: numbers, and ids that are copied. Where the others would have no room, those
    /// that one can do without are left out, the first of `can_go` first.
    pub(crate) fn draw(&self, mut table: Table, whole: &[usize], can_go: &[usize]) -> String {
        let Some(width) = self.width else { return table.trim_fmt() };
        let least: Vec<u16> = table
            .column_max_content_widths()
            .into_iter()
            .enumerate()
            .map(
                |(index, content)| {
                    if whole.contains(&index) { unbroken(&table, index) } else { content.min(LEAST_TEXT) }
                },
            )
            .collect();
        let mut columns: Vec<usize> = (0..least.len()).collect();
        for index in can_go {
            let needed: u16 = columns.iter().map(|column| least[*column] + PADDING).sum();
            if needed > width {
                columns.retain(|column| column != index);
            }
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            if !columns.contains(&index) {
                column.set_constraint(ColumnConstraint::Hidden);
            } else if whole.contains(&index) {
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(least[index] + PADDING)));
            }
        }
        table.trim_fmt()
    }
}

/// Columns that a column of a table needs if its cells do not break, and its header only between words.
fn unbroken(table: &Table, index: usize) -> u16 {
    let header = table.header().and_then(|row| row.cell_iter().nth(index));
    let words = header
        .into_iter()
        .flat_map(|cell| cell.content().split_whitespace().map(|word| word.chars().count()).collect::<Vec<_>>());
    let cells = table.row_iter().filter_map(|row| row.cell_iter().nth(index));
    let cells = cells.flat_map(|cell| cell.content().lines().map(|line| line.chars().count()).collect::<Vec<_>>());
    words.chain(cells).max().and_then(|width| u16::try_from(width).ok()).unwrap_or_default()
}

/// A number: it stands on the right.
pub(crate) fn number(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// The cell, in red if it is what is wrong in its row.
pub(crate) fn at_fault(cell: Cell, is_at_fault: bool) -> Cell {
    if is_at_fault { cell.fg(Color::Red).add_attribute(Attribute::Bold) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a sentence that is longer than there is room for on a narrow screen";

    fn drawn(width: Option<u16>, color: bool) -> String {
        let screen = Screen::new(width, color, "http://127.0.0.1:4318/");
        let mut table = screen.table(["name", "what", "more", "number"]);
        let failed = at_fault(number("17.0 %".to_owned()), true);
        table.add_row([Cell::new("cirrus"), Cell::new(TEXT), Cell::new("more than enough"), failed]);
        screen.draw(table, &[0, 3], &[2])
    }

    #[test]
    fn a_table_is_as_wide_as_its_terminal_and_a_pipe_gets_it_whole() {
        let narrow = drawn(Some(40), false);
        assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
        assert!(narrow.contains("cirrus") && narrow.contains("17.0 %") && !narrow.contains("more"), "{narrow}");
        let words: Vec<&str> = narrow.split_whitespace().collect();
        assert!(TEXT.split(' ').all(|word| words.contains(&word)), "no word is lost: {narrow}");
        let piped = drawn(None, false);
        assert!(piped.contains(TEXT) && piped.contains("more than enough") && !piped.contains('\x1b'), "{piped}");
    }

    #[test]
    fn the_cell_at_fault_is_red_and_no_other() {
        force_color_output(true);
        let colored = drawn(None, true);
        let red = colored.split('\x1b').filter(|part| part.contains("17.0 %")).count();
        assert!(red == 1 && !colored.split('\x1b').skip(1).any(|part| part.contains("cirrus")), "{colored:?}");
    }

    #[test]
    fn links_are_addresses() {
        let screen = Screen::new(None, false, "http://127.0.0.1:4318/");
        assert_eq!(screen.link("/tenants"), "http://127.0.0.1:4318/tenants");
    }
}
