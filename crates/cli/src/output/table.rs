//! Aligned columns. The widths come from the first rows; the rest streams through.

use std::io::{self, Write};

use apilink_sql::types::SqlType;
use apilink_sql::{ResultColumn, ValueRef};
use console::measure_text_width;

use super::{ROWS_AT_ONCE, each_row};
use crate::failure::Outcome;
use crate::rows::RowSource;
use crate::terminal::{Style, on_one_line};

/// What the rows have to fit into.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The width of the terminal; `None`: no bound.
    pub width: Option<usize>,
    /// Its colours.
    pub style: Style,
    /// Long texts may be cut.
    pub cut: bool,
    /// But not those of so many columns from the left.
    pub whole: usize,
    /// How NULL is shown. A text of the same letters is put in quotes.
    pub null: &'static str,
}

/// Between two columns.
const GAP: &str = "  ";
/// Texts are not cut shorter than this.
const NARROWEST: usize = 8;

/// How a column stands in a line.
#[derive(Clone, Copy)]
struct Kind {
    /// Numbers stand on the right.
    is_number: bool,
    /// The beginning of a text is worth something; that of a number or a date is not.
    is_text: bool,
}

impl Kind {
    fn of(sql_type: SqlType) -> Self {
        Self {
            is_number: sql_type.is_number(),
            is_text: matches!(sql_type, SqlType::Varchar { .. } | SqlType::Varbinary),
        }
    }
}

/// Writes all rows: below each other, or, where not even narrow columns fit into a line, each
/// row as a list of its values.
pub fn write(source: &mut dyn RowSource, layout: &Layout, out: &mut dyn Write) -> Outcome {
    let columns = source.columns().to_vec();
    let mut sample = Vec::new();
    let mut failure = None;
    while sample.len() < ROWS_AT_ONCE {
        match source.advance() {
            Ok(true) => sample.push(cells(source, &columns, layout.null)),
            Ok(false) => break,
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    if let (Some(failure), true) = (&failure, sample.is_empty()) {
        return Err(failure.clone().into());
    }
    let form = Form::of(&columns, &sample, layout);
    form.write_head(out)?;
    for (index, row) in sample.iter().enumerate() {
        form.write_row(out, index + 1, row)?;
    }
    out.flush()?;
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    let mut count = sample.len();
    drop(sample);
    each_row(
        source,
        out,
        |_| Ok(()),
        |out, row| {
            count += 1;
            form.write_row(out, count, &cells(row, &columns, layout.null))
        },
    )
}

/// A value as it is shown.
struct Cell {
    text: String,
    is_null: bool,
    width: usize,
}

fn cells(row: &dyn RowSource, columns: &[ResultColumn], null: &str) -> Vec<Cell> {
    columns
        .iter()
        .enumerate()
        .map(|(at, column)| Cell::of(row.value(at), column.sql_type, null))
        .collect()
}

impl Cell {
    fn of(value: ValueRef<'_>, sql_type: SqlType, null: &str) -> Self {
        let text = match value {
            ValueRef::Null => null.to_owned(),
            ValueRef::Text(text) if text == null && !null.is_empty() => format!("\"{text}\""),
            ValueRef::Text(text) => on_one_line(text),
            _ => with_two_places(value.display(sql_type).to_string(), sql_type),
        };
        Self {
            width: measure_text_width(&text),
            text,
            is_null: value == ValueRef::Null,
        }
    }

    fn shown(&self, style: Style) -> String {
        if self.is_null {
            style.dim(&self.text)
        } else {
            self.text.clone()
        }
    }
}

/// An amount with at least two places, so that the points of amounts stand below each other.
fn with_two_places(mut text: String, sql_type: SqlType) -> String {
    if !matches!(sql_type, SqlType::Decimal { .. }) {
        return text;
    }
    let places = text.split_once('.').map(|(_, places)| places.len());
    text.push_str(match places {
        None => ".00",
        Some(1) => "0",
        Some(_) => "",
    });
    text
}

/// How rows are written.
struct Form {
    names: Vec<String>,
    kinds: Vec<Kind>,
    arrangement: Arrangement,
    /// So many columns from the left are never cut.
    whole: usize,
    style: Style,
}

enum Arrangement {
    /// Below each other, in columns of these widths; cut to them or not.
    Columns { widths: Vec<usize>, cut: bool },
    /// Name and value on a line of their own; the widths of the names and of the values. A longer
    /// name has a line of its own, above that of the value.
    Lists { names: usize, values: usize },
}

impl Arrangement {
    /// Names that would take more than half of the terminal leave the room to the values.
    fn lists(of_names: &[usize], terminal: usize, cut: bool) -> Self {
        let short = of_names.iter().filter(|&&width| width <= terminal / 2);
        let names = short.max().copied().unwrap_or_default();
        let left = terminal.saturating_sub(names + GAP.len());
        Self::Lists {
            names,
            values: if cut { left.max(NARROWEST) } else { usize::MAX },
        }
    }
}

impl Form {
    fn of(columns: &[ResultColumn], sample: &[Vec<Cell>], layout: &Layout) -> Self {
        let names: Vec<String> = columns
            .iter()
            .map(|column| on_one_line(&column.name))
            .collect();
        let kinds: Vec<Kind> = columns
            .iter()
            .map(|column| Kind::of(column.sql_type))
            .collect();
        let of_names: Vec<usize> = names.iter().map(|name| measure_text_width(name)).collect();
        let columns = of_names.iter().zip(&kinds).enumerate();
        let widths: Vec<Widths> = columns
            .map(|(at, (&name, &kind))| Widths::of(name, kind, sample, at))
            .collect();
        let full: Vec<usize> = widths.iter().map(|widths| widths.full).collect();
        let arrangement = match layout.width {
            None => Arrangement::Columns {
                widths: full,
                cut: false,
            },
            Some(terminal) => match fit_whole(&widths, layout.whole, terminal) {
                Some(fitting) if layout.cut || fitting == full => Arrangement::Columns {
                    widths: fitting,
                    cut: layout.cut,
                },
                _ => Arrangement::lists(&of_names, terminal, layout.cut),
            },
        };
        Self {
            names,
            kinds,
            arrangement,
            whole: layout.whole,
            style: layout.style,
        }
    }

    fn write_head(&self, out: &mut dyn Write) -> io::Result<()> {
        let Arrangement::Columns { widths, cut } = &self.arrangement else {
            return Ok(());
        };
        let mut names = String::new();
        let mut rules = String::new();
        let last = widths.len().saturating_sub(1);
        for (index, ((name, width), kind)) in
            self.names.iter().zip(widths).zip(&self.kinds).enumerate()
        {
            let name = if *cut {
                cut_to(name, *width)
            } else {
                name.clone()
            };
            let padding = padding(measure_text_width(&name), *width);
            let name = self.style.bold(&name);
            push_aligned(&mut names, &name, &padding, *kind, index == last);
            rules.push_str(&"-".repeat(*width));
            if index < last {
                names.push_str(GAP);
                rules.push_str(GAP);
            }
        }
        writeln!(out, "{names}\n{}", self.style.dim(&rules))
    }

    fn write_row(&self, out: &mut dyn Write, number: usize, row: &[Cell]) -> io::Result<()> {
        match &self.arrangement {
            Arrangement::Columns { widths, cut } => self.write_line(out, row, widths, *cut),
            Arrangement::Lists { names, values } => {
                self.write_list(out, number, row, *names, *values)
            }
        }
    }

    fn write_line(
        &self,
        out: &mut dyn Write,
        row: &[Cell],
        widths: &[usize],
        cut: bool,
    ) -> io::Result<()> {
        let mut line = String::new();
        let last = widths.len().saturating_sub(1);
        for (index, ((cell, width), kind)) in row.iter().zip(widths).zip(&self.kinds).enumerate() {
            let is_too_long = cut && kind.is_text && cell.width > *width;
            let (text, used) = if is_too_long && index < self.whole {
                // The rest of the line follows below.
                let before: usize = widths
                    .iter()
                    .take(index)
                    .map(|width| width + GAP.len())
                    .sum();
                let text = cell.shown(self.style);
                (format!("{text}\n{}", " ".repeat(before)), 0)
            } else if is_too_long {
                let text = cut_to(&cell.text, *width);
                let used = measure_text_width(&text);
                (text, used)
            } else {
                (cell.shown(self.style), cell.width)
            };
            let padding = padding(used, *width);
            push_aligned(&mut line, &text, &padding, *kind, index == last);
            if index < last {
                line.push_str(GAP);
            }
        }
        writeln!(out, "{line}")
    }

    fn write_list(
        &self,
        out: &mut dyn Write,
        number: usize,
        row: &[Cell],
        names: usize,
        values: usize,
    ) -> io::Result<()> {
        let title = format!("--- row {number} ---");
        writeln!(out, "{}", self.style.dim(title))?;
        for ((name, cell), kind) in self.names.iter().zip(row).zip(&self.kinds) {
            let text = if cell.width > values && kind.is_text {
                cut_to(&cell.text, values)
            } else {
                cell.shown(self.style)
            };
            let mut used = measure_text_width(name);
            write!(out, "{}", self.style.bold(name))?;
            if used > names {
                writeln!(out)?;
                used = 0;
            }
            writeln!(out, "{}{GAP}{text}", padding(used, names))?;
        }
        Ok(())
    }
}

/// Numbers to the right, texts to the left; nothing behind the last text.
fn push_aligned(line: &mut String, text: &str, padding: &str, kind: Kind, is_last: bool) {
    if kind.is_number {
        line.push_str(padding);
    }
    line.push_str(text);
    if !kind.is_number && !is_last {
        line.push_str(padding);
    }
}

fn padding(used: usize, width: usize) -> String {
    " ".repeat(width.saturating_sub(used))
}

/// How wide a column wants to be, and has to be.
#[derive(Clone, Copy)]
struct Widths {
    full: usize,
    least: usize,
}

impl Widths {
    /// For the column `at` of the sample, with a name of this width.
    fn of(name: usize, kind: Kind, sample: &[Vec<Cell>], at: usize) -> Self {
        let cells = sample.iter().filter_map(|row| row.get(at));
        let values = cells.map(|cell| cell.width).max().unwrap_or_default();
        let full = name.max(values);
        let least = match kind {
            Kind {
                is_number: true, ..
            } => full,
            Kind { is_text: true, .. } => full.min(NARROWEST),
            // Dates and the like: their names give way.
            _ => values.max(full.min(NARROWEST)),
        };
        Self { full, least }
    }
}

/// The same, where the first columns are not cut: these get half of the terminal, or less if the
/// others need it. What is longer has a line of its own.
fn fit_whole(widths: &[Widths], whole: usize, terminal: usize) -> Option<Vec<usize>> {
    [2, 3, 4].into_iter().find_map(|part| {
        let mut widths = widths.to_vec();
        for widths in widths.iter_mut().take(whole) {
            widths.least = widths.full.min(terminal / part);
        }
        fit(&widths, terminal)
    })
}

/// The widths with which a line fits into the terminal: the longest texts give way first. `None`
/// if that is not possible.
fn fit(widths: &[Widths], terminal: usize) -> Option<Vec<usize>> {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let bounded = |bound: usize| -> Vec<usize> {
        let bounded = |widths: &Widths| widths.full.min(bound.max(widths.least));
        widths.iter().map(bounded).collect()
    };
    let is_fitting = |bound: usize| bounded(bound).iter().sum::<usize>() + gaps <= terminal;
    let widest = widths.iter().map(|widths| widths.full).max();
    let widest = widest.unwrap_or_default();
    if is_fitting(widest) {
        return Some(bounded(widest));
    }
    if !is_fitting(NARROWEST) {
        return None;
    }
    // The largest bound that fits lies between these two.
    let (mut fits, mut too_wide) = (NARROWEST, widest);
    while too_wide - fits > 1 {
        let middle = fits.midpoint(too_wide);
        if is_fitting(middle) {
            fits = middle;
        } else {
            too_wide = middle;
        }
    }
    Some(bounded(fits))
}

/// The beginning of a text, with … at its end, as wide as `width` at most.
fn cut_to(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    let mut buffer = [0; 4];
    for c in text.chars() {
        used += measure_text_width(c.encode_utf8(&mut buffer));
        if used > width {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}
