//! A plan with the values of its arguments, as requests.

use std::collections::HashMap;

use apilink_core::profile::PagingProfile;
use apilink_core::profile::tables::{Filter, FilterOperator, List, Table};

use super::filters::{allowed, ids_filter};
use super::plan::{Access, Argument, Plan, Role};
use crate::catalog::{
    Catalog, ColumnShape, CustomColumn, CustomShow, Origin, TableShape, TableSource,
};
use crate::functions::decimal;
use crate::types::SqlType;
use crate::value::{Value, ValueRef};

/// No more requests than these are made for the values of one IN without a look at how long the list
/// is: most lists have more pages.
pub(super) const FEW_VALUES: usize = 4;

/// More requests than these are never made in place of reading a list.
const MOST_REQUESTS: usize = 10_000;

/// A value given to a scan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    One(Value),
    Many(Vec<Value>),
}

impl Given {
    fn values(&self) -> &[Value] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// A request without the parameters of its pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Query {
    /// The path, relative to the API's.
    pub(crate) path: String,
    /// The parameters, without fields, page size and order.
    pub(crate) parameters: Vec<(String, String)>,
    /// The value of the parent column, where it is a part of the path.
    pub(crate) parent: Option<i64>,
    /// One record in place of a list: that there is none is no error.
    pub(crate) is_record: bool,
}

/// All that a scan asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Demand {
    /// The requests, one after the other; none where nothing can match.
    pub(crate) queries: Vec<Query>,
    /// The value of the order parameter.
    pub(crate) order: Option<String>,
    /// The largest page there is.
    pub(crate) page_size: u32,
    /// The list has no pages.
    pub(crate) is_unpaged: bool,
    /// The list can be read to its end by page tokens.
    pub(crate) has_fields: bool,
    /// Rows to leave out at the beginning.
    pub(crate) offset: u64,
    /// Rows that are wanted at most.
    pub(crate) limit: Option<u64>,
}

/// Turns plans into requests.
#[derive(Clone, Copy)]
pub(crate) struct Requester<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) paging: &'a PagingProfile,
    /// The length of the parameter that names the fields.
    pub(crate) fields: usize,
    /// For how many values of one IN requests of their own are made, where a filter takes one value;
    /// with more, all of the list is read, and compared here.
    pub(crate) most_values: usize,
}

impl Requester<'_> {
    /// What a plan asks for, with these values for its arguments.
    pub(crate) fn demand(&self, shape: &TableShape, plan: &Plan, given: &[Given]) -> Demand {
        let TableSource::Service(table) = &shape.source else {
            return Demand::default();
        };
        let arguments: Vec<(&Argument, &Given)> = plan.arguments.iter().zip(given).collect();
        match plan.access {
            Access::System => Demand::default(),
            Access::Keys => Self::of_keys(shape, table, &keys(&arguments, &Role::Key), self.fields),
            Access::Array => self.of_array(shape, table, &arguments),
            Access::List => self.of_list(shape, table, plan, &arguments),
        }
    }

    /// The records with these keys. `fields` is the length of the parameter that names the fields.
    pub(crate) fn of_keys(
        shape: &TableShape,
        table: &Table,
        keys: &[Value],
        fields: usize,
    ) -> Demand {
        let Some((&key, list)) = shape.key.first().zip(table.list.as_ref().or(NO_LIST)) else {
            return Demand::default();
        };
        let Some(column) = shape.columns.get(key) else {
            return Demand::default();
        };
        let mut texts: Vec<String> = keys
            .iter()
            .filter_map(|value| render(column.sql_type, value))
            .collect();
        texts.sort_unstable();
        texts.dedup();
        let ids = ids_filter(table, shape, key);
        let queries = match (&texts[..], &table.get, ids) {
            ([], ..) | (_, None, None) => Vec::new(),
            ([one], Some(get), _) => vec![Query {
                path: filled(get, &column.name, one),
                parameters: Vec::new(),
                parent: None,
                is_record: true,
            }],
            (many, _, Some(ids)) => many
                .chunks(keys_at_once(ids, list, fields))
                .flat_map(|chunk| {
                    let keys = with_constant(list, several(ids, chunk));
                    required(list, &[], vec![keys])
                })
                .map(|parameters| Query {
                    path: list.path.clone(),
                    parameters,
                    parent: None,
                    is_record: false,
                })
                .collect(),
            (many, Some(get), None) => many
                .iter()
                .map(|one| Query {
                    path: filled(get, &column.name, one),
                    parameters: Vec::new(),
                    parent: None,
                    is_record: true,
                })
                .collect(),
        };
        Demand {
            queries,
            order: None,
            ..Self::of(list)
        }
    }

    /// How many keys one request takes; one where each needs its own.
    pub(crate) fn keys_at_once(shape: &TableShape, table: &Table, fields: usize) -> usize {
        let Some((&key, list)) = shape.key.first().zip(table.list.as_ref()) else {
            return 1;
        };
        ids_filter(table, shape, key).map_or(1, |ids| keys_at_once(ids, list, fields))
    }

    /// The records that hold an array: all of them, or those with the given keys.
    fn of_array(
        &self,
        shape: &TableShape,
        table: &Table,
        arguments: &[(&Argument, &Given)],
    ) -> Demand {
        let Some(parent) = table
            .array
            .as_ref()
            .and_then(|array| self.catalog.table(&array.table))
        else {
            return Demand::default();
        };
        let TableSource::Service(holder) = &parent.source else {
            return Demand::default();
        };
        let is_given = arguments
            .iter()
            .any(|(argument, _)| argument.role == Role::Parent);
        if is_given {
            return Self::of_keys(parent, holder, &keys(arguments, &Role::Parent), self.fields);
        }
        let Some(list) = &holder.list else {
            return Demand::default();
        };
        let Some(alternatives) = self.alternatives(list, shape, table, arguments) else {
            return Demand::default();
        };
        Demand {
            queries: alternatives
                .into_iter()
                .map(|parameters| Query {
                    path: list.path.clone(),
                    parameters,
                    parent: None,
                    is_record: list.single,
                })
                .collect(),
            order: self.full_order(list),
            ..Self::of(list)
        }
    }

    /// The parameters of each request for a list with a table's filters; `None` if no row can match.
    fn alternatives(
        &self,
        list: &List,
        shape: &TableShape,
        table: &Table,
        arguments: &[(&Argument, &Given)],
    ) -> Option<Vec<Parameters>> {
        let mut alternatives = vec![with_constant(list, Vec::new())];
        let mut given_parameters = Vec::new();
        for (argument, given) in arguments {
            let Role::Filters(filters) = &argument.role else {
                continue;
            };
            let column = argument.column.and_then(|at| shape.columns.get(at));
            for filter in filters.iter().filter_map(|&at| table.filters.get(at)) {
                let most = MOST_REQUESTS / alternatives.len().max(1);
                let most = self.most_values.min(most);
                match expand(filter, list, column, given, most) {
                    Expansion::Nothing => return None,
                    Expansion::Everything => {}
                    Expansion::Each(choices) => {
                        given_parameters.push(filter.parameter.clone());
                        alternatives = product(&alternatives, &choices);
                    }
                }
            }
        }
        Some(required(list, &given_parameters, alternatives))
    }

    fn of_list(
        &self,
        shape: &TableShape,
        table: &Table,
        plan: &Plan,
        arguments: &[(&Argument, &Given)],
    ) -> Demand {
        let Some(list) = &table.list else {
            return Demand::default();
        };
        let Some(alternatives) = self.alternatives(list, shape, table, arguments) else {
            return Demand::default();
        };
        let mut paths = vec![(list.path.clone(), None)];
        let (mut limit, mut offset) = (None, 0);
        for (argument, given) in arguments {
            let column = argument.column.and_then(|at| shape.columns.get(at));
            match &argument.role {
                Role::Limit => limit = count(given),
                Role::Offset => offset = count(given).unwrap_or(0),
                Role::Parent => paths = parents(list, column, given),
                Role::Filters(_) | Role::Key | Role::Local | Role::Bound | Role::Skipped => {}
            }
        }
        let order = match plan.order {
            Some((at, descending)) => self.order(list, at, descending),
            None => self.full_order(list),
        };
        let queries = paths
            .iter()
            .flat_map(|(path, parent)| {
                alternatives.iter().map(|parameters| Query {
                    path: path.clone(),
                    parameters: parameters.clone(),
                    parent: *parent,
                    is_record: list.single,
                })
            })
            .collect();
        Demand {
            queries: if limit == Some(0) {
                Vec::new()
            } else {
                queries
            },
            order,
            offset,
            limit,
            ..Self::of(list)
        }
    }

    fn of(list: &List) -> Demand {
        Demand {
            page_size: list.page_size,
            is_unpaged: list.unpaged || list.single,
            has_fields: !list.without_fields,
            ..Demand::default()
        }
    }

    /// The order in which a list can be read to its end, if it is documented for this one.
    fn full_order(&self, list: &List) -> Option<String> {
        let at = list.orders.iter().position(|order| {
            self.spelled(&order.name, false).as_deref() == Some(self.paging.order_value.as_str())
        })?;
        self.order(list, at, false)
    }

    fn order(&self, list: &List, at: usize, descending: bool) -> Option<String> {
        self.spelled(&list.orders.get(at)?.name, descending)
    }

    fn spelled(&self, name: &str, descending: bool) -> Option<String> {
        let template = if descending {
            &self.paging.descending
        } else {
            &self.paging.ascending
        };
        template
            .as_ref()
            .map(|template| template.replace("{}", name))
    }
}

const NO_LIST: Option<&List> = None;

/// What a filter makes of the values given.
enum Expansion {
    /// No row can match.
    Nothing,
    /// The service cannot compare with these; `SQLite` does.
    Everything,
    /// One request for each of these.
    Each(Vec<Vec<(String, String)>>),
}

/// What a filter makes of the values given, with no more than `most` requests where it takes one value.
fn expand(
    filter: &Filter,
    list: &List,
    column: Option<&ColumnShape>,
    given: &Given,
    most: usize,
) -> Expansion {
    if matches!(
        filter.operator,
        FilterOperator::IsNull | FilterOperator::IsNotNull
    ) {
        return Expansion::Each(vec![passed(filter, "")]);
    }
    let Some(column) = column else {
        return Expansion::Everything;
    };
    let values: Vec<&Value> = given
        .values()
        .iter()
        .filter(|value| **value != Value::Null)
        .collect();
    // Nothing is equal to NULL, or less.
    if values.is_empty() {
        return Expansion::Nothing;
    }
    let is_equality = matches!(
        filter.operator,
        FilterOperator::Equal | FilterOperator::In | FilterOperator::InJoined
    );
    let is_closed = column.sql_type.is_number() || column.sql_type == SqlType::Boolean;
    let mut texts = Vec::new();
    for value in &values {
        let text = if let Some(options) = options(column) {
            option(options, value)
        } else if filter.values.is_empty() {
            let value = widened(filter, column.sql_type, value);
            rounded(column.sql_type, &value, filter.operator)
        } else {
            allowed(filter, value).map(str::to_owned)
        };
        match text {
            Some(text) => texts.push(text),
            // No number is equal to a text, and no truth to a third value.
            None if is_equality && filter.values.is_empty() && is_closed => {}
            None => return Expansion::Everything,
        }
    }
    texts.sort_unstable();
    texts.dedup();
    if texts.is_empty() {
        return Expansion::Nothing;
    }
    match filter.operator {
        FilterOperator::In | FilterOperator::InJoined => Expansion::Each(
            texts
                .chunks(most_values(filter, list))
                .map(|chunk| several(filter, chunk))
                .collect(),
        ),
        FilterOperator::NotIn => Expansion::Each(vec![repeated(filter, &texts)]),
        _ if texts.len() > most => Expansion::Everything,
        _ => Expansion::Each(texts.iter().map(|text| passed(filter, text)).collect()),
    }
}

/// A DECIMAL is rounded when it is read, and the service compares what it was before: where it may have
/// more places than a DECIMAL, it is asked for one unit of the last place more.
fn widened(filter: &Filter, sql_type: SqlType, value: &Value) -> Value {
    let SqlType::Decimal { scale, .. } = sql_type else {
        return value.clone();
    };
    let unit = 10_f64.powi(-scale.cast_signed());
    let shift = match filter.operator {
        FilterOperator::GreaterOrEqual if filter.wider => -unit,
        FilterOperator::LessOrEqual if filter.wider => unit,
        _ => return value.clone(),
    };
    let number = match value {
        #[allow(clippy::cast_precision_loss, reason = "a DECIMAL is a double, too")]
        Value::Integer(number) => *number as f64,
        Value::Real(number) => *number,
        other => return other.clone(),
    };
    Value::Real(decimal::round(number + shift, scale.cast_signed()))
}

/// The options of a custom field, of which the service knows the `id` and a query the text.
pub(super) fn options(column: &ColumnShape) -> Option<&HashMap<i64, String>> {
    match &column.origin {
        Origin::Custom(CustomColumn {
            show: CustomShow::Option(options),
            ..
        }) => Some(options),
        _ => None,
    }
}

/// The `id` of the only option with this text.
pub(super) fn option(options: &HashMap<i64, String>, value: &Value) -> Option<String> {
    let mut ids = options
        .iter()
        .filter(|(_, text)| *value == Value::Text((*text).clone()))
        .map(|(id, _)| id.to_string());
    let id = ids.next()?;
    ids.next().is_none().then_some(id)
}

/// The parameters that pass one value.
fn passed(filter: &Filter, text: &str) -> Vec<(String, String)> {
    let value = match &filter.template {
        Some(template) => template
            .replace("{}", text)
            .replace("{-1 day}", &day_after(text, -1))
            .replace("{+1 day}", &day_after(text, 1)),
        None => text.to_owned(),
    };
    let mut parameters = vec![(filter.parameter.clone(), value)];
    parameters.extend(
        filter
            .with
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    parameters
}

/// The day `days` after a day; what is no day is left as it is.
fn day_after(text: &str, days: i64) -> String {
    time::Date::parse(text, &time::format_description::well_known::Iso8601::DATE)
        .ok()
        .and_then(|day| day.checked_add(time::Duration::days(days)))
        .map_or_else(
            || text.to_owned(),
            |day| {
                format!(
                    "{:04}-{:02}-{:02}",
                    day.year(),
                    u8::from(day.month()),
                    day.day()
                )
            },
        )
}

/// The parameters that pass several values.
fn several(filter: &Filter, texts: &[String]) -> Vec<(String, String)> {
    if filter.operator == FilterOperator::InJoined {
        passed(filter, &texts.join(","))
    } else {
        repeated(filter, texts)
    }
}

fn repeated(filter: &Filter, texts: &[String]) -> Vec<(String, String)> {
    texts.iter().flat_map(|text| passed(filter, text)).collect()
}

/// Web servers refuse URLs that are much longer, and their users cannot see why.
const LONGEST_URL: usize = 8_000;

/// How many keys one request takes: as many as a page holds, and no more than fit into a URL.
fn keys_at_once(ids: &Filter, list: &List, fields: usize) -> usize {
    /// The origin, the path and the other parameters.
    const REST: usize = 300;
    /// The digits of a key, `=` and `&`.
    const KEY: usize = 14;
    // The brackets in a name take three bytes each.
    let for_each = ids.parameter.len() + 4 + KEY;
    let room = LONGEST_URL.saturating_sub(REST + fields);
    most_values(ids, list).min(room / for_each).max(1)
}

pub(super) fn most_values(filter: &Filter, list: &List) -> usize {
    let most = filter.max_values.unwrap_or(list.page_size);
    // A page has to hold them all.
    usize::try_from(most.min(list.page_size))
        .unwrap_or(1)
        .max(1)
}

fn with_constant(list: &List, mut parameters: Vec<(String, String)>) -> Vec<(String, String)> {
    for (name, value) in &list.constant {
        if !parameters.iter().any(|(known, _)| known == name) {
            parameters.push((name.clone(), value.clone()));
        }
    }
    parameters
}

type Parameters = Vec<(String, String)>;

/// Every combination of what is asked already with these choices.
fn product(alternatives: &[Parameters], choices: &[Parameters]) -> Vec<Parameters> {
    alternatives
        .iter()
        .flat_map(|so_far| {
            choices.iter().map(move |choice| {
                // What the query asks for takes the place of what is always asked.
                let mut parameters: Parameters = so_far
                    .iter()
                    .filter(|(name, _)| {
                        name.ends_with("[]") || !choice.iter().any(|(other, _)| other == name)
                    })
                    .cloned()
                    .collect();
                parameters.extend(choice.iter().cloned());
                parameters
            })
        })
        .collect()
}

/// One request for each value of the parameters that must be given and are not.
fn required(list: &List, given: &[String], alternatives: Vec<Parameters>) -> Vec<Parameters> {
    list.required
        .iter()
        .filter(|required| !given.contains(&required.parameter))
        .fold(alternatives, |alternatives, required| {
            let choices: Vec<Parameters> = required
                .values
                .iter()
                .map(|value| vec![(required.parameter.clone(), value.clone())])
                .collect();
            product(&alternatives, &choices)
        })
}

/// The values of a role's arguments.
fn keys(arguments: &[(&Argument, &Given)], role: &Role) -> Vec<Value> {
    arguments
        .iter()
        .filter(|(argument, _)| argument.role == *role)
        .flat_map(|(_, given)| given.values())
        .filter(|value| **value != Value::Null)
        .cloned()
        .collect()
}

/// A path for each of the parents.
fn parents(list: &List, column: Option<&ColumnShape>, given: &Given) -> Vec<(String, Option<i64>)> {
    let Some(column) = column else {
        return Vec::new();
    };
    let mut keys: Vec<i64> = given.values().iter().filter_map(whole).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .map(|key| {
            let path = filled(&list.path, &column.name, &key.to_string());
            (path, Some(key))
        })
        .collect()
}

/// A path with the value of a column in it.
fn filled(path: &str, column: &str, value: &str) -> String {
    // A key is a part of the path: nothing in it may lead elsewhere.
    let encoded: String = value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    path.replace(&format!("{{{column}}}"), &encoded)
}

fn count(given: &Given) -> Option<u64> {
    match given {
        // A negative limit is none.
        Given::One(value) => whole(value).and_then(|number| u64::try_from(number).ok()),
        Given::Many(_) => None,
    }
}

/// A whole number, as `SQLite` compares one with a column of such.
pub(crate) fn whole<'v>(value: impl Into<ValueRef<'v>>) -> Option<i64> {
    let of_real = |number: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "whole, and within the range"
        )]
        (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as i64)
    };
    match value.into() {
        ValueRef::Integer(number) => Some(number),
        ValueRef::Real(number) => of_real(number),
        ValueRef::Text(text) => {
            let text = text.trim();
            text.parse()
                .ok()
                .or_else(|| text.parse::<f64>().ok().and_then(of_real))
        }
        ValueRef::Null | ValueRef::Bytes(_) => None,
    }
}

/// A value for a filter. Services compare moments by whole seconds, or may: one within a second is
/// passed as that end of it at which the filter leaves no row out.
fn rounded(sql_type: SqlType, value: &Value, operator: FilterOperator) -> Option<String> {
    let text = render(sql_type, value)?;
    if !has_fraction(sql_type, value) {
        return Some(text);
    }
    let (second, _) = text.split_once('.')?;
    match operator {
        FilterOperator::Greater | FilterOperator::GreaterOrEqual => Some(format!("{second}Z")),
        FilterOperator::Less | FilterOperator::LessOrEqual => second_after(second),
        _ => Some(text),
    }
}

/// Whether a value is a moment within a second.
pub(super) fn has_fraction(sql_type: SqlType, value: &Value) -> bool {
    sql_type == SqlType::Timestamp && render(sql_type, value).is_some_and(|text| text.contains('.'))
}

/// The second after one without its `Z`.
fn second_after(second: &str) -> Option<String> {
    use time::format_description::well_known::Iso8601;
    let moment = time::PrimitiveDateTime::parse(second, &Iso8601::DATE_TIME).ok()?;
    let next = moment.checked_add(time::Duration::SECOND)?;
    let text = next.format(&Iso8601::DATE_TIME).ok()?;
    render(SqlType::Timestamp, &Value::Text(text))
}

/// A value as the service writes values of this type; `None` if it is none.
pub(crate) fn render(sql_type: SqlType, value: &Value) -> Option<String> {
    match sql_type {
        SqlType::Bigint | SqlType::Integer => whole(value).map(|number| number.to_string()),
        SqlType::Decimal { .. } | SqlType::Double => match value {
            Value::Integer(number) => Some(number.to_string()),
            Value::Real(number) => Some(number.to_string()),
            Value::Text(text) => text.trim().parse::<f64>().ok().map(|n| n.to_string()),
            Value::Null | Value::Bytes(_) => None,
        },
        SqlType::Boolean => match whole(value)? {
            0 => Some("false".to_owned()),
            1 => Some("true".to_owned()),
            _ => None,
        },
        SqlType::Timestamp => match value {
            Value::Text(text) => {
                super::cell::timestamp(text).map(|text| format!("{}Z", text.replacen(' ', "T", 1)))
            }
            _ => None,
        },
        SqlType::Date | SqlType::Time | SqlType::Varchar { .. } => match value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            _ => None,
        },
        SqlType::Varbinary => None,
    }
}

#[cfg(test)]
mod tests {
    use apilink_core::profile::tables::FilterOperator;

    use super::{SqlType, Value, rounded};

    #[test]
    fn a_moment_within_a_second_is_passed_as_the_end_that_leaves_nothing_out() {
        let passed = |text: &str, operator| {
            rounded(SqlType::Timestamp, &Value::Text(text.to_owned()), operator)
        };
        let within = "2026-06-30 23:59:59.500";
        let (before, after) = ("2026-06-30T23:59:59Z", "2026-07-01T00:00:00Z");
        for (operator, expected) in [
            (FilterOperator::Greater, before),
            (FilterOperator::GreaterOrEqual, before),
            (FilterOperator::Less, after),
            (FilterOperator::LessOrEqual, after),
        ] {
            assert_eq!(passed(within, operator).as_deref(), Some(expected));
            let whole = passed("2026-06-30 23:59:59", operator);
            assert_eq!(whole.as_deref(), Some(before));
        }
    }
}
