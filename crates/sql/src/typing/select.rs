//! SELECT: the arms of a compound, their columns, ORDER BY and LIMIT.

use std::ops::Range;

use sqlite3_parser::ast::{
    As, CompoundOperator, Distinctness, Expr, Id, Limit, Name, OneSelect, ResultColumn, Select,
    SortOrder, SortedColumn,
};

use super::Analyzer;
use super::collation::Collation;
use super::expression::spelled_value;
use super::failure::{Failure, Outcome, Problem};
use super::query::{Arm, Body, Item, Naming, Query};
use super::scope::{Column, Ctes, Found, Relation, Scope, rowid};
use super::source::{Source, unquoted};
use super::typed::{Form, Typed, unify, unify_types};
use crate::types::SqlType;

impl Analyzer<'_> {
    /// Analyses a SELECT within `scope`, which is that of the SELECT around it.
    pub(super) fn select(
        &mut self,
        select: &Select,
        parent: Option<&Scope>,
        ctes: &Ctes,
    ) -> Outcome<Query> {
        let mut own = Ctes {
            known: Vec::new(),
            parent: Some(ctes),
        };
        let with = match &select.with {
            Some(with) => self.with(with, parent, &mut own)?,
            None => String::new(),
        };
        let own = &own;
        let (first, first_scope) = self.arm(&select.body.select, "", parent, own)?;
        let first_width = first.body.width();
        let mut arms = vec![first];
        let mut scopes = vec![first_scope];
        for compound in select.body.compounds.iter().flatten() {
            let operator = operator_text(compound.operator);
            let (arm, scope) = self.arm(&compound.select, operator, parent, own)?;
            if arm.body.width() != first_width {
                return Err(self.other_width(&compound.select, &arm, first_width));
            }
            arms.push(arm);
            scopes.push(scope);
        }
        let columns = self.unify_arms(&mut arms)?;
        let mut tail = self.order_by(select.order_by, &scopes, &columns)?;
        if let Some(limit) = select.limit {
            tail.push_str(&self.limit(limit, own)?);
        }
        Ok(Query {
            with,
            arms,
            tail,
            columns,
        })
    }

    /// An arm that has not as many columns as the first.
    fn other_width(&self, select: &OneSelect, arm: &Arm, first: usize) -> Failure {
        let mut problem = Problem::syntax(format!(
            "The arms of{} do not have the same number of columns: {first} and {}.",
            arm.operator.trim_end(),
            arm.body.width()
        ));
        problem.place = self.place_of(select);
        problem.into()
    }

    /// Where a SELECT stands; unknown for VALUES.
    pub(super) fn place_of(&self, select: &OneSelect) -> Option<Range<usize>> {
        self.source.select_place(self.order.number(select)?)
    }

    /// Converts the columns of a query to these types.
    pub(super) fn convert_columns(
        &mut self,
        query: &mut Query,
        targets: &[Option<SqlType>],
    ) -> Outcome<()> {
        for arm in &mut query.arms {
            self.convert_arm(arm, targets)?;
        }
        for (column, target) in query.columns.iter_mut().zip(targets) {
            column.sql_type = target.or(column.sql_type);
        }
        Ok(())
    }

    pub(super) fn arm<'s>(
        &mut self,
        select: &OneSelect,
        operator: &'static str,
        parent: Option<&'s Scope<'s>>,
        ctes: &'s Ctes<'s>,
    ) -> Outcome<(Arm, Scope<'s>)> {
        let mut scope = Scope::new(parent, ctes);
        let body = match select {
            OneSelect::Values(rows) => self.values(rows, &scope)?,
            OneSelect::Select { .. } => self.one_select(select, &mut scope)?,
        };
        Ok((Arm { operator, body }, scope))
    }

    fn values<'e>(&mut self, rows: &[impl AsRef<[Expr<'e>]>], scope: &Scope) -> Outcome<Body> {
        let mut typed = Vec::with_capacity(rows.len());
        for row in rows {
            typed.push(self.exprs(row.as_ref(), scope)?);
        }
        let width = typed.first().map_or(0, Vec::len);
        if typed.iter().any(|row| row.len() != width) {
            let mut problem = Problem::syntax("The rows of VALUES do not have the same length.");
            problem.place = self.source.find_only("VALUES");
            return Err(problem.into());
        }
        Ok(Body::Values(typed))
    }

    fn one_select(&mut self, select: &OneSelect, scope: &mut Scope) -> Outcome<Body> {
        let OneSelect::Select {
            distinctness,
            columns,
            from,
            where_clause,
            group_by,
            having,
            window_clause,
        } = select
        else {
            return Ok(Body::Values(Vec::new()));
        };
        let mut after = String::new();
        if let Some(from) = from {
            after.push_str(" FROM ");
            after.push_str(&self.read_from(from, scope)?);
        }
        let number = self.order.number(select);
        let items = self.items(columns, number, scope)?;
        scope.aliases = items.iter().filter_map(Item::alias).collect();
        let width = items.iter().map(Item::len).sum();
        if let Some(condition) = where_clause {
            after.push_str(" WHERE ");
            after.push_str(&self.condition(condition, scope)?);
        }
        if let Some(terms) = group_by {
            let terms = self.terms(terms, width, scope)?;
            after.push_str(" GROUP BY ");
            after.push_str(&terms.join(", "));
        }
        if let Some(condition) = having {
            after.push_str(" HAVING ");
            after.push_str(&self.condition(condition, scope)?);
        }
        let mut glue = " WINDOW ";
        for definition in window_clause.unwrap_or_default() {
            let window = self.window(&definition.window, scope)?;
            after.push_str(glue);
            after.push_str(definition.name.0);
            after.push_str(" AS ");
            after.push_str(&window);
            glue = ", ";
        }
        Ok(Body::Select {
            before: match distinctness {
                Some(Distinctness::Distinct) => "SELECT DISTINCT ",
                _ => "SELECT ",
            },
            items,
            after,
        })
    }

    fn items(
        &mut self,
        columns: &[ResultColumn],
        select: Option<usize>,
        scope: &Scope,
    ) -> Outcome<Vec<Item>> {
        let mut items = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            items.push(match column {
                ResultColumn::Expr(expr, alias) => {
                    let value = self.expr(expr, scope)?;
                    let value = self.collated(value);
                    let (name, naming) = match (alias, shown_column(expr, scope)) {
                        (Some(As::As(name) | As::Elided(name)), _) => {
                            (unquoted(name.0), Naming::Alias)
                        }
                        (None, Some(name)) => (name, Naming::Column),
                        (None, None) => (self.text_of_column(select, at), Naming::Text),
                    };
                    Item::One {
                        value,
                        name,
                        naming,
                    }
                }
                ResultColumn::Star => {
                    if scope.relations.is_empty() {
                        return Err(self.without_from(select));
                    }
                    items.extend(self.star(&scope.relations)?);
                    continue;
                }
                ResultColumn::TableStar(name) => self.table_star(name, scope)?,
            });
        }
        Ok(items)
    }

    /// `SELECT *` of nothing.
    fn without_from(&self, select: Option<usize>) -> Failure {
        let mut problem = Problem::syntax("SELECT * needs a FROM.");
        problem.place = select.and_then(|select| self.source.select_place(select));
        problem.into()
    }

    /// The columns of `*`: one by one, where a join is written with ON in place of USING.
    pub(super) fn star(&mut self, relations: &[Relation]) -> Outcome<Vec<Item>> {
        let mut columns = Vec::new();
        for relation in relations {
            complete(relation)?;
            columns.extend(relation.star(false));
        }
        if !relations.iter().any(Relation::is_spelled) {
            let text = "*".to_owned();
            return Ok(vec![Item::Star { text, columns }]);
        }
        let mut items = Vec::with_capacity(columns.len());
        for (column, text) in columns {
            let name = column.name.clone();
            items.push(Item::One {
                value: self.collated(spelled_value(&text, column)),
                name,
                naming: Naming::Column,
            });
        }
        Ok(items)
    }

    fn text_of_column(&mut self, select: Option<usize>, at: usize) -> String {
        let Some(select) = select else {
            return String::new();
        };
        let (text, written) = self.source.column_text(select, at);
        // `SQLite` would name it otherwise.
        self.rewritten |= written.is_some();
        written.unwrap_or(text)
    }

    fn table_star(&mut self, name: &Name, scope: &Scope) -> Outcome<Item> {
        let bare = unquoted(name.0);
        let named = |relation: &&Relation| relation.name.eq_ignore_ascii_case(&bare);
        let Some(relation) = scope.relations.iter().find(named) else {
            return Err(self.unknown_qualifier(&bare, "*", scope));
        };
        complete(relation)?;
        Ok(Item::Star {
            text: format!("{}.*", name.0),
            columns: relation.star(true),
        })
    }

    /// The terms of GROUP BY: positions stay, the others are expressions.
    fn terms(&mut self, terms: &[Expr], width: usize, scope: &Scope) -> Outcome<Vec<String>> {
        let mut texts = Vec::with_capacity(terms.len());
        for term in terms {
            texts.push(if let Some(position) = term.is_integer() {
                position_term(self.source, position, width)?
            } else {
                let value = self.expr(term, scope)?;
                self.collated(value).into_text()
            });
        }
        Ok(texts)
    }

    fn order_by(
        &mut self,
        terms: Option<&[SortedColumn]>,
        scopes: &[Scope],
        columns: &[Column],
    ) -> Outcome<String> {
        let Some(terms) = terms else {
            return Ok(String::new());
        };
        let mut texts = Vec::with_capacity(terms.len());
        for term in terms {
            let mut text = self.order_term(&term.expr, scopes, columns)?;
            text.push_str(direction(term));
            texts.push(text);
        }
        Ok(format!(" ORDER BY {}", texts.join(", ")))
    }

    /// A term of ORDER BY: a position, the name of a column of the result, or an expression, which
    /// in a compound is looked up in one arm after the other.
    fn order_term(&mut self, term: &Expr, scopes: &[Scope], columns: &[Column]) -> Outcome<String> {
        if let Some(position) = term.is_integer() {
            return position_term(self.source, position, columns.len());
        }
        if let Expr::Id(id) = term
            && scopes
                .iter()
                .any(|scope| scope.alias(&unquoted(id.0)).is_some())
        {
            return Ok(id.0.to_owned());
        }
        let mut failure = None;
        for scope in scopes {
            match self.expr(term, scope) {
                Ok(typed) => return Ok(self.collated(typed).into_text()),
                Err(problem) => failure = failure.or(Some(problem)),
            }
        }
        Err(failure.unwrap_or_else(|| Problem::syntax("ORDER BY has no columns.").into()))
    }

    /// `ORDER BY` within a window or an aggregate.
    pub(super) fn sorted(&mut self, terms: &[SortedColumn], scope: &Scope) -> Outcome<String> {
        let mut texts = Vec::with_capacity(terms.len());
        for term in terms {
            let value = self.expr(&term.expr, scope)?;
            let mut text = self.collated(value).into_text();
            text.push_str(direction(term));
            texts.push(text);
        }
        Ok(texts.join(", "))
    }

    fn limit(&mut self, limit: &Limit, ctes: &Ctes) -> Outcome<String> {
        let scope = Scope::new(None, ctes);
        let first = self.count(&limit.expr, &scope)?;
        let Some(second) = &limit.offset else {
            return Ok(format!(" LIMIT {first}"));
        };
        let second = self.count(second, &scope)?;
        // The tree holds `LIMIT a, b` as `LIMIT a OFFSET b`.
        let number = self.order.limit_number(limit);
        let comma = number.is_some_and(|number| self.source.limit_has_comma(number));
        Ok(if comma {
            format!(" LIMIT {first}, {second}")
        } else {
            format!(" LIMIT {first} OFFSET {second}")
        })
    }

    fn count(&mut self, expr: &Expr, scope: &Scope) -> Outcome<String> {
        let count = self.expr(expr, scope)?;
        if !can_count(&count) {
            let text = count.into_text();
            let mut problem = Problem::syntax(format!(
                "LIMIT and OFFSET take a whole number, which {text} is not."
            ));
            let behind = |word: &str| self.source.find_only(&format!("{word} {text}"));
            problem.place = behind("LIMIT").or_else(|| behind("OFFSET"));
            problem.place = problem.place.or_else(|| self.source.find_only(&text));
            return Err(problem.into());
        }
        Ok(count
            .convert(SqlType::Bigint, &mut self.parameters)?
            .into_text())
    }

    /// Brings the columns of all arms to types that they have together.
    fn unify_arms(&mut self, arms: &mut [Arm]) -> Outcome<Vec<Column>> {
        let mut merged = match arms.first() {
            Some(first) => first.body.columns(),
            None => Vec::new(),
        };
        for arm in arms.iter().skip(1) {
            let columns = arm.body.columns();
            for (column, other) in merged.iter_mut().zip(&columns) {
                merge(column, other);
            }
        }
        unify_literals(arms, &mut merged);
        let targets: Vec<Option<SqlType>> = merged.iter().map(|column| column.sql_type).collect();
        let single_select = arms.len() == 1
            && matches!(arms.first(), Some(arm) if matches!(arm.body, Body::Select { .. }));
        if !single_select {
            for arm in arms.iter_mut() {
                self.convert_arm(arm, &targets)?;
            }
            if let Some(first) = arms.first_mut() {
                self.collate_arm(&mut first.body, &merged)?;
            }
        }
        Ok(merged)
    }

    /// The collations of a compound are those of its first row or arm to `SQLite`.
    fn collate_arm(&mut self, body: &mut Body, merged: &[Column]) -> Outcome<()> {
        match body {
            Body::Values(rows) => {
                let first = rows.first_mut().into_iter().flatten();
                for (cell, column) in first.zip(merged) {
                    *cell = self.collated_as(cell.clone(), column.collation);
                }
            }
            Body::Select { items, .. } => {
                let own = items.iter().flat_map(Item::columns);
                if own
                    .zip(merged)
                    .all(|(own, to)| own.collation == to.collation)
                {
                    return Ok(());
                }
                let mut single = Vec::with_capacity(merged.len());
                for item in items.drain(..) {
                    match item {
                        Item::Star { columns, .. } => {
                            let unchanged = vec![None; columns.len()];
                            self.expand(columns, &unchanged, &mut single)?;
                        }
                        one @ Item::One { .. } => single.push(one),
                    }
                }
                for (item, column) in single.iter_mut().zip(merged) {
                    if let Item::One { value, .. } = item {
                        *value = self.collated_as(value.clone(), column.collation);
                    }
                }
                *items = single;
            }
        }
        Ok(())
    }

    fn convert_arm(&mut self, arm: &mut Arm, targets: &[Option<SqlType>]) -> Outcome<()> {
        match &mut arm.body {
            Body::Values(rows) => {
                for row in rows {
                    for (cell, target) in row.iter_mut().zip(targets) {
                        self.convert_cell(cell, *target)?;
                    }
                }
                Ok(())
            }
            Body::Select { items, .. } => self.convert_items(items, targets),
        }
    }

    fn convert_cell(&mut self, cell: &mut Typed, target: Option<SqlType>) -> Outcome<()> {
        if let Some(target) = target
            && cell.sql_type != Some(target)
        {
            *cell = self.convert(cell.clone(), target)?;
        }
        Ok(())
    }

    fn convert_items(&mut self, items: &mut Vec<Item>, targets: &[Option<SqlType>]) -> Outcome<()> {
        let mut targets = targets.iter().copied();
        let mut converted = Vec::with_capacity(items.len());
        for item in items.drain(..) {
            match item {
                Item::One {
                    mut value,
                    name,
                    naming,
                } => {
                    self.convert_cell(&mut value, targets.next().flatten())?;
                    converted.push(Item::One {
                        value,
                        name,
                        naming,
                    });
                }
                Item::Star { text, columns } => {
                    let wanted: Vec<_> = targets.by_ref().take(columns.len()).collect();
                    if wanted
                        .iter()
                        .zip(&columns)
                        .all(|(target, (column, _))| is_same_form(column.sql_type, *target))
                    {
                        converted.push(Item::Star { text, columns });
                    } else {
                        self.expand(columns, &wanted, &mut converted)?;
                    }
                }
            }
        }
        *items = converted;
        Ok(())
    }

    /// Writes the columns of a star one by one, because some of them are converted.
    fn expand(
        &mut self,
        columns: Vec<(Column, String)>,
        targets: &[Option<SqlType>],
        items: &mut Vec<Item>,
    ) -> Outcome<()> {
        for ((column, text), target) in columns.into_iter().zip(targets) {
            let mut value = match column.sql_type {
                Some(sql_type) => Typed::new(text, sql_type, column.nullable),
                None => Typed::untyped(text),
            };
            value.origin = column.origin;
            value.form = Form::Column;
            value.collation = column.collation.into();
            self.convert_cell(&mut value, *target)?;
            items.push(Item::One {
                value,
                name: column.name,
                naming: Naming::Column,
            });
        }
        Ok(())
    }
}

/// Whether an expression can say how many rows: all but literals may.
fn can_count(count: &Typed) -> bool {
    match &count.form {
        Form::Text(text) => text.trim().parse::<i64>().is_ok(),
        Form::Number => matches!(count.sql_type, Some(SqlType::Integer | SqlType::Bigint)),
        _ => true,
    }
}

/// Literals take the types of the other arms, as they do in CASE.
fn unify_literals(arms: &[Arm], merged: &mut [Column]) {
    if arms.len() < 2 {
        return;
    }
    for (at, column) in merged.iter_mut().enumerate() {
        let cells: Option<Vec<&Typed>> = arms.iter().map(|arm| arm.body.single(at)).collect();
        if let Some(cells) = cells {
            column.sql_type = unify(cells.iter().copied());
        }
    }
}

fn merge(column: &mut Column, other: &Column) {
    column.sql_type = unify_types(column.sql_type, other.sql_type);
    column.nullable |= other.nullable;
    column.collation = Collation::from(column.collation)
        .with(other.collation.into())
        .name;
    if column.origin != other.origin {
        column.origin = None;
    }
}

/// Whether values of a type need no conversion to be values of another.
fn is_same_form(from: Option<SqlType>, to: Option<SqlType>) -> bool {
    let form = |sql_type| match sql_type {
        SqlType::Integer | SqlType::Bigint | SqlType::Boolean => 0,
        SqlType::Decimal { .. } | SqlType::Double => 1,
        SqlType::Varchar { .. } => 2,
        SqlType::Varbinary => 3,
        SqlType::Date => 4,
        SqlType::Time => 5,
        SqlType::Timestamp => 6,
    };
    match (from, to) {
        (Some(from), Some(to)) => {
            form(from) == form(to) || (form(to) == 2 && matches!(form(from), 3..=6))
        }
        _ => true,
    }
}

/// The columns with a number behind each name that was there before, as `SQLite` does.
pub(super) fn distinct_names(columns: &[Column]) -> Vec<Column> {
    let mut distinct: Vec<Column> = Vec::with_capacity(columns.len());
    let mut taken = std::collections::HashSet::with_capacity(columns.len());
    for column in columns {
        let mut name = column.name.clone();
        let mut count = 0;
        while !taken.insert(name.to_ascii_lowercase()) {
            count += 1;
            name = format!("{}:{count}", column.name);
        }
        distinct.push(Column {
            name,
            ..column.clone()
        });
    }
    distinct
}

/// The name of the column that an expression shows as it is.
fn shown_column(expr: &Expr, scope: &Scope) -> Option<String> {
    match expr {
        Expr::Parenthesized(exprs) => match exprs.as_slice() {
            [expr] => shown_column(expr, scope),
            _ => None,
        },
        Expr::Id(Id(name)) | Expr::Name(Name(name)) => match scope.find(&unquoted(name)) {
            Found::Column(column, _) => Some(column.name),
            _ => None,
        },
        Expr::Qualified(table, name) | Expr::DoublyQualified(_, table, name) => {
            let name = unquoted(name.0);
            let named = scope.relations_named(&unquoted(table.0));
            let known = named.iter().find_map(|relation| {
                let column = relation.position(&name).and_then(|at| relation.column(at));
                column.or_else(|| rowid(relation, &name))
            });
            Some(known.map_or(name, |column| column.name))
        }
        _ => None,
    }
}

/// Fails where the columns of a table are not all known.
fn complete(relation: &Relation) -> Outcome<()> {
    match relation.incomplete() {
        Some(table) => Err(Failure::NeedsCustomFields {
            table: table.name.clone(),
        }),
        None => Ok(()),
    }
}

/// A term of ORDER BY or GROUP BY that is the number of a column.
fn position_term(source: &Source, position: i64, columns: usize) -> Outcome<String> {
    let text = position.to_string();
    match usize::try_from(position) {
        Ok(at) if (1..=columns).contains(&at) => Ok(text),
        _ => {
            let mut problem = Problem::syntax(format!(
                "There is no column {position}: the result has {columns}."
            ));
            problem.place = source.find_term(&text);
            Err(problem.into())
        }
    }
}

fn direction(term: &SortedColumn) -> &'static str {
    use sqlite3_parser::ast::NullsOrder::{First, Last};
    match (&term.order, &term.nulls) {
        (None, None) => "",
        (None, Some(First)) => " NULLS FIRST",
        (None, Some(Last)) => " NULLS LAST",
        (Some(SortOrder::Asc), None) => " ASC",
        (Some(SortOrder::Asc), Some(First)) => " ASC NULLS FIRST",
        (Some(SortOrder::Asc), Some(Last)) => " ASC NULLS LAST",
        (Some(SortOrder::Desc), None) => " DESC",
        (Some(SortOrder::Desc), Some(First)) => " DESC NULLS FIRST",
        (Some(SortOrder::Desc), Some(Last)) => " DESC NULLS LAST",
    }
}

fn operator_text(operator: CompoundOperator) -> &'static str {
    match operator {
        CompoundOperator::Union => " UNION ",
        CompoundOperator::UnionAll => " UNION ALL ",
        CompoundOperator::Except => " EXCEPT ",
        CompoundOperator::Intersect => " INTERSECT ",
    }
}
