//! Expressions: what each kind of node is, by its type and as text.

use sqlite3_parser::ast::{Expr, Id, LikeOperator, Literal, Name, Operator, Select, UnaryOperator};

use super::Analyzer;
use super::collation::Collation;
use super::compare::Comparison;
use super::failure::{Failure, Outcome, Problem};
use super::literals;
use super::order::chain;
use super::scope::{Column, Found, Relation, Scope, rowid};
use super::source::unquoted;
use super::typed::{Form, Typed, display_size, unify};
use crate::types::SqlType;

impl Analyzer<'_> {
    /// The type of an expression and its text for `SQLite`.
    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope) -> Outcome<Typed> {
        match expr {
            Expr::Binary(..) => self.binary_chain(expr, scope),
            Expr::Between {
                lhs,
                not,
                start,
                end,
            } => self.between(lhs, *not, (start, end), scope),
            Expr::Case {
                base,
                when_then_pairs,
                else_expr,
            } => self.case(*base, when_then_pairs, *else_expr, scope),
            Expr::Cast { expr, type_name } => {
                let value = self.expr(expr, scope)?;
                self.cast(value, type_name.as_ref())
            }
            Expr::Collate(expr, collation) => {
                let value = self.expr(expr, scope)?;
                let value = value.rewritten(|text| format!("{text} COLLATE {collation}"));
                let name = unquoted(collation);
                Ok(value.with_collation(Collation::written(&name)))
            }
            Expr::Exists(select) => {
                let query = self.select(select, Some(scope), scope.ctes)?;
                let text = format!("EXISTS ({})", query.into_text());
                Ok(Typed::new(text, SqlType::Boolean, false))
            }
            Expr::FunctionCall {
                name,
                distinctness,
                args,
                order_by,
                filter_over,
            } => self.call(
                name.0,
                *distinctness,
                args.unwrap_or_default(),
                order_by.as_ref(),
                filter_over.as_ref(),
                scope,
            ),
            Expr::FunctionCallStar { name, filter_over } => {
                self.call_star(name.0, filter_over.as_ref(), scope)
            }
            Expr::Id(Id(name)) | Expr::Name(Name(name)) => self.bare_name(name, scope),
            Expr::Qualified(table, column) | Expr::DoublyQualified(_, table, column) => {
                self.rewritten |= matches!(expr, Expr::DoublyQualified(..));
                self.qualified_name(table.0, column.0, scope)
            }
            Expr::InList { lhs, not, rhs } => {
                self.in_list(lhs, *not, rhs.unwrap_or_default(), scope)
            }
            Expr::InSelect { lhs, not, rhs } => self.in_select(lhs, *not, rhs, scope),
            Expr::InTable {
                lhs,
                not,
                rhs,
                args,
            } => self.in_table(lhs, *not, rhs, args.unwrap_or_default(), scope),
            Expr::IsNull(expr) => self.null_test(expr, "ISNULL", scope),
            Expr::NotNull(expr) => self.null_test(expr, "NOTNULL", scope),
            Expr::Like {
                lhs,
                not,
                op,
                rhs,
                escape,
            } => self.like(lhs, (*not, *op), rhs, *escape, scope),
            Expr::Literal(literal) => self.literal(literal),
            Expr::Parenthesized(exprs) => self.parenthesized(exprs, scope),
            Expr::Raise(..) => Err(Problem::syntax("RAISE belongs to triggers only.").into()),
            Expr::Subquery(select) => self.scalar_subquery(select, scope),
            Expr::Unary(operator, expr) => self.unary(*operator, expr, scope),
            Expr::Variable(number) => Ok(self.parameter(number)),
        }
    }

    fn literal(&self, literal: &Literal) -> Outcome<Typed> {
        if let Literal::Numeric(text) = literal
            && literals::is_infinite(text)
        {
            let mut problem = Problem::new(
                apilink_core::SqlState::OUT_OF_RANGE,
                format!("{text} is too large for a DOUBLE."),
            );
            problem.place = self.source.find(&[text]);
            return Err(problem.into());
        }
        Ok(literal_value(literal))
    }

    pub(super) fn exprs(&mut self, exprs: &[Expr], scope: &Scope) -> Outcome<Vec<Typed>> {
        exprs.iter().map(|expr| self.expr(expr, scope)).collect()
    }

    /// A condition as text.
    pub(super) fn condition(&mut self, expr: &Expr, scope: &Scope) -> Outcome<String> {
        let value = self.expr(expr, scope)?;
        Ok(self.truth(value)?.into_text())
    }

    /// An operand of AND, OR and NOT.
    pub(super) fn truth(&mut self, value: Typed) -> Outcome<Typed> {
        match value.form {
            Form::Parameter(_) | Form::Text(_) => self.convert(value, SqlType::Boolean),
            _ => Ok(value),
        }
    }

    /// A value in the form of another type, and a note if that has changed the text.
    pub(super) fn convert(&mut self, value: Typed, target: SqlType) -> Outcome<Typed> {
        let before = value.clone();
        let literal = match &value.form {
            Form::Text(text) => Some(text.clone()),
            _ => None,
        };
        let converted = value
            .convert(target, &mut self.parameters)
            .map_err(|failure| self.placed(failure, literal))?;
        self.rewritten |= !converted.has_text_of(&before);
        Ok(converted)
    }

    /// A failure with the place of the text literal that it is about.
    pub(super) fn placed(&self, failure: Failure, literal: Option<String>) -> Failure {
        match (failure, literal) {
            (Failure::Wrong(mut problem), Some(literal)) => {
                problem.place = problem.place.or_else(|| self.source.find(&[&literal]));
                Failure::Wrong(problem)
            }
            (failure, _) => failure,
        }
    }

    fn parameter(&mut self, number: &str) -> Typed {
        let number = number
            .parse::<usize>()
            .map_or(0, |number| number.saturating_sub(1));
        let text = format!("?{}", number + 1);
        let mut typed = Typed::untyped(text).with_form(Form::Parameter(number));
        typed.sql_type = self.parameters.sql_type(number);
        typed
    }

    fn bare_name(&mut self, name: &str, scope: &Scope) -> Outcome<Typed> {
        let bare = unquoted(name);
        match scope.find(&bare) {
            Found::Column(column, None) | Found::Alias(column) => Ok(column_value(name, column)),
            Found::Column(column, Some(text)) => Ok(spelled_value(&text, column)),
            Found::Several(relations) => Err(self.ambiguous(&bare, &relations)),
            Found::Nothing => match name.to_ascii_lowercase().as_str() {
                "true" | "false" => Ok(Typed::new(name, SqlType::Boolean, false)),
                _ if name.starts_with('"') => Err(self.unknown_quoted(&bare, scope)),
                _ => Err(self.unknown_column(&bare, &tables_of(scope), scope)),
            },
        }
    }

    fn ambiguous(&self, name: &str, relations: &[String]) -> Failure {
        let namesakes = relations
            .windows(2)
            .find(|pair| matches!(pair, [one, other] if one.eq_ignore_ascii_case(other)));
        let why = if let Some([namesake, _]) = namesakes {
            format!("FROM has several tables of the name {namesake}. Give each its own alias")
        } else {
            let with_name = |relation: &String| format!("{relation}.{name}");
            let names: Vec<String> = relations.iter().map(with_name).collect();
            format!("it can be {}", names.join(" or "))
        };
        let mut problem = Problem::syntax(format!("The column {name} is ambiguous: {why}."));
        problem.place = self.source.find_column(name);
        problem.into()
    }

    /// What `SQLite` would take for a text.
    fn unknown_quoted(&self, name: &str, scope: &Scope) -> Failure {
        match self.unknown_column(name, &tables_of(scope), scope) {
            Failure::Wrong(mut problem) => {
                let hint = " A text is written in single quotes: ";
                problem.message.push_str(hint);
                problem.message.push_str(&literals::literal(name));
                problem.message.push('.');
                Failure::Wrong(problem)
            }
            needs @ Failure::NeedsCustomFields { .. } => needs,
        }
    }

    fn qualified_name(&mut self, table: &str, column: &str, scope: &Scope) -> Outcome<Typed> {
        let (bare_table, bare) = (unquoted(table), unquoted(column));
        let relations = scope.relations_named(&bare_table);
        if relations.is_empty() {
            return Err(self.unknown_qualifier(&bare_table, &bare, scope));
        }
        let text = format!("{table}.{column}");
        let find = |relation: &&&Relation| relation.position(&bare).is_some();
        let with_column: Vec<&&Relation> = relations.iter().filter(find).collect();
        match with_column.as_slice() {
            [relation] => match relation.position(&bare).and_then(|at| relation.column(at)) {
                Some(column) => Ok(column_value(&text, column)),
                None => Err(self.unknown_column(&bare, &bare_table, scope)),
            },
            [] => self.without_column(&relations, &bare_table, &bare, &text, scope),
            _ => {
                let mut problem = Problem::syntax(format!(
                    "{text} is ambiguous: FROM has several tables of the name {bare_table}. Give \
                     each its own alias."
                ));
                problem.place = self.source.find(&[&bare_table, ".", &bare]);
                Err(problem.into())
            }
        }
    }

    /// `table.rowid`, or an error that looks for near names in that table only.
    fn without_column(
        &self,
        relations: &[&Relation],
        table: &str,
        column: &str,
        text: &str,
        scope: &Scope,
    ) -> Outcome<Typed> {
        if let [relation] = relations
            && let Some(rowid) = rowid(relation, column)
        {
            return Ok(column_value(text, rowid));
        }
        let mut only = Scope::new(None, scope.ctes);
        only.relations = relations.iter().map(|&relation| relation.clone()).collect();
        match self.unknown_column(column, table, &only) {
            Failure::Wrong(mut problem) => {
                let exact = self.source.find(&[table, ".", column]);
                problem.place = exact.or(problem.place);
                Err(Failure::Wrong(problem))
            }
            needs @ Failure::NeedsCustomFields { .. } => Err(needs),
        }
    }

    /// A chain of operators of the same rank, from the left to the right: `a OR b OR c …` can be long.
    fn binary_chain(&mut self, expr: &Expr, scope: &Scope) -> Outcome<Typed> {
        let (first, rest) = chain(expr);
        let mut left = self.expr(first, scope)?;
        for (operator, right) in rest.into_iter().rev() {
            let right = self.expr(right, scope)?;
            left = self.binary(left, operator, right)?;
        }
        Ok(left)
    }

    fn binary(&mut self, left: Typed, operator: Operator, right: Typed) -> Outcome<Typed> {
        match operator {
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Modulus => self.arithmetic(left, operator, right),
            Operator::And | Operator::Or => {
                let (left, right) = (self.truth(left)?, self.truth(right)?);
                let nullable = left.nullable || right.nullable;
                let word = if operator == Operator::And {
                    "AND"
                } else {
                    "OR"
                };
                Ok(joined(left, word, right, SqlType::Boolean, nullable))
            }
            Operator::Concat => self.concat(left, right),
            Operator::BitwiseAnd
            | Operator::BitwiseOr
            | Operator::LeftShift
            | Operator::RightShift => {
                let left = self.suggest(left, SqlType::Bigint)?;
                let right = self.suggest(right, SqlType::Bigint)?;
                let nullable = left.nullable || right.nullable;
                let sign = bit_sign(operator);
                Ok(joined(left, sign, right, SqlType::Bigint, nullable))
            }
            Operator::ArrowRight => Ok(joined(left, "->", right, SqlType::TEXT, true)),
            Operator::ArrowRightShift => {
                Ok(joined(left, "->>", right, SqlType::TEXT, true).with_form(Form::Json))
            }
            _ => match Comparison::of(operator) {
                Some(comparison) => self.comparison(left, comparison, right),
                None => Err(Problem::syntax("An operator has no meaning here.").into()),
            },
        }
    }

    /// A parameter takes the type; anything else stays.
    pub(super) fn suggest(&mut self, value: Typed, sql_type: SqlType) -> Outcome<Typed> {
        match value.form {
            Form::Parameter(_) => self.convert(value, sql_type),
            _ => Ok(value),
        }
    }

    fn concat(&mut self, left: Typed, right: Typed) -> Outcome<Typed> {
        let left = self.suggest(left, SqlType::TEXT)?;
        let right = self.suggest(right, SqlType::TEXT)?;
        let size_of = |typed: &Typed| typed.sql_type.map_or(0, display_size);
        let size = size_of(&left).saturating_add(size_of(&right));
        let nullable = left.nullable || right.nullable;
        let collation = Collation::of_parts([&left, &right]);
        let sql_type = SqlType::Varchar { size };
        let (left, right) = (self.shown(left), self.shown(right));
        Ok(joined(left, "||", right, sql_type, nullable).with_collation(collation))
    }

    /// A DECIMAL as the text that is shown of it; anything else as it is.
    pub(super) fn shown(&mut self, value: Typed) -> Typed {
        if !value.is_decimal() {
            return value;
        }
        self.rewritten = true;
        let size = display_size(value.shown_type());
        let mut text = value.into_shown();
        text.sql_type = Some(SqlType::Varchar { size });
        text
    }

    fn null_test(&mut self, expr: &Expr, word: &str, scope: &Scope) -> Outcome<Typed> {
        let text = self.expr(expr, scope)?.into_text();
        Ok(Typed::new(
            format!("{text} {word}"),
            SqlType::Boolean,
            false,
        ))
    }

    fn like(
        &mut self,
        lhs: &Expr,
        (not, operator): (bool, LikeOperator),
        rhs: &Expr,
        escape: Option<&Expr>,
        scope: &Scope,
    ) -> Outcome<Typed> {
        let left = self.expr(lhs, scope)?;
        let left = self.suggest(left, SqlType::TEXT)?;
        let right = self.expr(rhs, scope)?;
        let right = self.suggest(right, SqlType::TEXT)?;
        let (left, right) = (self.shown(left), self.shown(right));
        let nullable = left.nullable || right.nullable;
        let not = if not { "NOT " } else { "" };
        let word = match operator {
            LikeOperator::Glob => "GLOB",
            LikeOperator::Like => "LIKE",
            LikeOperator::Match => "MATCH",
            LikeOperator::Regexp => "REGEXP",
        };
        let mut text = format!("{} {not}{word} {}", left.into_text(), right.into_text());
        if let Some(escape) = escape {
            let escape = self.expr(escape, scope)?;
            self.check_escape(&escape)?;
            let escape = self.suggest(escape, SqlType::Varchar { size: 1 })?;
            text.push_str(" ESCAPE ");
            text.push_str(&escape.into_text());
        }
        Ok(Typed::new(text, SqlType::Boolean, nullable))
    }

    fn check_escape(&self, escape: &Typed) -> Outcome<()> {
        match &escape.form {
            Form::Text(text) if text.chars().count() != 1 => {
                let mut problem = Problem::syntax(format!(
                    "ESCAPE takes one character, such as '!', and {} is not one.",
                    literals::literal(text)
                ));
                problem.place = self.source.find(&["ESCAPE", text]);
                Err(problem.into())
            }
            _ => Ok(()),
        }
    }

    fn parenthesized(&mut self, exprs: &[Expr], scope: &Scope) -> Outcome<Typed> {
        if let [expr] = exprs {
            let value = self.expr(expr, scope)?;
            return Ok(value.map_text(|text| format!("({text})")));
        }
        Ok(row(self.exprs(exprs, scope)?))
    }

    fn scalar_subquery(&mut self, select: &Select, scope: &Scope) -> Outcome<Typed> {
        let query = self.select(select, Some(scope), scope.ctes)?;
        let column = match query.columns.as_slice() {
            [column] => Some(column.clone()),
            _ => None,
        };
        let collation = column.as_ref().map(|column| column.collation);
        let collation = collation.unwrap_or_default();
        let text = format!("({})", query.into_text());
        Ok(match column.and_then(|column| column.sql_type) {
            Some(sql_type) => Typed::new(text, sql_type, true),
            None => Typed::untyped(text),
        }
        .with_collation(collation))
    }

    fn unary(&mut self, operator: UnaryOperator, expr: &Expr, scope: &Scope) -> Outcome<Typed> {
        let value = self.expr(expr, scope)?;
        match operator {
            UnaryOperator::Not => {
                let value = self.truth(value)?;
                let nullable = value.nullable;
                let text = format!("NOT {}", value.into_text());
                Ok(Typed::new(text, SqlType::Boolean, nullable))
            }
            UnaryOperator::BitwiseNot => {
                let value = self.suggest(value, SqlType::Bigint)?;
                let nullable = value.nullable;
                let text = format!("~{}", value.into_text());
                Ok(Typed::new(text, SqlType::Bigint, nullable))
            }
            UnaryOperator::Positive => Ok(value.map_text(|text| format!("+{text}"))),
            UnaryOperator::Negative => self.negative(value),
        }
    }

    fn case(
        &mut self,
        base: Option<&Expr>,
        pairs: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        scope: &Scope,
    ) -> Outcome<Typed> {
        let (mut whens, mut thens) = (Vec::new(), Vec::new());
        for (when, then) in pairs {
            whens.push(self.expr(when, scope)?);
            thens.push(self.expr(then, scope)?);
        }
        let mut text = "CASE".to_owned();
        if let Some(base) = base {
            let base = self.expr(base, scope)?;
            let (base, compared) = self.against(base, Comparison::Equal, whens)?;
            whens = compared;
            text.push(' ');
            text.push_str(&base.into_text());
        } else {
            whens = whens
                .into_iter()
                .map(|when| self.truth(when))
                .collect::<Outcome<_>>()?;
        }
        let has_else = otherwise.is_some();
        if let Some(otherwise) = otherwise {
            thens.push(self.expr(otherwise, scope)?);
        }
        let collation = Collation::of_all(&thens);
        let (sql_type, mut thens) = self.unified(thens)?;
        let nullable = !has_else || thens.iter().any(|then| then.nullable);
        let otherwise = if has_else { thens.pop() } else { None };
        for (when, then) in whens.into_iter().zip(thens) {
            text.push_str(" WHEN ");
            text.push_str(&when.into_text());
            text.push_str(" THEN ");
            text.push_str(&then.into_text());
        }
        if let Some(otherwise) = otherwise {
            text.push_str(" ELSE ");
            text.push_str(&otherwise.into_text());
        }
        text.push_str(" END");
        Ok(match sql_type {
            Some(sql_type) => Typed::new(text, sql_type, nullable),
            None => Typed::untyped(text),
        }
        .with_collation(collation))
    }

    /// Brings expressions to the type that they have together.
    pub(super) fn unified(&mut self, values: Vec<Typed>) -> Outcome<(Option<SqlType>, Vec<Typed>)> {
        let Some(sql_type) = unify(&values) else {
            return Ok((None, values));
        };
        let values: Outcome<Vec<Typed>> = values
            .into_iter()
            .map(|value| self.convert(value, sql_type))
            .collect();
        Ok((Some(sql_type), values?))
    }
}

/// A row value.
pub(super) fn row(values: Vec<Typed>) -> Typed {
    let texts: Vec<String> = values.iter().cloned().map(Typed::into_text).collect();
    let nullable = values.iter().any(|value| value.nullable);
    let mut row = Typed::untyped(format!("({})", texts.join(", "))).with_form(Form::Row(values));
    row.nullable = nullable;
    row
}

/// A column as a value.
fn column_value(text: &str, column: Column) -> Typed {
    let mut typed = match column.sql_type {
        Some(sql_type) => Typed::new(text, sql_type, column.nullable),
        None => Typed::untyped(text),
    }
    .with_form(if column.of_json {
        Form::Json
    } else {
        Form::Column
    });
    typed.origin = column.origin;
    typed.collation = column.collation.into();
    typed
}

/// A column that is written in another way than by its name. `SQLite` may know another collation.
pub(super) fn spelled_value(text: &str, column: Column) -> Typed {
    column_value(text, column).with_form(Form::Other)
}

/// Two expressions with an operator between them.
pub(super) fn joined(
    left: Typed,
    operator: &str,
    right: Typed,
    sql_type: SqlType,
    nullable: bool,
) -> Typed {
    let mut text = left.into_text();
    text.push(' ');
    text.push_str(operator);
    text.push(' ');
    text.push_str(&right.into_text());
    Typed::new(text, sql_type, nullable)
}

fn bit_sign(operator: Operator) -> &'static str {
    match operator {
        Operator::BitwiseAnd => "&",
        Operator::BitwiseOr => "|",
        Operator::LeftShift => "<<",
        _ => ">>",
    }
}

fn literal_value(literal: &Literal) -> Typed {
    match literal {
        Literal::Numeric(text) => {
            Typed::new(*text, literals::number_type(text), false).with_form(Form::Number)
        }
        Literal::String(text) => Typed::text_literal(literals::text_of(text)),
        Literal::Blob(digits) => Typed::new(format!("x'{digits}'"), SqlType::Varbinary, false),
        Literal::Keyword(text) => Typed::new(*text, SqlType::TEXT, true),
        Literal::Null => Typed::untyped("NULL"),
        Literal::CurrentDate => Typed::new("CURRENT_DATE", SqlType::Date, false),
        Literal::CurrentTime => Typed::new("CURRENT_TIME", SqlType::Time, false),
        Literal::CurrentTimestamp => Typed::new("CURRENT_TIMESTAMP", SqlType::Timestamp, false),
    }
}

/// The tables of FROM, for a message.
fn tables_of(scope: &Scope) -> String {
    let names: Vec<&str> = scope
        .outward()
        .flat_map(|scope| {
            scope
                .relations
                .iter()
                .map(|relation| relation.name.as_str())
        })
        .filter(|name| !name.is_empty())
        .collect();
    let has_from = scope.outward().any(|scope| !scope.relations.is_empty());
    match names.as_slice() {
        [] if has_from => "the subquery".to_owned(),
        [] => "this place, where no FROM names a table".to_owned(),
        names => names.join(", "),
    }
}
