//! A SELECT that was analysed: its arms and their columns, which can still be converted, and its text.

use super::collation::Collation;
use super::scope::Column;
use super::source::quoted;
use super::typed::{Form, Typed, unify};

/// A SELECT with the types of its columns, which can still be converted.
pub(super) struct Query {
    pub(super) with: String,
    pub(super) arms: Vec<Arm>,
    pub(super) tail: String,
    pub(super) columns: Vec<Column>,
}

/// One SELECT or VALUES of a compound.
pub(super) struct Arm {
    /// What joins it to the arm before it.
    pub(super) operator: &'static str,
    pub(super) body: Body,
}

pub(super) enum Body {
    Select {
        before: &'static str,
        items: Vec<Item>,
        after: String,
    },
    Values(Vec<Vec<Typed>>),
}

/// An entry of the list of columns.
pub(super) enum Item {
    One {
        value: Typed,
        name: String,
        naming: Naming,
    },
    Star {
        text: String,
        /// The columns with the texts that name each of them.
        columns: Vec<(Column, String)>,
    },
}

/// Where the name of a column comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// It was written.
    Alias,
    /// It is that of the column which is shown.
    Column,
    /// It is the text of the expression, which another text would change.
    Text,
}

impl Query {
    /// Whether a COLLATE stands within a column.
    pub(super) fn shows_collate(&self, at: usize) -> bool {
        let single = self.arms.iter().filter_map(|arm| arm.body.single(at));
        single.into_iter().any(Typed::has_collate)
    }

    /// The SELECT as text.
    pub(super) fn into_text(self) -> String {
        let mut text = self.with;
        for arm in self.arms {
            text.push_str(arm.operator);
            text.push_str(&arm.body.into_text());
        }
        text.push_str(&self.tail);
        text
    }
}

impl Body {
    fn into_text(self) -> String {
        match self {
            Self::Select {
                before,
                items,
                after,
            } => {
                let items: Vec<String> = items.into_iter().map(Item::into_text).collect();
                format!("{before}{}{after}", items.join(", "))
            }
            Self::Values(rows) => {
                let row = |row: Vec<Typed>| {
                    let values: Vec<String> = row.into_iter().map(Typed::into_text).collect();
                    format!("({})", values.join(", "))
                };
                let rows: Vec<String> = rows.into_iter().map(row).collect();
                format!("VALUES {}", rows.join(", "))
            }
        }
    }

    /// How many columns it has.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Select { items, .. } => items.iter().map(Item::len).sum(),
            Self::Values(rows) => rows.first().map_or(0, Vec::len),
        }
    }

    /// The columns with their types; of VALUES those that all rows have together.
    pub(super) fn columns(&self) -> Vec<Column> {
        match self {
            Self::Select { items, .. } => items.iter().flat_map(Item::columns).collect(),
            Self::Values(rows) => {
                let width = rows.first().map_or(0, Vec::len);
                (0..width).map(|at| column_of_values(rows, at)).collect()
            }
        }
    }
}

fn column_of_values(rows: &[Vec<Typed>], at: usize) -> Column {
    let cells = rows.iter().filter_map(move |row| row.get(at));
    Column {
        name: format!("column{}", at + 1),
        sql_type: unify(cells.clone()),
        nullable: cells.clone().any(|cell| cell.nullable),
        origin: None,
        collation: Collation::of_all(cells.clone()).name,
        hidden: false,
        of_json: cells.clone().any(|cell| cell.form == Form::Json),
    }
}

impl Item {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::One { value, naming, .. }
                if naming == Naming::Column && value.form == Form::Column =>
            {
                value.into_text()
            }
            Self::One { value, name, .. } => format!("{} AS {}", value.into_text(), quoted(&name)),
            Self::Star { text, .. } => text,
        }
    }

    /// Gives another name to a column.
    pub(super) fn rename(&mut self, to: &str) {
        if let Self::One { name, .. } = self {
            to.clone_into(name);
        }
    }

    /// How many columns it stands for.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One { .. } => 1,
            Self::Star { columns, .. } => columns.len(),
        }
    }

    /// The column by the alias that was written for it.
    pub(super) fn alias(&self) -> Option<Column> {
        match self {
            Self::One {
                naming: Naming::Alias,
                ..
            } => self.columns().pop(),
            _ => None,
        }
    }

    pub(super) fn columns(&self) -> Vec<Column> {
        match self {
            Self::One { value, name, .. } => vec![Column {
                name: name.clone(),
                sql_type: value.sql_type,
                nullable: value.nullable,
                origin: value.origin.clone(),
                collation: value.collation.name,
                hidden: false,
                of_json: value.form == Form::Json,
            }],
            Self::Star { columns, .. } => {
                columns.iter().map(|(column, _)| column.clone()).collect()
            }
        }
    }
}

impl Body {
    /// A column, if it is one expression.
    pub(super) fn single(&self, at: usize) -> Option<&Typed> {
        match self {
            Self::Values(rows) => match rows.as_slice() {
                [row] => row.get(at),
                _ => None,
            },
            Self::Select { items, .. } => {
                let single = items.iter().all(|item| matches!(item, Item::One { .. }));
                match items.get(at) {
                    Some(Item::One { value, .. }) if single => Some(value),
                    _ => None,
                }
            }
        }
    }
}
