//! FROM: tables, subqueries and table functions, and how joins change their columns.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use sqlite3_parser::ast::{
    As, Expr, FromClause, Indexed, JoinConstraint, JoinOperator, JoinType, JoinedSelectTable,
    QualifiedName, SelectTable,
};

use super::Analyzer;
use super::collation::{Collation, Name, with_collate};
use super::failure::{Outcome, Problem};
use super::query::Item;
use super::scope::{Column, Joined, Relation, Rows, Scope, nearest_tables};
use super::select::distinct_names;
use super::source::unquoted;
use crate::types::SqlType;

/// A part of the text of a FROM clause. Conditions are read last, when all columns are known.
enum Piece<'e, 'b> {
    Text(String),
    On(&'e Expr<'b>),
    /// The name of a subquery without one, which joins that are spelled out need.
    Name(String),
}

impl Analyzer<'_> {
    /// Reads a FROM clause into `scope`.
    pub(super) fn read_from(&mut self, from: &FromClause, scope: &mut Scope) -> Outcome<String> {
        let mut pieces = Vec::new();
        self.read_pieces(from, scope, &mut pieces)?;
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(&piece),
                Piece::Name(name) if scope.relations.iter().any(Relation::is_spelled) => {
                    text.push_str(" AS ");
                    text.push_str(&name);
                }
                Piece::Name(_) => {}
                Piece::On(condition) => {
                    text.push_str(" ON ");
                    text.push_str(&self.condition(condition, scope)?);
                }
            }
        }
        Ok(text)
    }

    fn read_pieces<'e, 'b>(
        &mut self,
        from: &'e FromClause<'b>,
        scope: &mut Scope,
        pieces: &mut Vec<Piece<'e, 'b>>,
    ) -> Outcome<()> {
        let start = scope.relations.len();
        if let Some(table) = from.select {
            self.table(table, scope, pieces)?;
        }
        for join in from.joins.iter().flatten() {
            self.join(join, start, scope, pieces)?;
        }
        Ok(())
    }

    fn join<'e, 'b>(
        &mut self,
        join: &'e JoinedSelectTable<'b>,
        start: usize,
        scope: &mut Scope,
        pieces: &mut Vec<Piece<'e, 'b>>,
    ) -> Outcome<()> {
        let middle = scope.relations.len();
        let kind = match join.operator {
            JoinOperator::TypedJoin(Some(kind)) => kind,
            _ => JoinType::empty(),
        };
        let operator = pieces.len();
        pieces.push(Piece::Text(operator_text(join.operator).to_owned()));
        self.table(&join.table, scope, pieces)?;
        let names = match &join.constraint {
            Some(JoinConstraint::Using(names)) => {
                names.iter().map(|name| unquoted(name.0)).collect()
            }
            Some(JoinConstraint::On(condition)) => {
                pieces.push(Piece::On(condition));
                Vec::new()
            }
            None if kind.contains(JoinType::NATURAL) => common(scope, start, middle)?,
            None => Vec::new(),
        };
        forget_coalesced(kind, (start, middle), &mut scope.relations);
        let mut merges = Vec::with_capacity(names.len());
        for name in names {
            merges.push(self.merge_of(&name, (start, middle), scope)?);
        }
        let is_spelled = merges
            .iter()
            .any(|merge| merge.has_to_be_spelled(kind, &scope.relations));
        if is_spelled {
            self.rewritten = true;
            let conditions: Vec<String> = merges
                .iter()
                .map(|merge| merge.condition(&scope.relations))
                .collect();
            pieces.push(Piece::Text(format!(" ON {}", conditions.join(" AND "))));
            if let Some(piece) = pieces.get_mut(operator) {
                *piece = Piece::Text(join_text(kind - JoinType::NATURAL).to_owned());
            }
        } else if let Some(JoinConstraint::Using(names)) = &join.constraint {
            let texts: Vec<&str> = names.iter().map(|name| name.0).collect();
            pieces.push(Piece::Text(format!(" USING ({})", texts.join(", "))));
        }
        for merge in merges {
            merge.apply(kind, is_spelled, &mut scope.relations);
        }
        mark_outer(kind, (start, middle), &mut scope.relations);
        Ok(())
    }

    /// The columns of both sides that have a name.
    fn merge_of(
        &self,
        name: &str,
        (start, middle): (usize, usize),
        scope: &Scope,
    ) -> Outcome<Merge> {
        let sides = visible(&scope.relations, start..middle, name).zip(visible(
            &scope.relations,
            middle..scope.relations.len(),
            name,
        ));
        match sides {
            Some((left, right)) => Ok(Merge { left, right }),
            None => Err(self.unknown_using(name, scope)),
        }
    }

    fn unknown_using(&self, name: &str, scope: &Scope) -> super::Failure {
        for relation in &scope.relations {
            if let Some(table) = relation.incomplete()
                && relation.position(name).is_none()
            {
                return super::Failure::NeedsCustomFields {
                    table: table.name.clone(),
                };
            }
        }
        self.unknown_column(name, "both sides of the join", scope)
    }

    fn table<'e, 'b>(
        &mut self,
        table: &'e SelectTable<'b>,
        scope: &mut Scope,
        pieces: &mut Vec<Piece<'e, 'b>>,
    ) -> Outcome<()> {
        match table {
            SelectTable::Table(name, alias, indexed) => {
                let mut relation = self.named_table(name, scope)?;
                let mut text = name_text(name);
                rename(&mut relation, alias.as_ref(), &mut text);
                if let Some(indexed) = indexed {
                    match indexed {
                        Indexed::IndexedBy(index) => {
                            text.push_str(" INDEXED BY ");
                            text.push_str(index.0);
                        }
                        Indexed::NotIndexed => text.push_str(" NOT INDEXED"),
                    }
                }
                pieces.push(Piece::Text(text));
                scope.relations.push(relation);
            }
            SelectTable::TableCall(name, arguments, alias) => {
                let arguments = arguments.unwrap_or_default();
                let (mut relation, mut text) = self.table_function(name, arguments, scope)?;
                rename(&mut relation, alias.as_ref(), &mut text);
                pieces.push(Piece::Text(text));
                scope.relations.push(relation);
            }
            SelectTable::Select(select, alias) => {
                let query = self.select(select, scope.parent, scope.ctes)?;
                let columns = distinct_names(&query.columns);
                let mut relation = Relation::new(String::new(), Rows::Derived(columns.into()));
                let mut text = format!("({})", query.into_text());
                rename(&mut relation, alias.as_ref(), &mut text);
                pieces.push(Piece::Text(text));
                if alias.is_none() {
                    relation.qualifier = self.new_qualifier();
                    pieces.push(Piece::Name(relation.qualifier.clone()));
                }
                scope.relations.push(relation);
            }
            SelectTable::Sub(from, alias) => self.group(from, alias.as_ref(), scope, pieces)?,
        }
        Ok(())
    }

    /// A join in brackets: without an alias its tables keep their names.
    fn group<'e, 'b>(
        &mut self,
        from: &'e FromClause<'b>,
        alias: Option<&As>,
        scope: &mut Scope,
        pieces: &mut Vec<Piece<'e, 'b>>,
    ) -> Outcome<()> {
        if alias.is_none() {
            pieces.push(Piece::Text("(".to_owned()));
            self.read_pieces(from, scope, pieces)?;
            pieces.push(Piece::Text(")".to_owned()));
            return Ok(());
        }
        let mut inner = Scope::new(scope.parent, scope.ctes);
        let mut text = format!("({})", self.read_from(from, &mut inner)?);
        let columns = inner
            .relations
            .iter()
            .flat_map(|relation| relation.star(false));
        let columns: Vec<Column> = columns.map(|(column, _)| column).collect();
        let columns = distinct_names(&columns);
        if inner.relations.iter().any(Relation::is_spelled) {
            let mut items = self.star(&inner.relations)?;
            for (item, column) in items.iter_mut().zip(&columns) {
                item.rename(&column.name);
            }
            let items: Vec<String> = items.into_iter().map(Item::into_text).collect();
            text = format!("(SELECT {} FROM {text})", items.join(", "));
        }
        let rows = Rows::Derived(columns.into());
        let mut relation = Relation::new(String::new(), rows);
        rename(&mut relation, alias, &mut text);
        pieces.push(Piece::Text(text));
        scope.relations.push(relation);
        Ok(())
    }

    /// A table of the catalogue or a common table expression.
    pub(super) fn named_table(&mut self, name: &QualifiedName, scope: &Scope) -> Outcome<Relation> {
        let bare = unquoted(name.name.0);
        if name.db_name.is_none()
            && let Some(columns) = scope.cte(&bare)
        {
            return Ok(Relation::new(bare, Rows::Derived(columns)));
        }
        let full = match schema(name) {
            Some(schema) => format!("{schema}.{bare}"),
            None => bare.clone(),
        };
        if let Some(table) = self.catalog.table(&full) {
            let table = Arc::clone(table);
            self.use_table(&table.name);
            return Ok(Relation::new(bare, Rows::Table(table)));
        }
        if let Some(columns) = function_columns(&bare) {
            return Ok(Relation::new(bare, Rows::Derived(columns)));
        }
        Err(self.unknown_table(&full, &bare))
    }

    fn unknown_table(&self, full: &str, bare: &str) -> super::Failure {
        let nearest = nearest_tables(self.catalog, full);
        let mut problem = Problem::new(
            apilink_core::SqlState::NO_SUCH_TABLE,
            format!("There is no table {full}.{}", super::suggestion(&nearest)),
        );
        problem.place = self.source.find_table(bare);
        problem.into()
    }

    fn table_function(
        &mut self,
        name: &QualifiedName,
        arguments: &[Expr],
        scope: &Scope,
    ) -> Outcome<(Relation, String)> {
        let relation = self.named_table(name, scope)?;
        let hidden = (0..relation.len())
            .filter_map(|at| relation.column(at))
            .filter(|column| column.hidden)
            .map(|column| column.sql_type)
            .chain(std::iter::repeat(None));
        let mut texts = Vec::with_capacity(arguments.len());
        for (argument, sql_type) in arguments.iter().zip(hidden) {
            let mut value = self.expr(argument, scope)?;
            if let Some(sql_type) = sql_type {
                value = self.convert(value, sql_type)?;
            }
            texts.push(value.into_text());
        }
        let text = format!("{}({})", name_text(name), texts.join(", "));
        Ok((relation, text))
    }
}

/// The schema of a name, without `main`, where all tables are.
fn schema(name: &QualifiedName) -> Option<String> {
    let schema = unquoted(name.db_name.as_ref()?.0);
    (!schema.eq_ignore_ascii_case("main")).then_some(schema)
}

/// A name as it was written, with its schema.
pub(super) fn name_text(name: &QualifiedName) -> String {
    match &name.db_name {
        Some(schema) => format!("{}.{}", schema.0, name.name.0),
        None => name.name.0.to_owned(),
    }
}

fn rename(relation: &mut Relation, alias: Option<&As>, text: &mut String) {
    if let Some(As::As(name) | As::Elided(name)) = alias {
        relation.name = unquoted(name.0);
        relation.qualifier.clone_from(&relation.name);
        text.push_str(" AS ");
        text.push_str(name.0);
    }
}

/// The columns that both sides of a NATURAL join have.
fn common(scope: &Scope, start: usize, middle: usize) -> Outcome<Vec<String>> {
    let columns = |relations: &[Relation]| -> Outcome<Vec<String>> {
        let mut names = Vec::new();
        for relation in relations {
            if let Some(table) = relation.incomplete() {
                return Err(super::Failure::NeedsCustomFields {
                    table: table.name.clone(),
                });
            }
            names.extend(
                relation
                    .star(false)
                    .into_iter()
                    .map(|(column, _)| column.name),
            );
        }
        Ok(names)
    };
    let left = columns(scope.relations.get(start..middle).unwrap_or_default())?;
    let right = columns(scope.relations.get(middle..).unwrap_or_default())?;
    let in_left = |name: &String| left.iter().any(|other| other.eq_ignore_ascii_case(name));
    Ok(right.into_iter().filter(in_left).collect())
}

/// Two columns, each with its relation, that USING or NATURAL makes one.
struct Merge {
    left: (usize, usize),
    right: (usize, usize),
}

impl Merge {
    fn relations<'r>(&self, relations: &'r [Relation]) -> Option<(&'r Relation, &'r Relation)> {
        relations.get(self.left.0).zip(relations.get(self.right.0))
    }

    fn columns(&self, relations: &[Relation]) -> Option<(Column, Column)> {
        let (left, right) = self.relations(relations)?;
        left.joined_column(self.left.1)
            .zip(right.joined_column(self.right.1))
    }

    fn collation(&self, relations: &[Relation]) -> Name {
        let columns = self.columns(relations);
        columns.map_or(Name::Binary, |(left, right)| {
            Collation::from(left.collation)
                .with(right.collation.into())
                .name
        })
    }

    /// Whether `SQLite` would compare in another way, or lose the collation of what it merges, or
    /// does not know a name any more.
    fn has_to_be_spelled(&self, kind: JoinType, relations: &[Relation]) -> bool {
        let Some((left, right)) = self.relations(relations) else {
            return false;
        };
        let own = self.columns(relations).map(|(left, _)| left.collation);
        let collation = self.collation(relations);
        own != Some(collation)
            || (kind.contains(JoinType::RIGHT) && collation != Name::Binary)
            || left.spelled(self.left.1).is_some()
            || right.spelled(self.right.1).is_some()
    }

    /// The two sides as they have to be written.
    fn texts(&self, relations: &[Relation]) -> Option<(String, String)> {
        let (left, right) = self.relations(relations)?;
        Some((left.meaning(self.left.1), right.meaning(self.right.1)))
    }

    fn condition(&self, relations: &[Relation]) -> String {
        let (left, right) = self.texts(relations).unwrap_or_default();
        match self.collation(relations) {
            Name::Binary => format!("{left} = {right}"),
            name => format!("{} = {right}", with_collate(&left, true, name)),
        }
    }

    fn apply(&self, kind: JoinType, is_spelled: bool, relations: &mut [Relation]) {
        let is_right = kind.contains(JoinType::RIGHT);
        if (is_right || is_spelled)
            && let Some((left, right)) = self.columns(relations)
            && let Some(texts) = self.texts(relations)
        {
            let before = self
                .relations(relations)
                .and_then(|(relation, _)| relation.joined(self.left.1)?.coalesced);
            let from_left = kind.contains(JoinType::LEFT) && left.nullable;
            let joined = Joined {
                at: self.left.1,
                collation: self.collation(relations),
                coalesced: if is_right {
                    Some(from_left || right.nullable)
                } else {
                    before
                },
                text: match texts {
                    (left, right) if is_right => format!("coalesce({left}, {right})"),
                    (left, _) => left,
                },
                is_spelled,
            };
            if let Some(relation) = relations.get_mut(self.left.0) {
                relation.joined.retain(|one| one.at != self.left.1);
                relation.joined.push(joined);
            }
        }
        if let Some(relation) = relations.get_mut(self.right.0) {
            relation.merged.push(self.right.1);
        }
    }
}

/// The first relation that shows a column by its bare name, and the column's position.
fn visible(relations: &[Relation], range: Range<usize>, name: &str) -> Option<(usize, usize)> {
    let numbered = relations.iter().enumerate();
    numbered
        .take(range.end)
        .skip(range.start)
        .find_map(|(number, relation)| {
            let at = relation.position(name)?;
            (!relation.merged.contains(&at)).then_some((number, at))
        })
}

/// A RIGHT or FULL JOIN can make NULL of what a join before it has merged.
fn forget_coalesced(kind: JoinType, (start, middle): (usize, usize), relations: &mut [Relation]) {
    if kind.contains(JoinType::RIGHT) {
        for relation in relations.get_mut(start..middle).unwrap_or_default() {
            for joined in &mut relation.joined {
                joined.coalesced = joined.coalesced.map(|_| true);
            }
        }
    }
}

fn mark_outer(kind: JoinType, (start, middle): (usize, usize), relations: &mut [Relation]) {
    let left = kind.contains(JoinType::LEFT);
    let right = kind.contains(JoinType::RIGHT);
    for (at, relation) in relations.iter_mut().enumerate().skip(start) {
        relation.outer |= if at < middle { right } else { left };
    }
}

fn operator_text(operator: JoinOperator) -> &'static str {
    match operator {
        JoinOperator::TypedJoin(kind) => join_text(kind.unwrap_or(JoinType::empty())),
        JoinOperator::Comma => ", ",
    }
}

fn join_text(kind: JoinType) -> &'static str {
    let natural = kind.contains(JoinType::NATURAL);
    let (left, right) = (
        kind.contains(JoinType::LEFT),
        kind.contains(JoinType::RIGHT),
    );
    match (natural, left, right) {
        (false, true, true) => " FULL JOIN ",
        (false, true, false) => " LEFT JOIN ",
        (false, false, true) => " RIGHT JOIN ",
        (false, false, false) if kind.contains(JoinType::CROSS) => " CROSS JOIN ",
        (false, false, false) => " JOIN ",
        (true, true, true) => " NATURAL FULL JOIN ",
        (true, true, false) => " NATURAL LEFT JOIN ",
        (true, false, true) => " NATURAL RIGHT JOIN ",
        (true, false, false) => " NATURAL JOIN ",
    }
}

/// The columns of `json_each` and `json_tree`.
fn function_columns(name: &str) -> Option<Rc<[Column]>> {
    let known = ["json_each", "json_tree"];
    if !known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return None;
    }
    let column = |name: &str, sql_type, nullable, hidden| Column {
        name: name.to_owned(),
        sql_type: Some(sql_type),
        nullable,
        origin: None,
        collation: Name::Binary,
        hidden,
        of_json: ["key", "value", "atom"].contains(&name),
    };
    Some(Rc::from([
        column("key", SqlType::TEXT, true, false),
        column("value", SqlType::TEXT, true, false),
        column("type", SqlType::Varchar { size: 7 }, false, false),
        column("atom", SqlType::TEXT, true, false),
        column("id", SqlType::Bigint, false, false),
        column("parent", SqlType::Bigint, true, false),
        column("fullkey", SqlType::TEXT, false, false),
        column("path", SqlType::TEXT, false, false),
        column("json", SqlType::TEXT, true, true),
        column("root", SqlType::TEXT, true, true),
    ]))
}
