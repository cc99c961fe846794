//! Conditions and expressions by chance.

use super::maker::{Maker, Source};
use super::model::Kind;
use super::spelling::{either, value};

impl Maker<'_> {
    /// A value that the column has, as a literal.
    pub(super) fn literal(&mut self, source: &Source, column: usize) -> String {
        let model = self.model;
        let samples = model.samples(source.table, column);
        if samples.is_empty() {
            return match self.kind(source, column) {
                Kind::Text | Kind::TextKey => value("'none'"),
                Kind::Date => value("'2025-01-31'"),
                Kind::Timestamp => value("'2025-01-31 10:00:00'"),
                _ => value("7"),
            };
        }
        let sample = self.pick(&samples);
        value(&sample)
    }

    fn plain_literal(&mut self, source: &Source, column: usize) -> String {
        let marked = self.literal(source, column);
        super::spelling::theirs(&marked)
    }

    pub(super) fn condition(&mut self, source: &Source, depth: usize) -> String {
        if depth > 0 && self.chance(35) {
            let left = self.condition(source, depth - 1);
            let right = self.condition(source, depth - 1);
            return match self.below(4) {
                0 => format!("({left} OR {right})"),
                1 => format!("NOT ({left} AND {right})"),
                _ => format!("({left} AND {right})"),
            };
        }
        let at = self.any_column(source);
        let (column, kind) = (self.text(source, at), self.kind(source, at));
        let literal = self.literal(source, at);
        match self.below(20) {
            0 => format!("{column} IS NULL"),
            1 => format!("{column} IS NOT NULL"),
            2 | 3 => {
                let others: Vec<String> = (0..self.below(6))
                    .map(|_| self.literal(source, at))
                    .collect();
                let not = if self.chance(25) { "NOT " } else { "" };
                format!(
                    "{column} {not}IN ({})",
                    [vec![literal], others].concat().join(", ")
                )
            }
            4 => {
                let other = self.literal(source, at);
                let not = if self.chance(25) { "NOT " } else { "" };
                format!("{column} {not}BETWEEN {literal} AND {other}")
            }
            5 | 6 if kind == Kind::Text => self.like(&column, source, at),
            7 => format!("{column} <> {literal}"),
            8..=10 if !matches!(kind, Kind::Key | Kind::TextKey) => {
                let operator = self.pick(&["<", "<=", ">", ">="]);
                format!("{column} {operator} {literal}")
            }
            11 | 12 => self.special(&column, source, at),
            13 => {
                let operator = self.pick(&["IS", "IS NOT", "IS NOT DISTINCT FROM"]);
                format!("{column} {operator} {literal}")
            }
            14 => self.column_with_column(source, at),
            15 => {
                let operator = self.pick(&["=", "<", ">="]);
                format!("{literal} {operator} {column}")
            }
            _ => format!("{column} = {literal}"),
        }
    }

    fn like(&mut self, column: &str, source: &Source, at: usize) -> String {
        let literal = self.plain_literal(source, at);
        let not = if self.chance(20) { "NOT " } else { "" };
        let text = literal.trim_matches('\'');
        let some: String = text
            .chars()
            .filter(|letter| *letter != '\'')
            .take(4)
            .collect();
        match self.below(6) {
            0 => format!("{column} {not}LIKE substr({literal}, 1, 3) || '%'"),
            1 => format!("{column} {not}LIKE {}", value(&format!("'{some}%'"))),
            2 => format!(
                "{column} {not}LIKE {}",
                value(&format!("'%{}%'", some.to_uppercase()))
            ),
            3 => format!(
                "{column} {not}LIKE '{}!%%' ESCAPE '!'",
                some.replace(['%', '_'], "")
            ),
            4 => format!("{column} {not}GLOB '{}*'", some.replace(['[', ']'], "?")),
            _ => {
                let pattern = format!("'_{}%'", some.chars().skip(1).collect::<String>());
                either(
                    &format!("{column} {not}LIKE {pattern} {{escape '\\'}}"),
                    &format!("{column} {not}LIKE {pattern} ESCAPE '\\'"),
                )
            }
        }
    }

    /// What only columns of this kind are compared in.
    fn special(&mut self, column: &str, source: &Source, at: usize) -> String {
        let literal = self.plain_literal(source, at);
        let day: String = literal.trim_matches('\'').chars().take(10).collect();
        let operator = self.pick(&["<", "<=", ">", ">=", "="]);
        match self.kind(source, at) {
            Kind::Boolean => {
                let test = self.pick(&[
                    "= true",
                    "= false",
                    "IS TRUE",
                    "IS NOT TRUE",
                    "<> 1",
                    "= 1",
                    "= 0",
                ]);
                match self.below(4) {
                    0 => column.to_owned(),
                    1 => format!("NOT {column}"),
                    _ => format!("{column} {test}"),
                }
            }
            Kind::Date => self.day(column, operator, &literal, &day),
            Kind::Timestamp => self.moment(column, operator, &literal, &day),
            Kind::Text => {
                let upper = literal.to_ascii_uppercase();
                match self.below(6) {
                    0 => format!("UPPER({column}) = UPPER({literal})"),
                    1 => format!("LOWER({column}) IN (LOWER({literal}), 'x')"),
                    2 => format!("{column} = {upper} COLLATE NOCASE"),
                    3 => format!("{column} COLLATE BINARY = {upper}"),
                    4 => format!("{column} = {upper}"),
                    _ => format!("LENGTH({column}) > {}", self.below(12)),
                }
            }
            Kind::Integer | Kind::Decimal => match self.below(4) {
                0 => format!("{column} + 1 > {literal}"),
                1 => format!("{column} {operator} {literal} + 1"),
                2 => format!("ABS({column}) {operator} {literal}"),
                _ => format!("-{column} {operator} -5"),
            },
            Kind::TextKey => format!("{column} {operator} {literal}"),
            Kind::Key => match self.below(5) {
                0 => format!("{column} {operator} {literal}"),
                1 => format!("{column} IN ({literal}, NULL)"),
                2 => format!("COALESCE({column}, 0) = {literal}"),
                3 => format!("{column} NOT IN ({literal}, NULL)"),
                _ => format!(
                    "CASE WHEN {column} IS NULL THEN 0 ELSE 1 END = {}",
                    self.below(2)
                ),
            },
        }
    }

    /// A comparison of a timestamp.
    fn moment(&mut self, column: &str, operator: &str, literal: &str, day: &str) -> String {
        match self.below(7) {
            0 => format!(
                "{column} {operator} {}",
                either(&format!("{{ts {literal}}}"), literal)
            ),
            1 => format!(
                "{column} {operator} {}",
                either(&value(&format!("'{day}'")), &format!("'{day} 00:00:00'"))
            ),
            2 => format!(
                "{column} {operator} {}",
                either(
                    &value(&format!("'{day}T12:00:00+02:00'")),
                    &format!("'{day} 10:00:00'")
                )
            ),
            3 => format!(
                "{column} {operator} {}",
                either(&format!("'{day}T12:00:00Z'"), &format!("'{day} 12:00:00'"))
            ),
            4 => format!("date({column}) {operator} '{day}'"),
            5 => format!(
                "{} {operator} '{day}'",
                either(
                    &format!("CAST({column} AS DATE)"),
                    &format!("date({column})")
                )
            ),
            _ => format!(
                "{column} {operator} {}",
                either(&format!("TIMESTAMP {literal}"), literal)
            ),
        }
    }

    /// A comparison of a date.
    fn day(&mut self, column: &str, operator: &str, literal: &str, day: &str) -> String {
        match self.below(6) {
            0 => format!(
                "{column} {operator} {}",
                either(&format!("{{d {literal}}}"), literal)
            ),
            1 => format!("{column} {operator} date({literal}, '-1 month')"),
            2 => {
                let moment = format!("'{day} 10:00:00'");
                either(
                    &format!("{column} {operator} {moment}"),
                    &format!("({column} || ' 00:00:00') {operator} {moment}"),
                )
            }
            3 => format!(
                "{} = {}",
                either(
                    &format!("YEAR({column})"),
                    &format!("CAST(strftime('%Y', {column}) AS INTEGER)")
                ),
                day.get(..4)
                    .filter(|year| year.parse::<u32>().is_ok())
                    .unwrap_or("2025")
            ),
            4 => format!(
                "{column} {operator} {}",
                either(&format!("DATE {literal}"), literal)
            ),
            _ => format!("strftime('%Y-%m', {column}) = strftime('%Y-%m', {literal})"),
        }
    }

    /// Two columns of one kind.
    fn column_with_column(&mut self, source: &Source, at: usize) -> String {
        let operator = self.pick(&["=", "<", ">=", "<>", "IS", "IS NOT"]);
        format!(
            "{} {operator} {}",
            self.text(source, at),
            self.alike(source, at)
        )
    }

    /// A column of the same kind.
    fn alike(&mut self, source: &Source, at: usize) -> String {
        let kind = self.kind(source, at);
        let columns = self.model.tables[source.table].columns.iter().enumerate();
        let alike: Vec<usize> = columns
            .filter(|(_, column)| column.kind == kind)
            .map(|(at, _)| at)
            .collect();
        let other = self.pick(&alike);
        self.text(source, other)
    }

    /// An expression that is made of a column.
    pub(super) fn expression(&mut self, source: &Source) -> String {
        let at = self.any_column(source);
        let (column, kind) = (self.text(source, at), self.kind(source, at));
        let literal = self.plain_literal(source, at);
        match self.below(6) {
            0 => format!("CASE WHEN {} THEN 1 ELSE 2 END", self.condition(source, 1)),
            1 => format!("COALESCE({column}, {literal})"),
            2 => format!("NULLIF({column}, {literal})"),
            3 => format!("CASE {column} WHEN {literal} THEN 'it' ELSE 'other' END"),
            _ => self.of_kind(&column, kind, source, at),
        }
    }

    fn of_kind(&mut self, column: &str, kind: Kind, source: &Source, at: usize) -> String {
        let c = column;
        match kind {
            Kind::Text => match self.below(9) {
                0 => format!("UPPER({c})"),
                1 => format!("LOWER({c})"),
                2 => format!("SUBSTR({c}, {}, {})", self.below(4) + 1, self.below(6)),
                3 => format!("{c} || '-' || {}", self.alike(source, at)),
                4 => format!("REPLACE({c}, 'a', 'b')"),
                5 => format!("LENGTH({c})"),
                6 => either(
                    &format!("{{fn LEFT({c}, 2)}}"),
                    &format!("substr({c}, 1, 2)"),
                ),
                7 => either(
                    &format!("{{fn LOCATE('a', {c})}}"),
                    &format!("instr({c}, 'a')"),
                ),
                _ => either(
                    &format!("{{fn CONCAT({c}, 'x')}}"),
                    &format!("coalesce({c}, '') || 'x'"),
                ),
            },
            Kind::Date => match self.below(6) {
                0 => either(
                    &format!("YEAR({c})"),
                    &format!("CAST(strftime('%Y', {c}) AS INTEGER)"),
                ),
                1 => format!("strftime('%Y-%m', {c})"),
                2 => format!("date({c}, '+1 month')"),
                3 => format!("SUBSTR({c}, 1, 7)"),
                4 => either(
                    &format!("{{fn TIMESTAMPADD(SQL_TSI_DAY, 3, {c})}}"),
                    &format!("date({c}, '+3 days')"),
                ),
                _ => either(
                    &format!("LAST_DAY({c})"),
                    &format!("date({c}, 'start of month', '+1 month', '-1 day')"),
                ),
            },
            Kind::Timestamp => match self.below(4) {
                0 => either(
                    &format!("EXTRACT(MONTH FROM {c})"),
                    &format!("CAST(strftime('%m', {c}) AS INTEGER)"),
                ),
                1 => format!("date({c})"),
                2 => either(&format!("CAST({c} AS DATE)"), &format!("date({c})")),
                _ => either(
                    &format!("HOUR({c})"),
                    &format!("CAST(strftime('%H', {c}) AS INTEGER)"),
                ),
            },
            Kind::Integer => match self.below(4) {
                0 => format!("{c} + 1"),
                1 => format!("{c} / 2"),
                2 => format!("{c} % 7"),
                _ => format!("-{c} * 3"),
            },
            Kind::Decimal => match self.below(4) {
                0 => format!("{c} + 1.5"),
                1 => format!("{c} / 4"),
                2 => format!("ABS({c} - 100)"),
                _ => format!("{c} * 2"),
            },
            Kind::Boolean => format!("CASE WHEN {c} THEN 'yes' ELSE 'no' END"),
            Kind::Key => format!("COALESCE({c}, 0)"),
            Kind::TextKey => format!("COALESCE({c}, '')"),
        }
    }
}
