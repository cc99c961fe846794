//! What the filters of the profile can be given.

use apilink_core::profile::tables::{Filter, FilterOperator, Table};

use super::text::render;
use crate::catalog::{ColumnShape, Origin, TableShape};
use crate::value::Value;

/// Whether a value can be passed on; one that is not known yet may be.
pub(super) fn may_pass(filter: &Filter, column: &ColumnShape, value: Option<&Value>) -> bool {
    let Some(value) = value else {
        return true;
    };
    let is_custom = matches!(column.origin, Origin::Custom(_));
    if !filter.values.is_empty() {
        return allowed(filter, value).is_some();
    }
    // NULL equals nothing, which is known without asking.
    is_custom || *value == Value::Null || render(column.sql_type, value).is_some()
}

/// The service's spelling of a value, if it knows it.
pub(crate) fn allowed<'f>(filter: &'f Filter, value: &Value) -> Option<&'f str> {
    let spelled = |text: &str| {
        filter
            .values
            .iter()
            .find(|known| known.eq_ignore_ascii_case(text))
            .map(String::as_str)
    };
    match value {
        Value::Text(text) => spelled(text),
        Value::Integer(number) => spelled(&number.to_string()).or_else(|| match number {
            0 => spelled("false"),
            1 => spelled("true"),
            _ => None,
        }),
        Value::Null | Value::Real(_) | Value::Bytes(_) => None,
    }
}

/// The filter that takes many keys at once.
pub(crate) fn ids_filter<'t>(
    table: &'t Table,
    shape: &TableShape,
    key: usize,
) -> Option<&'t Filter> {
    let name = &shape.columns.get(key)?.name;
    let required = &table.list.as_ref()?.required;
    // A list that wants one value more, of which nothing is known, cannot be asked for keys alone.
    if required.iter().any(|required| required.values.is_empty()) {
        return None;
    }
    table.filters.iter().find(|filter| {
        matches!(
            filter.operator,
            FilterOperator::In | FilterOperator::InJoined
        ) && filter.column.eq_ignore_ascii_case(name)
    })
}
