//! What filters make of values: the parameters of requests.

use std::collections::HashMap;

use apilink_core::profile::tables::{Filter, FilterOperator, List};

use super::filters::allowed;
use super::request::Given;
use super::text::{day_after, rounded, widened};
use crate::catalog::{ColumnShape, CustomColumn, CustomShow, Origin};
use crate::types::SqlType;
use crate::value::Value;

/// What a filter makes of the values given.
pub(super) enum Expansion {
    /// No row can match.
    Nothing,
    /// The service cannot compare with these; `SQLite` does.
    Everything,
    /// One request for each of these.
    Each(Vec<Vec<(String, String)>>),
}

/// What a filter makes of the values given, with no more than `most` requests where it takes one value.
pub(super) fn expand(
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
pub(super) fn passed(filter: &Filter, text: &str) -> Vec<(String, String)> {
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

/// The parameters that pass several values.
pub(super) fn several(filter: &Filter, texts: &[String]) -> Vec<(String, String)> {
    if filter.operator == FilterOperator::InJoined {
        passed(filter, &texts.join(","))
    } else {
        repeated(filter, texts)
    }
}

pub(super) fn repeated(filter: &Filter, texts: &[String]) -> Vec<(String, String)> {
    texts.iter().flat_map(|text| passed(filter, text)).collect()
}

/// Web servers refuse URLs that are much longer, and their users cannot see why.
const LONGEST_URL: usize = 8_000;

/// How many keys one request takes: as many as a page holds, and no more than fit into a URL.
pub(super) fn keys_at_once(ids: &Filter, list: &List, fields: usize) -> usize {
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

pub(super) fn with_constant(
    list: &List,
    mut parameters: Vec<(String, String)>,
) -> Vec<(String, String)> {
    for (name, value) in &list.constant {
        if !parameters.iter().any(|(known, _)| known == name) {
            parameters.push((name.clone(), value.clone()));
        }
    }
    parameters
}

pub(super) type Parameters = Vec<(String, String)>;

/// Every combination of what is asked already with these choices.
pub(super) fn product(alternatives: &[Parameters], choices: &[Parameters]) -> Vec<Parameters> {
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
pub(super) fn required(
    list: &List,
    given: &[String],
    alternatives: Vec<Parameters>,
) -> Vec<Parameters> {
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
