//! Scopes: which columns a name can mean in a place, and the nearest names where it means none.

use std::rc::Rc;
use std::sync::Arc;

use super::collation::Name;
use super::source::quoted;
use crate::catalog::{Catalog, TableShape};
use crate::types::SqlType;

/// A column of a subquery, of a common table expression or of a table function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) sql_type: Option<SqlType>,
    pub(super) nullable: bool,
    pub(super) origin: Option<(String, String)>,
    /// How its texts compare.
    pub(super) collation: Name,
    /// Not a part of `*`.
    pub(super) hidden: bool,
    /// Its values come out of JSON: they are of any type, whatever its own says.
    pub(super) of_json: bool,
}

/// What a FROM clause reads.
#[derive(Clone, Debug)]
pub(super) enum Rows {
    Table(Arc<TableShape>),
    Derived(Rc<[Column]>),
}

/// One table, subquery or table function of a FROM clause.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    /// The alias or the name; empty for a subquery without one.
    pub(super) name: String,
    /// The name that it has in the text for `SQLite`.
    pub(super) qualifier: String,
    pub(super) rows: Rows,
    /// An outer join can fill its columns with NULL.
    pub(super) outer: bool,
    /// The columns that USING or NATURAL has merged into one further left.
    pub(super) merged: Vec<usize>,
    /// The columns whose bare name means something else since they were merged with one further
    /// right.
    pub(super) joined: Vec<Joined>,
}

/// A column that USING or NATURAL has merged with one further right.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    pub(super) at: usize,
    /// What the bare name means.
    pub(super) text: String,
    /// It can be that of the right side: a RIGHT or FULL JOIN. Whether NULL remains possible.
    pub(super) coalesced: Option<bool>,
    pub(super) collation: Name,
    /// The join is written with ON, so that the bare name is none to `SQLite`.
    pub(super) is_spelled: bool,
}

/// What names mean in one SELECT.
pub(super) struct Scope<'a> {
    pub(super) relations: Vec<Relation>,
    /// The columns of the result, where ORDER BY and its like can name them.
    pub(super) aliases: Vec<Column>,
    pub(super) parent: Option<&'a Scope<'a>>,
    pub(super) ctes: &'a Ctes<'a>,
}

/// The common table expressions that can be read in a place.
pub(super) struct Ctes<'a> {
    pub(super) known: Vec<(String, Rc<[Column]>)>,
    pub(super) parent: Option<&'a Ctes<'a>>,
}

/// What a name turned out to be.
pub(super) enum Found {
    /// A column of a relation of this or of an outer scope, and what has to be written for it, if
    /// its name is none to `SQLite`.
    Column(Column, Option<String>),
    /// A column of the result, by its alias.
    Alias(Column),
    /// Nothing.
    Nothing,
    /// Several columns, of these relations.
    Several(Vec<String>),
}

impl Relation {
    pub(super) fn new(name: String, rows: Rows) -> Self {
        Self {
            qualifier: name.clone(),
            name,
            rows,
            outer: false,
            merged: Vec::new(),
            joined: Vec::new(),
        }
    }

    /// Whether it is the table of this name under another one, which is the only one that counts.
    pub(super) fn is_alias_of(&self, table: &str) -> bool {
        matches!(&self.rows, Rows::Table(shape) if shape.name.eq_ignore_ascii_case(table))
            && !self.name.eq_ignore_ascii_case(table)
    }

    pub(super) fn len(&self) -> usize {
        match &self.rows {
            Rows::Table(table) => table.columns.len(),
            Rows::Derived(columns) => columns.len(),
        }
    }

    /// The position of a column.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        match &self.rows {
            Rows::Table(table) => table.column(name),
            Rows::Derived(columns) => columns
                .iter()
                .position(|column| column.name.eq_ignore_ascii_case(name)),
        }
    }

    /// A column, as its own rows say.
    pub(super) fn column(&self, at: usize) -> Option<Column> {
        let mut column = match &self.rows {
            Rows::Table(table) => of_table(table, at)?,
            Rows::Derived(columns) => columns.get(at)?.clone(),
        };
        column.nullable |= self.outer;
        Some(column)
    }

    /// A column by its bare name, as a USING or NATURAL join further right has left it.
    pub(super) fn joined_column(&self, at: usize) -> Option<Column> {
        let mut column = self.column(at)?;
        if let Some(joined) = self.joined(at) {
            column.collation = joined.collation;
            if let Some(nullable) = joined.coalesced {
                column.nullable = nullable;
                column.origin = None;
            }
        }
        Some(column)
    }

    /// Whether a join of it is written with ON in place of USING.
    pub(super) fn is_spelled(&self) -> bool {
        self.joined.iter().any(|joined| joined.is_spelled)
    }

    pub(super) fn joined(&self, at: usize) -> Option<&Joined> {
        self.joined.iter().find(|joined| joined.at == at)
    }

    /// What the bare name of a column has to be written as, if it is none to `SQLite`.
    pub(super) fn spelled(&self, at: usize) -> Option<&str> {
        let joined = self.joined(at).filter(|joined| joined.is_spelled)?;
        Some(&joined.text)
    }

    /// What the bare name of a column means.
    pub(super) fn meaning(&self, at: usize) -> String {
        let name = || {
            let column = self.column(at).map(|column| column.name);
            let column = quoted(&column.unwrap_or_default());
            format!("{}.{column}", quoted(&self.qualifier))
        };
        self.joined(at)
            .map_or_else(name, |joined| joined.text.clone())
    }

    /// The columns of `*` with the texts that name each of them alone.
    pub(super) fn star(&self, qualified: bool) -> Vec<(Column, String)> {
        let alone = |at: usize| !self.merged.contains(&at) || qualified;
        (0..self.len())
            .filter(|&at| alone(at))
            .filter_map(|at| {
                let column = if qualified {
                    self.column(at)?
                } else {
                    self.joined_column(at)?
                };
                let text = self.text_of(at, &column.name, qualified);
                (!column.hidden).then_some((column, text))
            })
            .collect()
    }

    fn text_of(&self, at: usize, column: &str, qualified: bool) -> String {
        if !qualified && let Some(text) = self.spelled(at) {
            return text.to_owned();
        }
        if self.name.is_empty() || (!qualified && self.joined(at).is_some()) {
            return quoted(column);
        }
        format!("{}.{}", quoted(&self.name), quoted(column))
    }

    /// The table whose columns are not all known, if it is one.
    pub(super) fn incomplete(&self) -> Option<&TableShape> {
        match &self.rows {
            Rows::Table(table) if table.custom_fields_unknown => Some(table),
            _ => None,
        }
    }

    fn names(&self) -> Vec<&str> {
        match &self.rows {
            Rows::Table(table) => table.columns.iter().map(|c| c.name.as_str()).collect(),
            Rows::Derived(columns) => columns.iter().map(|c| c.name.as_str()).collect(),
        }
    }
}

fn of_table(table: &TableShape, at: usize) -> Option<Column> {
    let column = table.columns.get(at)?;
    Some(Column {
        name: column.name.clone(),
        sql_type: Some(column.sql_type),
        nullable: column.nullable,
        origin: Some((table.name.clone(), column.name.clone())),
        collation: Name::of(column.ignore_case),
        hidden: column.hidden,
        of_json: false,
    })
}

impl<'a> Scope<'a> {
    pub(super) fn new(parent: Option<&'a Scope<'a>>, ctes: &'a Ctes<'a>) -> Self {
        Self {
            relations: Vec::new(),
            aliases: Vec::new(),
            parent,
            ctes,
        }
    }

    /// This scope and those around it, from the inside to the outside.
    pub(super) fn outward(&self) -> impl Iterator<Item = &Scope<'a>> {
        std::iter::successors(Some(self), |scope| {
            scope.parent.map(|parent| parent as &Scope)
        })
    }

    /// What a bare name means.
    pub(super) fn find(&self, name: &str) -> Found {
        for scope in self.outward() {
            match scope.find_here(name) {
                Found::Nothing => {}
                found => return found,
            }
        }
        Found::Nothing
    }

    fn find_here(&self, name: &str) -> Found {
        let mut found: Vec<(&Relation, usize)> = Vec::new();
        for relation in &self.relations {
            if let Some(at) = relation.position(name)
                && !relation.merged.contains(&at)
            {
                found.push((relation, at));
            }
        }
        match found.as_slice() {
            [] => self.find_alias(name),
            [(relation, at)] => relation
                .joined_column(*at)
                .map_or(Found::Nothing, |column| {
                    Found::Column(column, relation.spelled(*at).map(str::to_owned))
                }),
            several => Found::Several(
                several
                    .iter()
                    .map(|(relation, _)| relation.name.clone())
                    .collect(),
            ),
        }
    }

    fn find_alias(&self, name: &str) -> Found {
        self.alias(name)
            .map_or_else(|| self.find_rowid(name), Found::Alias)
    }

    /// A column of the result by its name.
    pub(super) fn alias(&self, name: &str) -> Option<Column> {
        let fits = |column: &&Column| column.name.eq_ignore_ascii_case(name);
        self.aliases.iter().find(fits).cloned()
    }

    fn find_rowid(&self, name: &str) -> Found {
        match self.relations.as_slice() {
            [relation] => {
                rowid(relation, name).map_or(Found::Nothing, |column| Found::Column(column, None))
            }
            _ => Found::Nothing,
        }
    }

    /// The relations with a name, of the innermost scope that has one.
    pub(super) fn relations_named(&self, name: &str) -> Vec<&Relation> {
        let named = |relation: &&Relation| relation.name.eq_ignore_ascii_case(name);
        self.outward()
            .map(|scope| scope.relations.iter().filter(named).collect::<Vec<_>>())
            .find(|relations| !relations.is_empty())
            .unwrap_or_default()
    }

    /// The names nearest to one that is no column.
    pub(super) fn nearest_columns(&self, name: &str) -> Vec<String> {
        let names = self
            .outward()
            .flat_map(|scope| scope.relations.iter().flat_map(Relation::names));
        nearest(name, names)
    }

    /// The common table expression with a name.
    pub(super) fn cte(&self, name: &str) -> Option<Rc<[Column]>> {
        self.ctes.find(name)
    }
}

impl Ctes<'_> {
    fn find(&self, name: &str) -> Option<Rc<[Column]>> {
        std::iter::successors(Some(self), |ctes| ctes.parent.map(|parent| parent as &Ctes))
            .flat_map(|ctes| ctes.known.iter().rev())
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, columns)| Rc::clone(columns))
    }
}

/// The number of a row, which every table has.
pub(super) fn rowid(relation: &Relation, name: &str) -> Option<Column> {
    let is_rowid = ["rowid", "_rowid_", "oid"]
        .iter()
        .any(|rowid| rowid.eq_ignore_ascii_case(name));
    (is_rowid && matches!(relation.rows, Rows::Table(_))).then(|| Column {
        name: "rowid".to_owned(),
        sql_type: Some(SqlType::Bigint),
        nullable: relation.outer,
        origin: None,
        collation: Name::Binary,
        hidden: true,
        of_json: false,
    })
}

/// The tables with the nearest names.
pub(super) fn nearest_tables(catalog: &Catalog, name: &str) -> Vec<String> {
    nearest(
        name,
        catalog.tables().iter().map(|table| table.name.as_str()),
    )
}

/// At most three names near to one, the nearest first.
pub(super) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    const ENOUGH: f64 = 0.8;
    /// Beside a name that is hit but for a letter, the others are noise.
    const CLOSE: f64 = 0.1;
    let name = name.to_ascii_lowercase();
    let mut near: Vec<(f64, &str)> = names
        .map(|other| {
            (
                strsim::jaro_winkler(&name, &other.to_ascii_lowercase()),
                other,
            )
        })
        .filter(|(likeness, _)| *likeness >= ENOUGH)
        .collect();
    near.sort_by(|(a, left), (b, right)| b.total_cmp(a).then(left.cmp(right)));
    near.dedup_by(|(_, left), (_, right)| left == right);
    let best = near.first().map_or(0.0, |(likeness, _)| *likeness);
    near.retain(|(likeness, _)| best - likeness <= CLOSE);
    near.into_iter()
        .take(3)
        .map(|(_, name)| name.to_owned())
        .collect()
}
