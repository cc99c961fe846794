//! Expressions with their types and their texts, and how types are brought together.

use super::collation::{self, Collation};
use super::failure::{Failure, Problem};
use super::literals;
use super::parameters::Parameters;
use crate::types::{SUM_PRECISION, SqlType, TEXT_SIZE};

/// The scale of quotients and averages of DECIMAL, and the largest that a product grows to.
pub(super) const QUOTIENT_SCALE: u32 = 6;

/// An expression whose type is known, written for `SQLite`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Typed {
    text: String,
    /// `None` for NULL, and for a parameter of which nothing is known yet.
    pub(super) sql_type: Option<SqlType>,
    pub(super) nullable: bool,
    /// The table and the column that it shows as it is.
    pub(super) origin: Option<(String, String)>,
    pub(super) form: Form,
    /// How it compares with other texts.
    pub(super) collation: Collation,
    rounding: Rounding,
}

/// The scale to which the text has still to be rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    Done,
    /// A sum or a difference: the error of the doubles can be large beside the result.
    Sum(u32),
    /// A product or a quotient, with more places than are kept.
    Product(u32),
}

/// What an expression is, as far as conversions treat it in a way of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// A column, which stays as it is where the other side can be converted.
    Column,
    /// A text literal with this text.
    Text(String),
    /// A number literal.
    Number,
    /// A parameter with this number, from 0.
    Parameter(usize),
    /// A value out of JSON, which is of any type, whatever its own says.
    Json,
    /// A row value.
    Row(Vec<Typed>),
    /// Anything else.
    Other,
}

impl Typed {
    pub(super) fn new(text: impl Into<String>, sql_type: SqlType, nullable: bool) -> Self {
        Self {
            text: text.into(),
            sql_type: Some(sql_type),
            nullable,
            origin: None,
            form: Form::Other,
            collation: Collation::default(),
            rounding: Rounding::Done,
        }
    }

    pub(super) fn with_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    pub(super) fn with_collation(mut self, collation: impl Into<Collation>) -> Self {
        self.collation = collation.into();
        self
    }

    /// The same value with COLLATE behind it.
    pub(super) fn with_collate(self, name: collation::Name) -> Self {
        let is_simple = matches!(self.form, Form::Column | Form::Text(_) | Form::Parameter(_));
        let collation = Collation {
            name,
            is_written: true,
        };
        let origin = self.origin.clone();
        let mut value = self
            .rewritten(|text| collation::with_collate(&text, is_simple, name))
            .with_collation(collation);
        value.origin = origin;
        value
    }

    /// Whether there may be a COLLATE in the text, which `SQLite` would find.
    pub(super) fn has_collate(&self) -> bool {
        self.text.contains(" COLLATE ")
    }

    /// NULL, or a parameter without a type.
    pub(super) fn untyped(text: impl Into<String>) -> Self {
        Self {
            sql_type: None,
            ..Self::new(text, SqlType::TEXT, true)
        }
    }

    /// A text literal.
    pub(super) fn text_literal(text: String) -> Self {
        let size = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let sql_type = SqlType::Varchar { size: size.max(1) };
        Self::new(literals::literal(&text), sql_type, false).with_form(Form::Text(text))
    }

    /// An expression whose value has still to be rounded to the scale of its type.
    pub(super) fn to_be_rounded(text: String, sql_type: SqlType, nullable: bool) -> Self {
        let rounding = match sql_type {
            SqlType::Decimal { scale, .. } => Rounding::Product(scale),
            _ => Rounding::Done,
        };
        Self {
            rounding,
            ..Self::new(text, sql_type, nullable)
        }
    }

    /// A sum or a difference of DECIMAL values.
    pub(super) fn sum(left: Self, sign: char, right: Self, sql_type: SqlType) -> Self {
        let nullable = left.nullable || right.nullable;
        let mut text = left.into_text();
        text.push(' ');
        text.push(sign);
        text.push(' ');
        text.push_str(&right.into_text());
        let sum = Self::to_be_rounded(text, sql_type, nullable);
        let rounding = match sum.rounding {
            Rounding::Product(scale) => Rounding::Sum(scale),
            other => other,
        };
        Self { rounding, ..sum }
    }

    /// The type, and what it is shown as where there is none.
    pub(super) fn shown_type(&self) -> SqlType {
        self.sql_type.unwrap_or(SqlType::TEXT)
    }

    /// The text, finished.
    pub(super) fn into_text(self) -> String {
        match self.rounding {
            Rounding::Sum(scale) | Rounding::Product(scale) => {
                format!("apilink_decimal({}, {scale})", self.text)
            }
            Rounding::Done => self.text,
        }
    }

    /// The text for a rounding to fewer places: a product is not rounded twice.
    pub(super) fn into_unrounded(self) -> String {
        match self.rounding {
            Rounding::Product(_) => self.text,
            _ => self.into_text(),
        }
    }

    /// Whether another text says the same in the same way.
    pub(super) fn has_text_of(&self, other: &Self) -> bool {
        self.text == other.text && self.rounding == other.rounding
    }

    /// The same expression with its text in other surroundings, such as brackets.
    pub(super) fn map_text(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.text = change(self.text);
        self
    }

    /// The same value by another text, which is finished.
    pub(super) fn rewritten(self, change: impl FnOnce(String) -> String) -> Self {
        let Self {
            sql_type, nullable, ..
        } = self;
        Self {
            sql_type,
            ..Self::new(change(self.into_text()), SqlType::TEXT, nullable)
        }
    }

    /// Whether it is a literal that takes the type of what stands beside it.
    fn adapts(&self) -> bool {
        match self.form {
            Form::Text(_) => true,
            Form::Number => matches!(self.text.as_str(), "0" | "1"),
            _ => false,
        }
    }

    fn is_value_of(&self, sql_type: SqlType) -> bool {
        match &self.form {
            Form::Text(text) => is_value(text, sql_type),
            _ => sql_type == SqlType::Boolean,
        }
    }

    pub(super) fn is_temporal(&self) -> bool {
        self.sql_type.is_some_and(is_temporal)
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.sql_type, Some(SqlType::Varchar { .. }))
    }

    /// The expression as a value of `target`, in the form in which `SQLite` holds that type.
    ///
    /// # Errors
    /// 22007 for a text literal that is no date, time or timestamp.
    pub(super) fn convert(
        self,
        target: SqlType,
        parameters: &mut Parameters,
    ) -> Result<Self, Failure> {
        if let Form::Parameter(number) = self.form {
            return Ok(self.convert_parameter(number, target, parameters));
        }
        let Some(from) = self.sql_type else {
            return Ok(self);
        };
        let converted = match target {
            SqlType::Date | SqlType::Time | SqlType::Timestamp if from != target => {
                self.convert_to_temporal(from, target)?
            }
            SqlType::Decimal { .. } | SqlType::Double => self.convert_to_real(from),
            SqlType::Bigint | SqlType::Integer => self.convert_to_integer(),
            SqlType::Boolean => self.convert_to_boolean(),
            SqlType::Varchar { .. } => self.into_shown(),
            _ => self,
        };
        Ok(Self {
            sql_type: Some(target),
            ..converted
        })
    }

    /// The value as text: a DECIMAL as it is shown.
    pub(super) fn into_shown(self) -> Self {
        match self.sql_type {
            Some(SqlType::Decimal { scale, .. }) => {
                self.rewritten(|text| format!("apilink_decimal_text({text}, {scale})"))
            }
            Some(sql_type) if !is_text_inside(sql_type) => {
                self.rewritten(|text| format!("CAST({text} AS TEXT)"))
            }
            _ => self,
        }
    }

    /// Whether it is the literal that is the least number of 64 bits behind a minus.
    pub(super) fn is_least_bigint(&self) -> bool {
        self.form == Form::Number && self.text == "9223372036854775808"
    }

    pub(super) fn is_decimal(&self) -> bool {
        matches!(self.sql_type, Some(SqlType::Decimal { .. }))
    }

    fn convert_parameter(
        self,
        number: usize,
        target: SqlType,
        parameters: &mut Parameters,
    ) -> Self {
        parameters.suggest(number, target);
        let converted = match temporal_function(target) {
            Some(function) => self.rewritten(|text| format!("{function}({text})")),
            None => self,
        };
        Self {
            sql_type: Some(target),
            ..converted
        }
    }

    fn convert_to_temporal(self, from: SqlType, target: SqlType) -> Result<Self, Failure> {
        if let Form::Text(text) = &self.form {
            let folded =
                literals::temporal(text, target).ok_or_else(|| no_temporal(text, target))?;
            return Ok(Self::new(literals::literal(&folded), target, false));
        }
        Ok(match (from, target) {
            (SqlType::Timestamp, SqlType::Date) => self.rewritten(|text| format!("date({text})")),
            (SqlType::Timestamp | SqlType::Date, SqlType::Time) => {
                self.rewritten(|text| format!("time({text})"))
            }
            _ => match temporal_function(target) {
                Some(function) => self.rewritten(|text| format!("{function}({text})")),
                None => self,
            },
        })
    }

    fn convert_to_real(self, from: SqlType) -> Self {
        match (&self.form, from) {
            (_, SqlType::Decimal { .. } | SqlType::Double) => self,
            (Form::Number, SqlType::Integer | SqlType::Bigint) if is_digits(&self.text) => {
                self.rewritten(|text| format!("{text}.0"))
            }
            (Form::Text(number), _) => match literals::number_in(number) {
                Some(SqlType::Integer | SqlType::Bigint) => {
                    let number = number.trim().to_owned();
                    self.rewritten(|_| format!("{number}.0"))
                }
                Some(_) => {
                    let number = number.trim().to_owned();
                    self.rewritten(|_| number)
                }
                None => self.rewritten(|text| format!("CAST({text} AS REAL)")),
            },
            _ => self.rewritten(|text| format!("CAST({text} AS REAL)")),
        }
    }

    fn convert_to_integer(self) -> Self {
        match &self.form {
            Form::Text(text) if literals::number_in(text).is_some() => {
                let text = text.trim().to_owned();
                self.rewritten(|_| text)
            }
            _ => self,
        }
    }

    fn convert_to_boolean(self) -> Self {
        match &self.form {
            Form::Text(text) => match literals::boolean(text) {
                Some(value) => self.rewritten(|_| if value { "1" } else { "0" }.to_owned()),
                None => self,
            },
            _ => self,
        }
    }
}

fn is_digits(text: &str) -> bool {
    text.trim_start_matches('-')
        .bytes()
        .all(|byte| byte.is_ascii_digit())
}

/// DATE, TIME and TIMESTAMP.
pub(super) fn is_temporal(sql_type: SqlType) -> bool {
    matches!(sql_type, SqlType::Date | SqlType::Time | SqlType::Timestamp)
}

fn is_text_inside(sql_type: SqlType) -> bool {
    matches!(sql_type, SqlType::Varchar { .. } | SqlType::Varbinary) || is_temporal(sql_type)
}

/// The function that brings a text into the inside form of a type.
pub(super) fn temporal_function(sql_type: SqlType) -> Option<&'static str> {
    match sql_type {
        SqlType::Date => Some("apilink_date"),
        SqlType::Time => Some("apilink_time"),
        SqlType::Timestamp => Some("apilink_timestamp"),
        _ => None,
    }
}

/// 22007.
pub(super) fn no_temporal(text: &str, target: SqlType) -> Failure {
    let example = match target {
        SqlType::Date => "2026-06-30",
        SqlType::Time => "15:04:05",
        _ => "2026-06-30 15:04:05",
    };
    let problem = Problem::new(
        apilink_core::SqlState::INVALID_DATETIME,
        format!(
            "The text {} is no {}; write it like '{example}'.",
            literals::literal(text),
            target.name()
        ),
    );
    Failure::Wrong(Box::new(problem))
}

/// The type that all of these expressions have together: NULL and parameters take the type of the
/// others, a text literal does where it is a value of that type, and so do 0 and 1 beside BOOLEAN.
pub(super) fn unify<'t>(
    expressions: impl IntoIterator<Item = &'t Typed> + Clone,
) -> Option<SqlType> {
    let unified = expressions
        .clone()
        .into_iter()
        .filter(|typed| !typed.adapts())
        .map(|typed| typed.sql_type)
        .fold(None, unify_types);
    expressions
        .into_iter()
        .filter(|typed| typed.adapts())
        .fold(unified, |unified, typed| match unified {
            Some(known) if typed.is_value_of(known) => unified,
            _ => unify_types(unified, typed.sql_type),
        })
}

fn is_value(text: &str, sql_type: SqlType) -> bool {
    match sql_type {
        SqlType::Bigint | SqlType::Integer => matches!(
            literals::number_in(text),
            Some(SqlType::Integer | SqlType::Bigint)
        ),
        SqlType::Decimal { .. } | SqlType::Double => literals::number_in(text).is_some(),
        SqlType::Boolean => literals::boolean(text).is_some(),
        SqlType::Varchar { .. } | SqlType::Varbinary => false,
        temporal => literals::temporal(text, temporal).is_some(),
    }
}

/// The type that holds the values of both.
pub(super) fn unify_types(left: Option<SqlType>, right: Option<SqlType>) -> Option<SqlType> {
    let (Some(left), Some(right)) = (left, right) else {
        return left.or(right);
    };
    Some(unify_two(left, right))
}

fn unify_two(left: SqlType, right: SqlType) -> SqlType {
    use SqlType::{Bigint, Boolean, Date, Double, Integer, Timestamp, Varbinary, Varchar};
    match (left, right) {
        _ if left == right => left,
        (Varchar { size: a }, Varchar { size: b }) => Varchar { size: a.max(b) },
        (Date, Timestamp) | (Timestamp, Date) => Timestamp,
        (Boolean, other) | (other, Boolean) if other.is_number() => {
            if matches!(other, Bigint | Integer) {
                other
            } else {
                unify_two(Integer, other)
            }
        }
        (Integer, Bigint) | (Bigint, Integer) => Bigint,
        (Double, other) | (other, Double) if other.is_number() => Double,
        (a, b) if a.is_number() && b.is_number() => {
            let ((whole_a, scale_a), (whole_b, scale_b)) = (digits(a), digits(b));
            decimal(whole_a.max(whole_b), scale_a.max(scale_b))
        }
        (Varbinary, other) | (other, Varbinary) if !other.is_number() => Varbinary,
        (a, b) => Varchar {
            size: display_size(a).max(display_size(b)),
        },
    }
}

/// The digits of an exact number in front of the point and behind it.
pub(super) fn digits(sql_type: SqlType) -> (u32, u32) {
    match sql_type {
        SqlType::Decimal { precision, scale } => (precision.saturating_sub(scale), scale),
        SqlType::Bigint => (19, 0),
        _ => (10, 0),
    }
}

/// A DECIMAL with so many digits in front of the point, of at most 38 in all.
pub(super) fn decimal(whole: u32, scale: u32) -> SqlType {
    let scale = scale.min(SUM_PRECISION);
    SqlType::Decimal {
        precision: whole.saturating_add(scale).clamp(1, SUM_PRECISION),
        scale,
    }
}

/// The most characters that a value takes as text.
pub(super) fn display_size(sql_type: SqlType) -> u32 {
    match sql_type {
        SqlType::Bigint => 20,
        SqlType::Integer => 11,
        SqlType::Decimal { precision, .. } => precision + 2,
        SqlType::Double => 24,
        SqlType::Boolean => 1,
        SqlType::Date => 10,
        SqlType::Time => 18,
        SqlType::Timestamp => 29,
        SqlType::Varchar { size } => size,
        SqlType::Varbinary => TEXT_SIZE,
    }
}
