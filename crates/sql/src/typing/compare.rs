//! Comparisons: what is compared is brought to one form, where `SQLite` would compare texts with
//! numbers, or a date with a timestamp.

use apilink_core::SqlState;
use sqlite3_parser::ast::{Expr, Operator, QualifiedName, Select};
use time::Time;

use super::Analyzer;
use super::collation::{Kind, Side};
use super::expression::{joined, row};
use super::failure::{Failure, Outcome, Problem};
use super::literals;
use super::scope::{Relation, Scope};
use super::typed::{Form, Typed, is_temporal, no_temporal};
use crate::functions::moment::{Moment, date_text};
use crate::types::SqlType;

/// An operator that compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Is,
    IsNot,
}

impl Comparison {
    pub(super) fn of(operator: Operator) -> Option<Self> {
        Some(match operator {
            Operator::Equals => Self::Equal,
            Operator::NotEquals => Self::NotEqual,
            Operator::Less => Self::Less,
            Operator::LessEquals => Self::LessOrEqual,
            Operator::Greater => Self::Greater,
            Operator::GreaterEquals => Self::GreaterOrEqual,
            Operator::Is => Self::Is,
            Operator::IsNot => Self::IsNot,
            _ => return None,
        })
    }

    /// How it can have been written.
    fn texts(self) -> &'static [&'static str] {
        match self {
            Self::Equal => &["=", "==", "IN ("],
            Self::NotEqual => &["<>", "!="],
            Self::Less => &["<"],
            Self::LessOrEqual => &["<=", "BETWEEN"],
            Self::Greater => &[">"],
            Self::GreaterOrEqual => &[">=", "BETWEEN"],
            Self::Is => &["IS"],
            Self::IsNot => &["IS NOT"],
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Is => "IS",
            Self::IsNot => "IS NOT",
        }
    }

    /// The same with the sides changed.
    fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

impl Analyzer<'_> {
    pub(super) fn comparison(
        &mut self,
        left: Typed,
        comparison: Comparison,
        right: Typed,
    ) -> Outcome<Typed> {
        let (left, right) = self.comparable(left, comparison, right)?;
        let left = self.collated_beside(left, Side::of(&right));
        let is = matches!(comparison, Comparison::Is | Comparison::IsNot);
        let nullable = !is && (left.nullable || right.nullable);
        Ok(joined(
            left,
            comparison.text(),
            right,
            SqlType::Boolean,
            nullable,
        ))
    }

    /// Both sides of a comparison in forms that `SQLite` compares as their types say.
    fn comparable(
        &mut self,
        left: Typed,
        comparison: Comparison,
        right: Typed,
    ) -> Outcome<(Typed, Typed)> {
        if let (Form::Row(_), Form::Row(_)) = (&left.form, &right.form) {
            return self.comparable_rows(left, comparison, right);
        }
        if let Some((left, right)) = self.parameter_beside(&left, &right)? {
            return Ok(self.comparable_json(left, right));
        }
        let (Some(a), Some(b)) = (left.sql_type, right.sql_type) else {
            return Ok((left, right));
        };
        if a != b && (is_temporal(a) || is_temporal(b)) {
            return self.comparable_temporal(left, comparison, right);
        }
        if left.form == Form::Json || right.form == Form::Json {
            return Ok(self.comparable_json(left, right));
        }
        self.comparable_texts(left, right)
    }

    /// A value out of JSON is a text beside a text, and what it is beside anything else.
    fn comparable_json(&mut self, left: Typed, right: Typed) -> (Typed, Typed) {
        let is_beside_text = |value: &Typed, other: &Typed| {
            value.form == Form::Json && other.form != Form::Json && other.is_text()
        };
        if is_beside_text(&left, &right) {
            (self.json_as_text(left), right)
        } else if is_beside_text(&right, &left) {
            let right = self.json_as_text(right);
            (left, right)
        } else {
            (left, right)
        }
    }

    fn json_as_text(&mut self, value: Typed) -> Typed {
        self.rewritten = true;
        value.rewritten(|text| format!("CAST({text} AS TEXT)"))
    }

    fn comparable_rows(
        &mut self,
        left: Typed,
        comparison: Comparison,
        right: Typed,
    ) -> Outcome<(Typed, Typed)> {
        let (Form::Row(lefts), Form::Row(rights)) = (left.form, right.form) else {
            return Err(Problem::syntax("A row value stands beside a single value.").into());
        };
        if lefts.len() != rights.len() {
            return Err(Problem::syntax(format!(
                "Row values of {} and {} values cannot be compared.",
                lefts.len(),
                rights.len()
            ))
            .into());
        }
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for (left, right) in lefts.into_iter().zip(rights) {
            let (left, right) = self.comparable(left, comparison, right)?;
            a.push(self.collated_beside(left, Side::of(&right)));
            b.push(right);
        }
        Ok((row(a), row(b)))
    }

    /// A parameter takes the type of the other side.
    fn parameter_beside(&mut self, left: &Typed, right: &Typed) -> Outcome<Option<(Typed, Typed)>> {
        match (&left.form, &right.form, left.sql_type, right.sql_type) {
            (_, Form::Parameter(_), Some(sql_type), _) => {
                let right = self.convert(right.clone(), sql_type)?;
                Ok(Some((left.clone(), right)))
            }
            (Form::Parameter(_), _, _, Some(sql_type)) => {
                let left = self.convert(left.clone(), sql_type)?;
                Ok(Some((left, right.clone())))
            }
            _ => Ok(None),
        }
    }

    /// Numbers and truth values beside text literals, and texts beside number literals.
    fn comparable_texts(&mut self, left: Typed, right: Typed) -> Outcome<(Typed, Typed)> {
        self.check_literal(&left, &right)?;
        self.check_literal(&right, &left)?;
        if let Some(sql_type) = type_for_text(&left, &right) {
            let right = self.convert(right, sql_type)?;
            return Ok((left, right));
        }
        if let Some(sql_type) = type_for_text(&right, &left) {
            let left = self.convert(left, sql_type)?;
            return Ok((left, right));
        }
        let number_beside_text = |text: &Typed, number: &Typed| {
            text.is_text()
                && !matches!(text.form, Form::Column | Form::Text(_))
                && number.form == Form::Number
        };
        if number_beside_text(&left, &right) {
            let right = self.convert(right, SqlType::TEXT)?;
            return Ok((left, right));
        }
        if number_beside_text(&right, &left) {
            let left = self.convert(left, SqlType::TEXT)?;
            return Ok((left, right));
        }
        Ok(if right.is_text() {
            (self.with_affinity(left), right)
        } else if left.is_text() {
            let right = self.with_affinity(right);
            (left, right)
        } else {
            (left, right)
        })
    }

    /// 22018 for a text literal beside a number or a truth value that it cannot be: as `SQLite` has it,
    /// the one would never equal the other, and nothing would say so.
    fn check_literal(&self, value: &Typed, literal: &Typed) -> Outcome<()> {
        let (Form::Text(text), Some(sql_type)) = (&literal.form, value.sql_type) else {
            return Ok(());
        };
        if literals::can_be(text, sql_type) {
            return Ok(());
        }
        let what = value.clone().into_text();
        let what = match value.form {
            Form::Column => format!("The column {what}"),
            _ => what,
        };
        let type_name = sql_type.name();
        let shown = literals::literal(text);
        let problem = Problem::new(
            SqlState::INVALID_CAST,
            if sql_type == SqlType::Boolean {
                format!("{what} is {type_name}, and {shown} is neither 'true' nor 'false'.")
            } else {
                format!("{what} is {type_name}, and {shown} is no number.")
            },
        );
        Err(self.placed(problem.into(), Some(text.clone())))
    }

    /// A DECIMAL that `SQLite` compares with a text as it compares a column of numbers: with the
    /// number that the text is.
    fn with_affinity(&mut self, value: Typed) -> Typed {
        if !value.is_decimal() || value.origin.is_some() {
            return value;
        }
        self.rewritten = true;
        let sql_type = value.sql_type;
        let mut number = value.rewritten(|text| format!("CAST({text} AS REAL)"));
        number.sql_type = sql_type;
        number
    }

    fn comparable_temporal(
        &mut self,
        left: Typed,
        comparison: Comparison,
        right: Typed,
    ) -> Outcome<(Typed, Typed)> {
        if right.is_temporal() && (!left.is_temporal() || gives_way(&left, &right)) {
            let (right, left) = self.comparable_temporal_to(right, comparison.flipped(), left)?;
            return Ok((left, right));
        }
        self.comparable_temporal_to(left, comparison, right)
    }

    /// `right` is brought to the type of `left` where that is possible.
    fn comparable_temporal_to(
        &mut self,
        left: Typed,
        comparison: Comparison,
        right: Typed,
    ) -> Outcome<(Typed, Typed)> {
        match (left.sql_type, right.sql_type) {
            (Some(SqlType::Date), Some(SqlType::Varchar { .. })) => {
                self.date_beside_text(left, comparison, right)
            }
            (Some(a), Some(SqlType::Varchar { .. })) => {
                let right = self.convert(right, a)?;
                Ok((left, right))
            }
            (Some(SqlType::Timestamp), Some(SqlType::Date)) => {
                let right = self.convert(right, SqlType::Timestamp)?;
                Ok((left, right))
            }
            (Some(SqlType::Date), Some(SqlType::Timestamp)) => {
                self.date_beside_timestamp(left, comparison, right)
            }
            (Some(a), Some(b)) => Err(self.mismatch((left, a), comparison, (right, b))),
            _ => Ok((left, right)),
        }
    }

    fn mismatch(
        &self,
        (left, a): (Typed, SqlType),
        comparison: Comparison,
        (right, b): (Typed, SqlType),
    ) -> Failure {
        let (left, right) = (left.into_text(), right.into_text());
        let place = |comparison: Comparison, left: &str, right: &str| {
            let find = |operator| self.source.find_operation(left, operator, right);
            comparison
                .texts()
                .iter()
                .find_map(|operator| find(operator))
        };
        let mut problem = Problem::syntax(format!(
            "{} and {} cannot be compared. A date is written '2026-06-30'.",
            a.name(),
            b.name()
        ));
        // The sides can have been changed.
        problem.place = place(comparison, &left, &right)
            .or_else(|| place(comparison.flipped(), &right, &left))
            .or_else(|| self.source.find_only(&left))
            .or_else(|| self.source.find_only(&right));
        problem.into()
    }

    /// A literal with a time of day is compared as the point in time that it is.
    fn date_beside_text(
        &mut self,
        left: Typed,
        comparison: Comparison,
        right: Typed,
    ) -> Outcome<(Typed, Typed)> {
        let Form::Text(text) = &right.form else {
            let right = self.convert(right, SqlType::Date)?;
            return Ok((left, right));
        };
        let moment = Moment::parse(text)
            .ok_or_else(|| self.placed(no_temporal(text, SqlType::Date), Some(text.clone())))?;
        let date = moment.date;
        let day = match comparison {
            _ if moment.timestamp().time() == Time::MIDNIGHT => Some(date),
            Comparison::LessOrEqual | Comparison::Greater => Some(date),
            Comparison::Less | Comparison::GreaterOrEqual => date.next_day(),
            _ => None,
        }
        .map(date_text);
        match day {
            Some(day) => {
                self.rewritten |= day != *text;
                Ok((
                    left,
                    Typed::new(literals::literal(&day), SqlType::Date, false),
                ))
            }
            None => self.both_timestamps(left, right),
        }
    }

    /// A DATE column stays as it is where the day of the other side says the same.
    fn date_beside_timestamp(
        &mut self,
        left: Typed,
        comparison: Comparison,
        right: Typed,
    ) -> Outcome<(Typed, Typed)> {
        match comparison {
            Comparison::LessOrEqual | Comparison::Greater if right.form != Form::Column => {
                let right = self.convert(right, SqlType::Date)?;
                Ok((left, right))
            }
            _ => self.both_timestamps(left, right),
        }
    }

    fn both_timestamps(&mut self, left: Typed, right: Typed) -> Outcome<(Typed, Typed)> {
        let left = self.convert(left, SqlType::Timestamp)?;
        let right = self.convert(right, SqlType::Timestamp)?;
        Ok((left, right))
    }

    /// One expression beside several, which can be converted in one way only.
    pub(super) fn against(
        &mut self,
        left: Typed,
        comparison: Comparison,
        others: Vec<Typed>,
    ) -> Outcome<(Typed, Vec<Typed>)> {
        let others = others
            .into_iter()
            .map(|other| (comparison, other))
            .collect();
        self.against_each(left, others)
    }

    fn against_each(
        &mut self,
        left: Typed,
        others: Vec<(Comparison, Typed)>,
    ) -> Outcome<(Typed, Vec<Typed>)> {
        let (left, others) = self.converted_against(left, others)?;
        let left = self.collated_among(left, &others);
        Ok((left, others))
    }

    fn converted_against(
        &mut self,
        left: Typed,
        others: Vec<(Comparison, Typed)>,
    ) -> Outcome<(Typed, Vec<Typed>)> {
        if let Form::Parameter(_) = left.form {
            return self.parameter_against(left, others);
        }
        let mut common = left.clone();
        let mut converted = Vec::with_capacity(others.len());
        for (comparison, other) in &others {
            let (here, there) = self.comparable(left.clone(), *comparison, other.clone())?;
            if !here.has_text_of(&left) {
                common = here;
            }
            converted.push(there);
        }
        if common.has_text_of(&left) {
            return Ok((left, converted));
        }
        let Some(sql_type) = common.sql_type else {
            return Ok((left, converted));
        };
        let others: Outcome<Vec<Typed>> = others
            .into_iter()
            .map(|(_, other)| self.convert(other, sql_type))
            .collect();
        Ok((common, others?))
    }

    fn parameter_against(
        &mut self,
        left: Typed,
        others: Vec<(Comparison, Typed)>,
    ) -> Outcome<(Typed, Vec<Typed>)> {
        let others: Vec<Typed> = others.into_iter().map(|(_, other)| other).collect();
        let (sql_type, others) = self.unified(others)?;
        let left = match sql_type {
            Some(sql_type) => self.convert(left, sql_type)?,
            None => left,
        };
        Ok((left, others))
    }

    pub(super) fn between(
        &mut self,
        lhs: &Expr,
        not: bool,
        (start, end): (&Expr, &Expr),
        scope: &Scope,
    ) -> Outcome<Typed> {
        let value = self.expr(lhs, scope)?;
        let start = self.expr(start, scope)?;
        let end = self.expr(end, scope)?;
        let nullable = value.nullable || start.nullable || end.nullable;
        let bounds = vec![
            (Comparison::GreaterOrEqual, start),
            (Comparison::LessOrEqual, end),
        ];
        let (value, bounds) = self.against_each(value, bounds)?;
        let bounds: Vec<String> = bounds.into_iter().map(Typed::into_text).collect();
        let not = if not { "NOT " } else { "" };
        let text = format!(
            "{} {not}BETWEEN {}",
            value.into_text(),
            bounds.join(" AND ")
        );
        Ok(Typed::new(text, SqlType::Boolean, nullable))
    }

    pub(super) fn in_list(
        &mut self,
        lhs: &Expr,
        not: bool,
        list: &[Expr],
        scope: &Scope,
    ) -> Outcome<Typed> {
        let value = self.expr(lhs, scope)?;
        let mut list = self.exprs(list, scope)?;
        if value.is_text() && !matches!(value.form, Form::Text(_)) {
            // The affinity of the left side is that of all.
            list = list
                .into_iter()
                .map(|element| self.shown(element))
                .collect();
        }
        let nullable = value.nullable || list.iter().any(|element| element.nullable);
        let (value, list) = self.against(value, Comparison::Equal, list)?;
        let list: Vec<String> = list.into_iter().map(Typed::into_text).collect();
        let not = if not { "NOT " } else { "" };
        let text = format!("{} {not}IN ({})", value.into_text(), list.join(", "));
        Ok(Typed::new(text, SqlType::Boolean, nullable))
    }

    pub(super) fn in_select(
        &mut self,
        lhs: &Expr,
        not: bool,
        select: &Select,
        scope: &Scope,
    ) -> Outcome<Typed> {
        let value = self.expr(lhs, scope)?;
        let mut query = self.select(select, Some(scope), scope.ctes)?;
        let nullable = value.nullable || query.columns.iter().any(|column| column.nullable);
        let values = match &value.form {
            Form::Row(values) => values.clone(),
            _ => vec![value.clone()],
        };
        if values.len() != query.columns.len() {
            let mut problem = Problem::syntax(format!(
                "IN compares {} with a subquery of {} columns.",
                if values.len() == 1 {
                    "one value".to_owned()
                } else {
                    format!("{} values", values.len())
                },
                query.columns.len()
            ));
            problem.place = self.place_of(&select.body.select);
            return Err(problem.into());
        }
        let (mut converted, mut targets) = (Vec::new(), Vec::new());
        for (at, (value, column)) in values.into_iter().zip(&query.columns).enumerate() {
            let (value, target) = self.beside_column(value, column.sql_type)?;
            let side = Side {
                collation: column.collation.into(),
                has_collate: query.shows_collate(at),
                kind: Kind::Column,
            };
            converted.push(self.collated_beside(value, side));
            targets.push(target);
        }
        if targets.iter().any(Option::is_some) {
            self.convert_columns(&mut query, &targets)?;
        }
        let value = match converted.pop() {
            Some(single) if converted.is_empty() => single,
            Some(last) => {
                converted.push(last);
                row(converted)
            }
            None => value,
        };
        let not = if not { "NOT " } else { "" };
        let text = format!("{} {not}IN ({})", value.into_text(), query.into_text());
        Ok(Typed::new(text, SqlType::Boolean, nullable))
    }

    /// A value beside a column of a subquery, and the type that the column is to be converted to.
    fn beside_column(
        &mut self,
        value: Typed,
        column: Option<SqlType>,
    ) -> Outcome<(Typed, Option<SqlType>)> {
        let Some(column) = column else {
            return Ok((value, None));
        };
        match (value.sql_type, column) {
            _ if matches!(value.form, Form::Parameter(_)) => {
                Ok((self.convert(value, column)?, None))
            }
            (Some(SqlType::Date), SqlType::Timestamp) => {
                Ok((self.convert(value, SqlType::Timestamp)?, None))
            }
            (Some(SqlType::Timestamp), SqlType::Date) => Ok((value, Some(SqlType::Timestamp))),
            (Some(own), SqlType::Varchar { .. }) if is_temporal(own) => Ok((value, Some(own))),
            (Some(SqlType::Varchar { .. }), column) if is_temporal(column) => {
                Ok((self.convert(value, column)?, None))
            }
            (Some(SqlType::Decimal { .. }), SqlType::Varchar { .. }) => {
                Ok((self.with_affinity(value), None))
            }
            (Some(SqlType::Varchar { .. }), SqlType::Decimal { .. }) => {
                Ok((value, Some(SqlType::TEXT)))
            }
            _ => Ok((value, None)),
        }
    }

    /// `x IN table` and `x IN json_each(…)`.
    pub(super) fn in_table(
        &mut self,
        lhs: &Expr,
        not: bool,
        table: &QualifiedName,
        arguments: &[Expr],
        scope: &Scope,
    ) -> Outcome<Typed> {
        let value = self.expr(lhs, scope)?;
        let relation: Relation = self.named_table(table, scope)?;
        let column = relation.column(0);
        let value = match column.as_ref().and_then(|column| column.sql_type) {
            Some(sql_type) => self.suggest(value, sql_type)?,
            None => value,
        };
        let side = Side {
            collation: column
                .map(|column| column.collation)
                .unwrap_or_default()
                .into(),
            has_collate: false,
            kind: Kind::Column,
        };
        let value = self.collated_beside(value, side);
        let mut arguments_text = Vec::new();
        for argument in self.exprs(arguments, scope)? {
            arguments_text.push(argument.into_text());
        }
        let call = if arguments.is_empty() {
            String::new()
        } else {
            format!("({})", arguments_text.join(", "))
        };
        let not = if not { "NOT " } else { "" };
        let name = super::from::name_text(table);
        let text = format!("{} {not}IN {name}{call}", value.into_text());
        Ok(Typed::new(text, SqlType::Boolean, true))
    }
}

/// Whether the left side is converted rather than the right one: a column stays, and otherwise a DATE
/// becomes a TIMESTAMP.
fn gives_way(left: &Typed, right: &Typed) -> bool {
    match (left.form == Form::Column, right.form == Form::Column) {
        (true, false) => false,
        (false, true) => true,
        _ => left.sql_type == Some(SqlType::Date),
    }
}

/// The type that a text literal takes beside a number or a truth value.
fn type_for_text(other: &Typed, text: &Typed) -> Option<SqlType> {
    let Form::Text(literal) = &text.form else {
        return None;
    };
    let number = literals::number_in(literal);
    match other.sql_type? {
        SqlType::Boolean => literals::boolean(literal).map(|_| SqlType::Boolean),
        SqlType::Integer | SqlType::Bigint | SqlType::Decimal { .. } | SqlType::Double => number,
        _ => None,
    }
}
