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
    /// How NULL is shown. A text of the same letters is put in quotes.
    pub null: &'static str,
}

/// Between two columns.
const GAP: &str = "  ";
/// Texts are not cut shorter than this.
const NARROWEST: usize = 8;

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
            _ => value.display(sql_type).to_string(),
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

/// How rows are written.
struct Form {
    names: Vec<String>,
    /// Numbers stand on the right and are never cut.
    are_numbers: Vec<bool>,
    arrangement: Arrangement,
    style: Style,
}

enum Arrangement {
    /// Below each other, in columns of these widths; cut to them or not.
    Columns { widths: Vec<usize>, cut: bool },
    /// Name and value on a line of their own; the widths of the names and of the values.
    Lists { names: usize, values: usize },
}

impl Form {
    fn of(columns: &[ResultColumn], sample: &[Vec<Cell>], layout: &Layout) -> Self {
        let names: Vec<String> = columns
            .iter()
            .map(|column| on_one_line(&column.name))
            .collect();
        let are_numbers: Vec<bool> = columns
            .iter()
            .map(|column| column.sql_type.is_number())
            .collect();
        let mut widths: Vec<usize> = names.iter().map(|name| measure_text_width(name)).collect();
        let longest_name = widths.iter().copied().max().unwrap_or_default();
        for row in sample {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width);
            }
        }
        let arrangement = match layout.width {
            None => Arrangement::Columns { widths, cut: false },
            Some(terminal) => match fit(&widths, &are_numbers, terminal) {
                Some(fitting) if layout.cut || fitting == widths => Arrangement::Columns {
                    widths: fitting,
                    cut: layout.cut,
                },
                _ if !layout.cut => Arrangement::Lists {
                    names: longest_name,
                    values: usize::MAX,
                },
                _ => Arrangement::Lists {
                    names: longest_name,
                    values: terminal
                        .saturating_sub(longest_name + GAP.len())
                        .max(NARROWEST),
                },
            },
        };
        Self {
            names,
            are_numbers,
            arrangement,
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
        for (index, ((name, width), is_number)) in self
            .names
            .iter()
            .zip(widths)
            .zip(&self.are_numbers)
            .enumerate()
        {
            let name = if *cut {
                cut_to(name, *width)
            } else {
                name.clone()
            };
            let padding = padding(measure_text_width(&name), *width);
            let name = self.style.bold(&name);
            push_aligned(&mut names, &name, &padding, *is_number, index == last);
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
        for (index, ((cell, width), is_number)) in
            row.iter().zip(widths).zip(&self.are_numbers).enumerate()
        {
            let must_cut = cut && !is_number && cell.width > *width;
            let (text, used) = if must_cut {
                let text = cut_to(&cell.text, *width);
                let used = measure_text_width(&text);
                (text, used)
            } else {
                (cell.shown(self.style), cell.width)
            };
            let padding = padding(used, *width);
            push_aligned(&mut line, &text, &padding, *is_number, index == last);
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
        for ((name, cell), is_number) in self.names.iter().zip(row).zip(&self.are_numbers) {
            let padding = padding(measure_text_width(name), names);
            let text = if cell.width > values && !is_number {
                cut_to(&cell.text, values)
            } else {
                cell.shown(self.style)
            };
            writeln!(out, "{}{padding}{GAP}{text}", self.style.bold(name))?;
        }
        Ok(())
    }
}

/// Numbers to the right, texts to the left; nothing behind the last text.
fn push_aligned(line: &mut String, text: &str, padding: &str, is_number: bool, is_last: bool) {
    if is_number {
        line.push_str(padding);
    }
    line.push_str(text);
    if !is_number && !is_last {
        line.push_str(padding);
    }
}

fn padding(used: usize, width: usize) -> String {
    " ".repeat(width.saturating_sub(used))
}

/// The widths with which a line fits into the terminal: the longest texts give way first. `None`
/// if that is not possible.
fn fit(widths: &[usize], are_numbers: &[bool], terminal: usize) -> Option<Vec<usize>> {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let bounded = |bound: usize| -> Vec<usize> {
        widths
            .iter()
            .zip(are_numbers)
            .map(|(&width, &is_number)| if is_number { width } else { width.min(bound) })
            .collect()
    };
    let is_fitting = |bound: usize| bounded(bound).iter().sum::<usize>() + gaps <= terminal;
    let widest = widths.iter().copied().max().unwrap_or_default();
    if is_fitting(widest) {
        return Some(widths.to_vec());
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
