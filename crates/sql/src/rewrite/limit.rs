//! A bound on the rows of a result, for the property `MaxRows`: it holds where the outermost SELECT has
//! neither aggregates nor groups, whose rows are no records.

use super::syntax::{Core, Select};
use super::tokens::{Span, Tokens};

/// What makes one row of several.
const AGGREGATES: [&str; 12] = [
    "APILINK_AVG_DECIMAL",
    "APILINK_SUM_DECIMAL",
    "AVG",
    "COUNT",
    "GROUP_CONCAT",
    "JSONB_GROUP_ARRAY",
    "JSONB_GROUP_OBJECT",
    "JSON_GROUP_ARRAY",
    "JSON_GROUP_OBJECT",
    "STRING_AGG",
    "SUM",
    "TOTAL",
];

/// A statement with a LIMIT, which the service can be told of; as it was where it has one already, which
/// may be smaller. `None`: no bound holds for it.
pub(crate) fn bounded(sql: &str, most: u64) -> Option<String> {
    let tokens = Tokens::new(sql)?;
    let select = Select::parse(&tokens, &tokens.all())?;
    if select.cores.iter().any(|core| is_aggregated(&tokens, core)) {
        return None;
    }
    let has_limit = tokens
        .level(select.tail.clone())
        .any(|at| tokens.is(at, "LIMIT"));
    let text = tokens.source(&tokens.all());
    Some(if has_limit {
        text.to_owned()
    } else {
        format!("{text} LIMIT {most}")
    })
}

fn is_aggregated(tokens: &Tokens, core: &Core) -> bool {
    let (items, _) = tokens.outside_subqueries(core.items.clone());
    core.is_grouped || items.into_iter().any(|at| is_aggregate(tokens, at))
}

/// Whether a call of an aggregate begins at a token, and not one over a window.
fn is_aggregate(tokens: &Tokens, at: usize) -> bool {
    let Some(close) = tokens.close_of(at + 1) else {
        return false;
    };
    let arguments: Span = at + 2..close;
    let is_known = tokens.is_any(at, &AGGREGATES)
        || (tokens.is_any(at, &["MIN", "MAX"]) && tokens.parts(arguments).len() == 1);
    let mut end = close + 1;
    if tokens.is(end, "FILTER") {
        end = tokens.after(end + 1);
    }
    is_known && !tokens.is(end, "OVER")
}
