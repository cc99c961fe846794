//! FROM clauses: which tables a name can mean, and which rows an outer join can fill with NULL.

use apilink_core::profile::tables::FilterOperator;

use super::tokens::{Span, Tokens};
use crate::catalog::{Catalog, ColumnShape, TableShape, TableSource};
use crate::dialect::lexer::TokenKind;

/// The names of common table expressions, which hide tables.
pub(super) struct Ctes<'a> {
    pub(super) names: Vec<String>,
    pub(super) parent: Option<&'a Ctes<'a>>,
}

impl Ctes<'_> {
    fn hide(&self, name: &str) -> bool {
        std::iter::successors(Some(self), |ctes| ctes.parent.map(|parent| parent as &Ctes))
            .flat_map(|ctes| &ctes.names)
            .any(|hidden| hidden.eq_ignore_ascii_case(name))
    }
}

/// One table or subquery of a FROM clause.
pub(super) struct Relation<'c> {
    /// The alias or the name; empty for a subquery without one.
    pub(super) name: String,
    /// The table, if it is one of the catalogue.
    pub(super) table: Option<&'c TableShape>,
    /// An outer join can fill its columns with NULL.
    pub(super) is_nullable: bool,
}

/// The condition of a join.
pub(super) struct On {
    pub(super) condition: Span,
    /// It is true of every row of the FROM clause.
    pub(super) is_certain: bool,
}

/// An entry of the FROM clause with the join in front of it.
pub(super) struct Entry {
    pub(super) span: Span,
    pub(super) join: Join,
    pub(super) on: Option<Span>,
    /// A table function, which may use what stands before it, or tables in brackets.
    pub(super) is_special: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Join {
    pub(super) is_left: bool,
    pub(super) is_right: bool,
    merges: bool,
}

/// A FROM clause.
pub(super) struct From<'c> {
    pub(super) relations: Vec<Relation<'c>>,
    pub(super) conditions: Vec<On>,
    pub(super) entries: Vec<Entry>,
    /// It has a RIGHT or FULL JOIN.
    pub(super) has_right: bool,
    /// USING or NATURAL: a bare name can mean two columns.
    merges: bool,
}

/// A column of a relation, by their positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) relation: usize,
    pub(super) column: usize,
}

impl<'c> From<'c> {
    /// Reads a FROM clause; `None` where it has a form that is not known.
    pub(super) fn parse(
        tokens: &Tokens,
        span: &Span,
        catalog: &'c Catalog,
        ctes: &Ctes,
    ) -> Option<Self> {
        let mut parser = Parser {
            tokens,
            catalog,
            ctes,
            at: span.start,
            end: span.end,
            from: Self {
                relations: Vec::new(),
                conditions: Vec::new(),
                entries: Vec::new(),
                has_right: false,
                merges: false,
            },
        };
        parser.from.entries = parser.list(span.end)?;
        Some(parser.from)
    }

    /// The column of a catalogue table that `name` or `table.name` means, if it is one.
    pub(super) fn resolve(&self, tokens: &Tokens, span: &Span) -> Option<Column> {
        let (qualifier, name) = split_name(tokens, span)?;
        if qualifier.is_none() && self.merges {
            return None;
        }
        let mut found =
            self.relations
                .iter()
                .enumerate()
                .filter(|(_, relation)| match &qualifier {
                    Some(qualifier) => relation.name.eq_ignore_ascii_case(qualifier),
                    // The statement is valid: a subquery beside has no column of that name.
                    None => relation
                        .table
                        .is_some_and(|table| table.column(&name).is_some()),
                });
        let (at, relation) = found.next()?;
        let column = Column {
            relation: at,
            column: relation.table?.column(&name)?,
        };
        found.next().is_none().then_some(column)
    }

    /// Whether `name` or `table.name` may mean a column of this FROM clause.
    pub(super) fn may_have(&self, tokens: &Tokens, span: &Span) -> bool {
        let Some((qualifier, name)) = split_name(tokens, span) else {
            return true;
        };
        self.relations.iter().any(|relation| match &qualifier {
            Some(qualifier) => relation.name.eq_ignore_ascii_case(qualifier),
            None => relation
                .table
                .is_none_or(|table| table.column(&name).is_some()),
        })
    }

    /// What `*` stands for, table by table; `None` where it is not just their columns, or one has no
    /// name of its own.
    pub(super) fn all_columns(&self) -> Option<String> {
        let mut known: Vec<String> = Vec::new();
        for relation in &self.relations {
            let name = relation.name.to_ascii_lowercase();
            if self.merges || name.is_empty() || known.contains(&name) {
                return None;
            }
            known.push(name);
        }
        let columns = self.relations.iter().map(|relation| {
            let name = relation.name.replace('"', "\"\"");
            format!("\"{name}\".*")
        });
        Some(columns.collect::<Vec<_>>().join(", "))
    }

    pub(super) fn table(&self, column: Column) -> Option<&'c TableShape> {
        self.relations.get(column.relation)?.table
    }

    pub(super) fn shape(&self, column: Column) -> Option<&'c ColumnShape> {
        self.table(column)?.columns.get(column.column)
    }

    /// Whether the service can compare a column in this way.
    pub(super) fn can_filter(&self, column: Column, operator: FilterOperator) -> bool {
        let (Some(table), Some(shape)) = (self.table(column), self.shape(column)) else {
            return false;
        };
        let TableSource::Service(source) = &table.source else {
            return false;
        };
        source.filters.iter().any(|filter| {
            filter.operator == operator && filter.column.eq_ignore_ascii_case(&shape.name)
        })
    }

    pub(super) fn is_nullable(&self, column: Column) -> bool {
        self.relations
            .get(column.relation)
            .is_none_or(|relation| relation.is_nullable)
    }
}

/// Whether two columns compare with a third value in the same way.
pub(super) fn compare_alike(a: &ColumnShape, b: &ColumnShape) -> bool {
    std::mem::discriminant(&a.sql_type) == std::mem::discriminant(&b.sql_type)
        && a.ignore_case == b.ignore_case
}

/// The parts of `name` or `table.name`.
fn split_name<'s>(
    tokens: &Tokens<'s>,
    span: &Span,
) -> Option<(Option<std::borrow::Cow<'s, str>>, std::borrow::Cow<'s, str>)> {
    match span.len() {
        1 => Some((None, tokens.name(span.start)?)),
        3 if tokens.kind(span.start + 1) == Some(TokenKind::Dot) => {
            Some((Some(tokens.name(span.start)?), tokens.name(span.start + 2)?))
        }
        _ => None,
    }
}

struct Parser<'t, 's, 'c> {
    tokens: &'t Tokens<'s>,
    catalog: &'c Catalog,
    ctes: &'t Ctes<'t>,
    at: usize,
    end: usize,
    from: From<'c>,
}

impl<'c> Parser<'_, '_, 'c> {
    /// Entries with joins between them, up to `end`.
    fn list(&mut self, end: usize) -> Option<Vec<Entry>> {
        let relations = self.from.relations.len();
        let conditions = self.from.conditions.len();
        let mut entries = vec![self.entry(Join::default())?];
        while self.at < end {
            let join = self.join()?;
            let middle = (self.from.relations.len(), self.from.conditions.len());
            let mut entry = self.entry(join)?;
            self.mark(join, (relations, conditions), middle);
            self.constraint(&mut entry, end)?;
            entries.push(entry);
        }
        (self.at == end).then_some(entries)
    }

    /// An outer join makes one side nullable, and what was certain of it is so no more.
    fn mark(&mut self, join: Join, start: (usize, usize), middle: (usize, usize)) {
        self.from.has_right |= join.is_right;
        self.from.merges |= join.merges;
        let changes = |at: usize, middle: usize| {
            if at < middle {
                join.is_right
            } else {
                join.is_left
            }
        };
        let relations = self.from.relations.iter_mut().enumerate();
        for (at, relation) in relations.skip(start.0) {
            relation.is_nullable |= changes(at, middle.0);
        }
        let conditions = self.from.conditions.iter_mut().enumerate();
        for (at, on) in conditions.skip(start.1) {
            on.is_certain &= !changes(at, middle.1);
        }
    }

    fn constraint(&mut self, entry: &mut Entry, end: usize) -> Option<()> {
        if self.tokens.is(self.at, "USING") {
            self.tokens.close_of(self.at + 1)?;
            self.at = self.tokens.after(self.at + 1);
            self.from.merges = true;
        } else if self.tokens.is(self.at, "ON") {
            let start = self.at + 1;
            self.at = self
                .tokens
                .level(start..end)
                .find(|&at| self.tokens.text(at) == "," || self.join_end(at).is_some())
                .unwrap_or(end);
            entry.on = Some(start..self.at);
            self.from.conditions.push(On {
                condition: start..self.at,
                is_certain: !entry.join.is_left && !entry.join.is_right,
            });
        }
        Some(())
    }

    /// The position behind the words of a join that begin here.
    fn join_end(&self, start: usize) -> Option<usize> {
        const WORDS: [&str; 7] = [
            "NATURAL", "LEFT", "RIGHT", "FULL", "OUTER", "INNER", "CROSS",
        ];
        let mut at = start;
        while self.tokens.is_any(at, &WORDS) {
            at += 1;
        }
        self.tokens.is(at, "JOIN").then_some(at + 1)
    }

    fn join(&mut self) -> Option<Join> {
        if self.tokens.text(self.at) == "," {
            self.at += 1;
            return Some(Join::default());
        }
        let end = self.join_end(self.at)?;
        let has = |word| (self.at..end).any(|at| self.tokens.is(at, word));
        let join = Join {
            is_left: has("LEFT") || has("FULL"),
            is_right: has("RIGHT") || has("FULL"),
            merges: has("NATURAL"),
        };
        self.at = end;
        Some(join)
    }

    fn entry(&mut self, join: Join) -> Option<Entry> {
        let start = self.at;
        let is_special = if self.tokens.close_of(start).is_some() {
            self.bracket()?
        } else {
            self.table()?
        };
        Some(Entry {
            span: start..self.at,
            join,
            on: None,
            is_special,
        })
    }

    /// A subquery, or tables in brackets, which keep their names if they have no alias.
    fn bracket(&mut self) -> Option<bool> {
        let open = self.at;
        let close = self.tokens.close_of(open)?;
        self.at = close + 1;
        let alias = self.alias()?;
        let is_select = self.tokens.opens_select(open);
        if is_select || alias.is_some() {
            self.relation(alias.unwrap_or_default(), None);
            return Some(!is_select);
        }
        self.at = open + 1;
        self.list(close)?;
        self.at = close + 1;
        Some(true)
    }

    fn table(&mut self) -> Option<bool> {
        let mut name = self.tokens.name(self.at)?.into_owned();
        self.at += 1;
        let has_schema = self.tokens.kind(self.at) == Some(TokenKind::Dot);
        if has_schema {
            name = self.tokens.name(self.at + 1)?.into_owned();
            self.at += 2;
        }
        let is_call = self.tokens.close_of(self.at).is_some();
        if is_call {
            self.at = self.tokens.after(self.at);
        }
        let is_known = !has_schema && !is_call && !self.ctes.hide(&name);
        let table = self.catalog.table(&name).filter(|_| is_known);
        let alias = self.alias()?;
        self.relation(alias.unwrap_or(name), table.map(AsRef::as_ref));
        Some(is_call)
    }

    fn relation(&mut self, name: String, table: Option<&'c TableShape>) {
        self.from.relations.push(Relation {
            name,
            table,
            is_nullable: false,
        });
    }

    /// The alias, if there is one; `None` for what is not known here.
    fn alias(&mut self) -> Option<Option<String>> {
        let tokens = self.tokens;
        if self.at >= self.end {
            return Some(None);
        }
        if tokens.is_any(self.at, &["INDEXED", "NOT"]) {
            return None;
        }
        let has_as = tokens.is(self.at, "AS");
        if !has_as && (self.join_end(self.at).is_some() || tokens.is_any(self.at, &["ON", "USING"]))
        {
            return Some(None);
        }
        let alias = tokens.name(self.at + usize::from(has_as));
        if has_as && alias.is_none() {
            return None;
        }
        if alias.is_some() {
            self.at += 1 + usize::from(has_as);
        }
        Some(alias.map(std::borrow::Cow::into_owned))
    }
}
