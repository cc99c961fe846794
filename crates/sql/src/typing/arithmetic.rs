//! Arithmetic: money that is exact, whole numbers, and dates with days.

use sqlite3_parser::ast::Operator;

use super::Analyzer;
use super::expression::joined;
use super::failure::{Failure, Outcome, Problem};
use super::typed::{Form, QUOTIENT_SCALE, Typed, decimal, digits, is_temporal};
use crate::types::{SUM_PRECISION, SqlType};

impl Analyzer<'_> {
    pub(super) fn arithmetic(
        &mut self,
        left: Typed,
        operator: Operator,
        right: Typed,
    ) -> Outcome<Typed> {
        if left.is_temporal() || right.is_temporal() {
            return self.date_arithmetic(left, operator, right);
        }
        if operator == Operator::Add {
            self.refuse_joining(&left, &right)?;
        }
        let (left, right) = self.numbers(left, right)?;
        let (Some(a), Some(b)) = (left.sql_type, right.sql_type) else {
            return Ok(without_type(left, sign(operator), right));
        };
        let sql_type = result_type(a, operator, b);
        let divides = matches!(operator, Operator::Divide | Operator::Modulus);
        let nullable = left.nullable || right.nullable || divides;
        if !matches!(sql_type, SqlType::Decimal { .. }) {
            let can_leave = operator != Operator::Modulus && can_leave_its_type(a, sql_type, b);
            let result = joined(left, sign(operator), right, sql_type, nullable);
            return Ok(if can_leave {
                self.checked(result)
            } else {
                result
            });
        }
        self.rewritten = true;
        Ok(match operator {
            Operator::Add => Typed::sum(left, '+', right, sql_type),
            Operator::Subtract => Typed::sum(left, '-', right, sql_type),
            Operator::Modulus => rest(left, right, sql_type),
            _ => {
                let (left, right) = (left.into_text(), right.into_text());
                let text = format!("{left} {} {right}", sign(operator));
                Typed::to_be_rounded(text, sql_type, nullable)
            }
        })
    }

    /// A result that is an error where it has no place in its type: `SQLite` makes a REAL of a whole
    /// number that is too large, and has an infinite one.
    pub(super) fn checked(&mut self, result: Typed) -> Typed {
        let function = match result.sql_type {
            Some(SqlType::Bigint) => "apilink_whole",
            Some(SqlType::Double) => "apilink_finite",
            _ => return result,
        };
        self.rewritten = true;
        result.rewritten(|text| format!("{function}({text})"))
    }

    /// `+` joins texts in other databases; here it would make 0 of them.
    fn refuse_joining(&self, left: &Typed, right: &Typed) -> Outcome<()> {
        let is_text = |side: &Typed| side.is_text() && side.form != Form::Json;
        let no_number = |side: &Typed| match &side.form {
            Form::Text(text) if super::literals::number_in(text).is_none() => Some(text.clone()),
            _ => None,
        };
        let literal = no_number(left).or_else(|| no_number(right));
        if literal.is_none() && !(is_text(left) && is_text(right)) {
            return Ok(());
        }
        let message = "+ adds numbers. Texts are joined by || or CONCAT.";
        Err(self.placed(Problem::syntax(message).into(), literal))
    }

    /// Both operands as numbers: a parameter takes the type of the other side, a text becomes one.
    fn numbers(&mut self, left: Typed, right: Typed) -> Outcome<(Typed, Typed)> {
        let (a, b) = (left.sql_type, right.sql_type);
        let left = self.number(left, b)?;
        let right = self.number(right, a)?;
        Ok((left, right))
    }

    fn number(&mut self, value: Typed, other: Option<SqlType>) -> Outcome<Typed> {
        match (&value.form, value.sql_type) {
            (Form::Parameter(_), _) => {
                let other = other.filter(|sql_type| sql_type.is_number());
                self.convert(value, other.unwrap_or(SqlType::Double))
            }
            (Form::Text(text), _) => {
                let number = super::literals::number_in(text).unwrap_or(SqlType::Double);
                self.convert(value, number)
            }
            (_, Some(SqlType::Varchar { .. } | SqlType::Varbinary)) => {
                self.convert(value, SqlType::Double)
            }
            _ => Ok(value),
        }
    }

    pub(super) fn negative(&mut self, value: Typed) -> Outcome<Typed> {
        if let Some(sql_type) = value.sql_type
            && is_temporal(sql_type)
        {
            let mut problem = Problem::syntax(format!(
                "A minus before a {} has no meaning.",
                sql_type.name()
            ));
            problem.place = self.source.find_operation("", "-", &value.into_text());
            return Err(problem.into());
        }
        let value = self.number(value, None)?;
        if value.is_least_bigint() {
            return Ok(
                Typed::new(format!("{}", i64::MIN), SqlType::Bigint, false).with_form(Form::Number)
            );
        }
        let is_literal = value.form == Form::Number;
        let mut value = value.map_text(|text| {
            let space = if text.starts_with('-') { " " } else { "" };
            format!("-{space}{text}")
        });
        if value.sql_type == Some(SqlType::Boolean) {
            value.sql_type = Some(SqlType::Integer);
        }
        value.origin = None;
        if is_literal {
            return Ok(value);
        }
        value.form = Form::Other;
        Ok(match value.sql_type {
            Some(SqlType::Bigint) => self.checked(value),
            _ => value,
        })
    }

    fn date_arithmetic(&mut self, left: Typed, operator: Operator, right: Typed) -> Outcome<Typed> {
        let temporal = (left.is_temporal(), right.is_temporal());
        match (temporal, operator) {
            ((true, false), Operator::Add | Operator::Subtract) => {
                self.shift_or_difference(left, operator, right)
            }
            ((false, true), Operator::Add) => self.shift(right, Operator::Add, left),
            ((true, true), Operator::Subtract) => self.difference(left, right),
            ((false, true), Operator::Subtract) if left.is_text() => {
                let left = self.convert(left, right.shown_type())?;
                self.difference(left, right)
            }
            _ => Err(self.meaningless(left, sign(operator), right)),
        }
    }

    /// `date - 'text'` is a difference if the text is a date.
    fn shift_or_difference(
        &mut self,
        left: Typed,
        operator: Operator,
        right: Typed,
    ) -> Outcome<Typed> {
        if let Form::Text(text) = &right.form
            && operator == Operator::Subtract
            && super::literals::number_in(text).is_none()
        {
            let right = self.convert(right, left.shown_type())?;
            return self.difference(left, right);
        }
        self.shift(left, operator, right)
    }

    fn shift(&mut self, date: Typed, operator: Operator, days: Typed) -> Outcome<Typed> {
        let days = match days.form {
            Form::Parameter(_) => self.convert(days, SqlType::Integer)?,
            _ => self.number(days, Some(SqlType::Integer))?,
        };
        let (Some(sql_type), Some(count)) = (date.sql_type, days.sql_type) else {
            return Ok(without_type(date, sign(operator), days));
        };
        if !count.is_number() || sql_type == SqlType::Time {
            return Err(self.meaningless(date, sign(operator), days));
        }
        self.rewritten = true;
        let minus = if operator == Operator::Subtract {
            "-"
        } else {
            ""
        };
        let nullable = date.nullable || days.nullable;
        let (date, days) = (date.into_text(), days.into_text());
        let days = format!("{minus}({days}) || ' days'");
        let text = if sql_type == SqlType::Date {
            format!("date({date}, {days})")
        } else {
            format!("apilink_timestamp(datetime({date}, {days}, 'subsec'))")
        };
        Ok(Typed::new(text, sql_type, nullable))
    }

    fn difference(&mut self, left: Typed, right: Typed) -> Outcome<Typed> {
        use SqlType::{Date, Timestamp};
        let (Some(a), Some(b)) = (left.sql_type, right.sql_type) else {
            return Ok(without_type(left, "-", right));
        };
        let has_day = |sql_type| matches!(sql_type, Date | Timestamp);
        if a != b && !(has_day(a) && has_day(b)) {
            return Err(self.meaningless(left, "-", right));
        }
        self.rewritten = true;
        let nullable = left.nullable || right.nullable;
        let days = format!(
            "(julianday({}) - julianday({}))",
            left.into_text(),
            right.into_text()
        );
        Ok(if (a, b) == (Date, Date) {
            Typed::new(
                format!("CAST({days} AS INTEGER)"),
                SqlType::Integer,
                nullable,
            )
        } else {
            Typed::new(days, SqlType::Double, nullable)
        })
    }

    fn meaningless(&self, left: Typed, operator: &str, right: Typed) -> Failure {
        let name = |side: &Typed| side.sql_type.map_or("NULL", SqlType::name);
        let message = format!(
            "{} {operator} {} has no meaning.",
            name(&left),
            name(&right)
        );
        let mut problem = Problem::syntax(message);
        problem.place = self
            .source
            .find_operation(&left.into_text(), operator, &right.into_text());
        problem.into()
    }
}

/// The type of an operation on two numbers.
fn result_type(left: SqlType, operator: Operator, right: SqlType) -> SqlType {
    use SqlType::{Bigint, Boolean, Decimal, Double, Integer};
    match (left, right) {
        (Double, _) | (_, Double) => Double,
        (Decimal { .. }, _) | (_, Decimal { .. }) => decimal_type(left, operator, right),
        _ => {
            let small = |sql_type| matches!(sql_type, Integer | Boolean);
            let divides = matches!(operator, Operator::Divide | Operator::Modulus);
            if divides && small(left) && small(right) {
                Integer
            } else {
                Bigint
            }
        }
    }
}

/// Whether an operation can leave its type: not one of two INTEGER.
fn can_leave_its_type(left: SqlType, result: SqlType, right: SqlType) -> bool {
    let is_small = |sql_type| matches!(sql_type, SqlType::Integer | SqlType::Boolean);
    match result {
        SqlType::Bigint => !(is_small(left) && is_small(right)),
        SqlType::Double => true,
        _ => false,
    }
}

fn decimal_type(left: SqlType, operator: Operator, right: SqlType) -> SqlType {
    let ((whole_a, scale_a), (whole_b, scale_b)) = (digits(left), digits(right));
    let larger = scale_a.max(scale_b);
    match operator {
        Operator::Multiply => {
            let scale = (scale_a + scale_b).min(larger.max(QUOTIENT_SCALE));
            decimal(whole_a + whole_b, scale)
        }
        Operator::Divide => SqlType::Decimal {
            precision: SUM_PRECISION,
            scale: larger.max(QUOTIENT_SCALE),
        },
        Operator::Modulus => decimal(whole_a.min(whole_b), larger),
        _ => decimal(whole_a.max(whole_b) + 1, larger),
    }
}

/// The rest of a division, in units of the last place: `SQLite` takes the whole parts of both.
fn rest(left: Typed, right: Typed, sql_type: SqlType) -> Typed {
    let (_, scale) = digits(sql_type);
    let units = |typed: Typed| format!("apilink_decimal(({}) * 1e{scale}, 0)", typed.into_text());
    let text = format!("mod({}, {}) / 1e{scale}", units(left), units(right));
    Typed::to_be_rounded(text, sql_type, true)
}

fn without_type(left: Typed, operator: &str, right: Typed) -> Typed {
    let text = format!("{} {operator} {}", left.into_text(), right.into_text());
    Typed::new(text, SqlType::Double, true)
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        _ => "%",
    }
}
