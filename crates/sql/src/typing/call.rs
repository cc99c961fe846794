//! Function calls: aggregates, window functions, and those whose type comes from their arguments.

use sqlite3_parser::ast::{
    Distinctness, Expr, FrameBound, FrameClause, FrameExclude, FrameMode, FunctionCallOrder,
    FunctionTail, Over, Window,
};

use super::Analyzer;
use super::collation::Collation;
use super::failure::{Failure, Outcome, Problem};
use super::literals;
use super::scope::Scope;
use super::source::unquoted;
use super::typed::{Form, Typed, decimal};
use crate::functions;
use crate::types::SqlType;

/// A call without its name and its arguments.
struct Frame {
    /// `DISTINCT ` or nothing.
    distinct: &'static str,
    /// ` ORDER BY …` within the brackets.
    order: String,
    /// ` FILTER (…) OVER …` behind them.
    tail: String,
}

impl Frame {
    fn call(&self, name: &str, arguments: Vec<Typed>) -> String {
        let arguments: Vec<String> = arguments.into_iter().map(Typed::into_text).collect();
        format!(
            "{name}({}{}{}){}",
            self.distinct,
            arguments.join(", "),
            self.order,
            self.tail
        )
    }
}

impl Analyzer<'_> {
    pub(super) fn call(
        &mut self,
        name: &str,
        distinctness: Option<Distinctness>,
        arguments: &[Expr],
        order: Option<&FunctionCallOrder>,
        tail: Option<&FunctionTail>,
        scope: &Scope,
    ) -> Outcome<Typed> {
        let arguments = self.exprs(arguments, scope)?;
        let order = match order {
            Some(FunctionCallOrder::SortList(terms)) => {
                format!(" ORDER BY {}", self.sorted(terms, scope)?)
            }
            None => String::new(),
        };
        let frame = Frame {
            distinct: match distinctness {
                Some(Distinctness::Distinct) => "DISTINCT ",
                _ => "",
            },
            order,
            tail: self.tail(tail, scope)?,
        };
        let arguments = if frame.distinct.is_empty() {
            arguments
        } else {
            self.all_collated(arguments)
        };
        let lower = unquoted(name).to_ascii_lowercase();
        match (lower.as_str(), arguments.len()) {
            ("sum" | "total" | "avg", 1) => self.sum(name, &lower, arguments, &frame),
            ("coalesce" | "ifnull" | "nvl" | "isnull", 2..) | ("coalesce", 1) => {
                let nullable = arguments.iter().all(|argument| argument.nullable);
                self.all_of_one_type(name, arguments, &frame, nullable)
            }
            ("min" | "max", 2..) => {
                let nullable = arguments.iter().any(|argument| argument.nullable);
                let arguments = self.first_collated(arguments);
                self.all_of_one_type(name, arguments, &frame, nullable)
            }
            ("min" | "max" | "first_value" | "last_value", 1) | ("nth_value" | "nullif", 2) => {
                self.first_of(name, &lower, arguments, &frame)
            }
            ("lag" | "lead", 1..=3) => self.neighbour(name, arguments, &frame),
            ("iif" | "if", 2..) => self.iif(name, arguments, &frame),
            ("round", 1 | 2) => self.round(name, arguments, &frame),
            ("abs", 1) => self.same_as_first(name, arguments, &frame),
            ("group_concat" | "string_agg", _) => self.concatenation(name, arguments, &frame),
            _ => self.other(name, &lower, arguments, &frame),
        }
    }

    pub(super) fn call_star(
        &mut self,
        name: &str,
        tail: Option<&FunctionTail>,
        scope: &Scope,
    ) -> Outcome<Typed> {
        if functions::find(&unquoted(name)).is_none() {
            return Err(self.unknown_function(&unquoted(name)));
        }
        let tail = self.tail(tail, scope)?;
        Ok(Typed::new(
            format!("{name}(*){tail}"),
            SqlType::Bigint,
            false,
        ))
    }

    /// SUM, TOTAL and AVG: exact over DECIMAL.
    fn sum(
        &mut self,
        name: &str,
        lower: &str,
        arguments: Vec<Typed>,
        frame: &Frame,
    ) -> Outcome<Typed> {
        let arguments = self.suggest_all(arguments, SqlType::DECIMAL)?;
        let of = arguments.first().and_then(|argument| argument.sql_type);
        let never_null = lower == "total";
        let (sum_like, exact) = match lower {
            "avg" => ("avg", "apilink_avg_decimal"),
            _ => ("sum", "apilink_sum_decimal"),
        };
        let types: Vec<SqlType> = of.into_iter().collect();
        let sql_type = functions::result_type(sum_like, &types).unwrap_or(SqlType::Double);
        if !matches!(sql_type, SqlType::Decimal { .. }) {
            let sql_type = if never_null {
                SqlType::Double
            } else {
                sql_type
            };
            let arguments = self.sum_operands(name, arguments)?;
            let sum = Typed::new(frame.call(name, arguments), sql_type, !never_null);
            return Ok(if sql_type == SqlType::Double {
                self.checked(sum)
            } else {
                sum
            });
        }
        self.rewritten = true;
        let call = frame.call(exact, arguments);
        Ok(if never_null {
            Typed::new(format!("coalesce({call}, 0.0)"), sql_type, false)
        } else {
            Typed::new(call, sql_type, true)
        })
    }

    /// A literal is summed as the number that it is, and a value out of JSON as one that it has to
    /// be. Other texts are refused, where `SQLite` would count 0 for each that is no number.
    fn sum_operands(&mut self, name: &str, arguments: Vec<Typed>) -> Outcome<Vec<Typed>> {
        arguments
            .into_iter()
            .map(|argument| match &argument.form {
                _ if !argument.is_text() => Ok(argument),
                Form::Text(text) if literals::can_be(text, SqlType::Double) => {
                    self.convert(argument, SqlType::Double)
                }
                Form::Json => {
                    self.rewritten = true;
                    Ok(argument.rewritten(|text| format!("apilink_cast_double({text})")))
                }
                _ => Err(self.sum_of_text(name, argument)),
            })
            .collect()
    }

    fn sum_of_text(&self, name: &str, argument: Typed) -> Failure {
        let name = unquoted(name).to_ascii_uppercase();
        let text = argument.into_text();
        let mut problem = Problem::syntax(format!(
            "{name} needs numbers, and {text} is text. Where the texts hold numbers, write \
             {name}(CAST({text} AS DECIMAL(19,4)))."
        ));
        let call = self.source.find_only(&format!("{name}({text}"));
        problem.place = call.or_else(|| self.source.find(&[&name, "("]));
        problem.into()
    }

    /// The first argument decides about the collation of a function that compares.
    fn first_collated(&mut self, mut arguments: Vec<Typed>) -> Vec<Typed> {
        if arguments.is_empty() {
            return arguments;
        }
        let first = arguments.remove(0);
        let first = self.collated_among(first, &arguments);
        arguments.insert(0, first);
        arguments
    }

    /// COALESCE and its like, and MIN and MAX of several arguments: what all arguments are together.
    fn all_of_one_type(
        &mut self,
        name: &str,
        arguments: Vec<Typed>,
        frame: &Frame,
        nullable: bool,
    ) -> Outcome<Typed> {
        let collation = Collation::of_all(&arguments);
        let (sql_type, arguments) = self.unified(arguments)?;
        let call = typed_call(frame.call(name, arguments), sql_type, nullable);
        Ok(call.with_collation(collation))
    }

    /// The type of the first argument; NULL is possible.
    fn first_of(
        &mut self,
        name: &str,
        lower: &str,
        arguments: Vec<Typed>,
        frame: &Frame,
    ) -> Outcome<Typed> {
        let collation = Collation::of_all(arguments.first());
        let arguments = match lower {
            "min" | "max" => self.all_collated(arguments),
            "nullif" => {
                let mut arguments = arguments.into_iter();
                match (arguments.next(), arguments.next()) {
                    (Some(first), Some(second)) => self.nullif_operands(first, second)?,
                    (first, second) => first.into_iter().chain(second).collect(),
                }
            }
            _ => arguments,
        };
        let first = arguments.first();
        let sql_type = first.and_then(|argument| argument.sql_type);
        let of_json = first.is_some_and(|argument| argument.form == Form::Json);
        let call = typed_call(frame.call(name, arguments), sql_type, true);
        let call = call.with_collation(collation);
        Ok(if of_json {
            call.with_form(Form::Json)
        } else {
            call
        })
    }

    fn nullif_operands(&mut self, first: Typed, second: Typed) -> Outcome<Vec<Typed>> {
        let equal = super::compare::Comparison::Equal;
        // A function has no affinities.
        let second = if first.is_text() {
            self.shown(second)
        } else {
            second
        };
        let (first, mut others) = self.against(first, equal, vec![second])?;
        others.insert(0, first);
        Ok(others)
    }

    /// LAG and LEAD: the third argument stands in where there is no such row.
    fn neighbour(&mut self, name: &str, arguments: Vec<Typed>, frame: &Frame) -> Outcome<Typed> {
        let mut arguments = arguments.into_iter();
        let (value, offset, default) = (arguments.next(), arguments.next(), arguments.next());
        let never_null = [&value, &default]
            .iter()
            .all(|side| side.as_ref().is_some_and(|typed| !typed.nullable));
        let offset = match offset {
            Some(offset) => Some(self.suggest(offset, SqlType::Bigint)?),
            None => None,
        };
        let sides: Vec<Typed> = value.into_iter().chain(default).collect();
        let collation = Collation::of_all(&sides);
        let (sql_type, sides) = self.unified(sides)?;
        let mut sides = sides.into_iter();
        let all = sides
            .next()
            .into_iter()
            .chain(offset)
            .chain(sides)
            .collect();
        let call = typed_call(frame.call(name, all), sql_type, !never_null);
        Ok(call.with_collation(collation))
    }

    /// IIF with any number of conditions.
    fn iif(&mut self, name: &str, arguments: Vec<Typed>, frame: &Frame) -> Outcome<Typed> {
        let has_else = arguments.len() % 2 == 1;
        let last = arguments.len().saturating_sub(1);
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        for (at, argument) in arguments.into_iter().enumerate() {
            if at % 2 == 1 || (has_else && at == last) {
                values.push(argument);
            } else {
                conditions.push(self.truth(argument)?);
            }
        }
        let collation = Collation::of_all(&values);
        let (sql_type, values) = self.unified(values)?;
        let nullable = !has_else || values.iter().any(|value| value.nullable);
        let mut conditions = conditions.into_iter();
        let mut all = Vec::new();
        for value in values {
            all.extend(conditions.next());
            all.push(value);
        }
        Ok(typed_call(frame.call(name, all), sql_type, nullable).with_collation(collation))
    }

    fn round(&mut self, name: &str, arguments: Vec<Typed>, frame: &Frame) -> Outcome<Typed> {
        let arguments = self.suggest_all(arguments, SqlType::DECIMAL)?;
        let Some(SqlType::Decimal { precision, scale }) =
            arguments.first().and_then(|argument| argument.sql_type)
        else {
            return self.other(name, "round", arguments, frame);
        };
        let nullable = arguments.iter().any(|argument| argument.nullable);
        let places = match arguments.get(1) {
            None => Some(0),
            Some(places) if places.form == Form::Number => places.clone().into_text().parse().ok(),
            Some(_) => None,
        };
        let mut arguments = arguments.into_iter();
        match (places, arguments.next()) {
            (Some(places), Some(value)) => {
                self.rewritten = true;
                let places = scale.min(places);
                let sql_type = decimal(precision - scale, places);
                Ok(Typed::to_be_rounded(
                    value.into_unrounded(),
                    sql_type,
                    nullable,
                ))
            }
            (_, value) => {
                let all = value.into_iter().chain(arguments).collect();
                let sql_type = SqlType::Decimal { precision, scale };
                Ok(Typed::to_be_rounded(
                    frame.call(name, all),
                    sql_type,
                    nullable,
                ))
            }
        }
    }

    /// ABS.
    fn same_as_first(
        &mut self,
        name: &str,
        arguments: Vec<Typed>,
        frame: &Frame,
    ) -> Outcome<Typed> {
        let arguments = self.suggest_all(arguments, SqlType::DECIMAL)?;
        let first = arguments.first();
        let nullable = first.is_none_or(|argument| argument.nullable);
        let sql_type = match first.and_then(|argument| argument.sql_type) {
            Some(SqlType::Varchar { .. }) => Some(SqlType::Double),
            other => other,
        };
        Ok(typed_call(frame.call(name, arguments), sql_type, nullable))
    }

    fn concatenation(
        &mut self,
        name: &str,
        arguments: Vec<Typed>,
        frame: &Frame,
    ) -> Outcome<Typed> {
        let arguments = self.suggest_all(arguments, SqlType::TEXT)?;
        let arguments = self.all_shown(arguments);
        Ok(Typed::new(frame.call(name, arguments), SqlType::TEXT, true))
    }

    fn other(
        &mut self,
        name: &str,
        lower: &str,
        arguments: Vec<Typed>,
        frame: &Frame,
    ) -> Outcome<Typed> {
        let arguments = match argument_type(lower) {
            Some(sql_type) => self.suggest_all(arguments, sql_type)?,
            None => arguments,
        };
        let arguments = if takes_texts(lower) {
            self.all_shown(arguments)
        } else {
            arguments
        };
        let types: Vec<SqlType> = arguments.iter().map(Typed::shown_type).collect();
        let nulls: Vec<bool> = arguments.iter().map(|argument| argument.nullable).collect();
        let Some(sql_type) = functions::result_type(lower, &types) else {
            return Err(self.unknown_function(&unquoted(name)));
        };
        let nullable = functions::result_nullable(lower, &nulls);
        let collation = Collation::of_parts(&arguments);
        let call = Typed::new(frame.call(name, arguments), sql_type, nullable);
        let call = call.with_collation(collation);
        Ok(match lower {
            "json_extract" => call.with_form(Form::Json),
            _ => call,
        })
    }

    fn all_shown(&mut self, values: Vec<Typed>) -> Vec<Typed> {
        values.into_iter().map(|value| self.shown(value)).collect()
    }

    fn unknown_function(&self, name: &str) -> Failure {
        let documented = functions::all()
            .iter()
            .filter(|function| function.group != functions::Group::Internal)
            .map(|function| function.name);
        let nearest = super::scope::nearest(name, documented);
        let mut problem = Problem::syntax(format!(
            "There is no function {name}.{}",
            super::suggestion(&nearest)
        ));
        problem.place = self.source.find(&[name, "("]);
        problem.into()
    }

    /// Parameters take the type, the others stay.
    fn suggest_all(&mut self, values: Vec<Typed>, sql_type: SqlType) -> Outcome<Vec<Typed>> {
        values
            .into_iter()
            .map(|value| self.suggest(value, sql_type))
            .collect()
    }

    fn tail(&mut self, tail: Option<&FunctionTail>, scope: &Scope) -> Outcome<String> {
        let mut text = String::new();
        let Some(tail) = tail else {
            return Ok(text);
        };
        if let Some(filter) = tail.filter_clause {
            text.push_str(" FILTER (WHERE ");
            text.push_str(&self.condition(filter, scope)?);
            text.push(')');
        }
        match tail.over_clause {
            Some(Over::Name(name)) => {
                text.push_str(" OVER ");
                text.push_str(name.0);
            }
            Some(Over::Window(window)) => {
                text.push_str(" OVER ");
                text.push_str(&self.window(window, scope)?);
            }
            None => {}
        }
        Ok(text)
    }

    /// A window definition with its brackets.
    pub(super) fn window(&mut self, window: &Window, scope: &Scope) -> Outcome<String> {
        let mut parts = Vec::new();
        if let Some(base) = &window.base {
            parts.push(base.0.to_owned());
        }
        if let Some(partition) = window.partition_by {
            let terms = self.exprs(partition, scope)?;
            let terms: Vec<String> = self
                .all_collated(terms)
                .into_iter()
                .map(Typed::into_text)
                .collect();
            parts.push(format!("PARTITION BY {}", terms.join(", ")));
        }
        if let Some(order) = window.order_by {
            parts.push(format!("ORDER BY {}", self.sorted(order, scope)?));
        }
        if let Some(frame) = &window.frame_clause {
            parts.push(self.frame(frame, scope)?);
        }
        Ok(format!("({})", parts.join(" ")))
    }

    fn frame(&mut self, frame: &FrameClause, scope: &Scope) -> Outcome<String> {
        let mode = match frame.mode {
            FrameMode::Groups => "GROUPS",
            FrameMode::Range => "RANGE",
            FrameMode::Rows => "ROWS",
        };
        let start = self.bound(&frame.start, scope)?;
        let mut text = match &frame.end {
            Some(end) => format!("{mode} BETWEEN {start} AND {}", self.bound(end, scope)?),
            None => format!("{mode} {start}"),
        };
        text.push_str(match frame.exclude {
            None => "",
            Some(FrameExclude::NoOthers) => " EXCLUDE NO OTHERS",
            Some(FrameExclude::CurrentRow) => " EXCLUDE CURRENT ROW",
            Some(FrameExclude::Group) => " EXCLUDE GROUP",
            Some(FrameExclude::Ties) => " EXCLUDE TIES",
        });
        Ok(text)
    }

    fn bound(&mut self, bound: &FrameBound, scope: &Scope) -> Outcome<String> {
        let (expr, word) = match bound {
            FrameBound::CurrentRow => return Ok("CURRENT ROW".to_owned()),
            FrameBound::UnboundedFollowing => return Ok("UNBOUNDED FOLLOWING".to_owned()),
            FrameBound::UnboundedPreceding => return Ok("UNBOUNDED PRECEDING".to_owned()),
            FrameBound::Following(expr) => (expr, "FOLLOWING"),
            FrameBound::Preceding(expr) => (expr, "PRECEDING"),
        };
        let distance = self.expr(expr, scope)?;
        let distance = self.suggest(distance, SqlType::Bigint)?;
        Ok(format!("{} {word}", distance.into_text()))
    }
}

fn typed_call(text: String, sql_type: Option<SqlType>, nullable: bool) -> Typed {
    match sql_type {
        Some(sql_type) => Typed::new(text, sql_type, nullable),
        None => Typed::untyped(text),
    }
}

/// Whether a function reads its arguments as texts. A count among them can be one.
fn takes_texts(name: &str) -> bool {
    let is_of_text =
        || functions::find(name).is_some_and(|function| function.group == functions::Group::Text);
    match name {
        // These write a value by its type.
        "quote" | "unistr_quote" => false,
        "like" | "glob" | "apilink_insert" | "apilink_left" | "apilink_right" => true,
        _ => is_of_text(),
    }
}

/// The type that a parameter takes as an argument.
fn argument_type(name: &str) -> Option<SqlType> {
    Some(match name {
        "date" | "julianday" | "unixepoch" => SqlType::TEXT,
        "sqrt" | "exp" | "ln" | "log" | "log10" | "log2" | "pow" | "power" | "ceil" | "ceiling"
        | "floor" | "trunc" | "sign" => SqlType::Double,
        "ntile" | "char" | "zeroblob" => SqlType::Bigint,
        _ => return None,
    })
}
