//! What a statement is going to ask of the service, in words.

use super::bytecode::ScanFacts;
use super::plan::{Access, Argument, Operator, Plan, Role};
use super::request::{Demand, Given};
use super::runtime::Runtime;
use crate::catalog::{TableShape, TableSource};
use crate::value::Value;

/// A table that a statement reads, and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) table: String,
    /// The first request, with `…` for values that are known later; none where nothing is asked.
    pub(crate) request: Option<String>,
    /// The number of requests, where it is known before the first.
    pub(crate) calls: Option<u64>,
    pub(crate) reason: String,
}

/// Describes the scans of a statement, in the order in which their plans were made.
pub(crate) fn steps(runtime: &Runtime) -> Vec<Step> {
    runtime
        .scans()
        .iter()
        .filter_map(|(number, plan, facts)| {
            let shape = runtime.catalog.table(&plan.table)?;
            Some(step(runtime, *number, plan, facts, shape))
        })
        .collect()
}

fn step(
    runtime: &Runtime,
    number: usize,
    plan: &Plan,
    facts: &ScanFacts,
    shape: &TableShape,
) -> Step {
    let without_request = |reason: String| Step {
        table: plan.table.clone(),
        request: None,
        calls: Some(0),
        reason,
    };
    if plan.access == Access::System {
        return without_request("known without a request".to_owned());
    }
    if let Some(by) = runtime.carried_by(number) {
        return without_request(format!("its rows come with the records of {by}"));
    }
    let counts = Runtime::is_counted(plan, facts) && !facts.is_inner;
    let demand = demand(runtime, plan, shape);
    if demand
        .as_ref()
        .is_some_and(|demand| demand.queries.is_empty())
    {
        return without_request("no row can match".to_owned());
    }
    let mut reasons = vec![access(plan, facts, counts).to_owned()];
    reasons.extend(arguments(plan, shape));
    reasons.extend(compared(plan, shape));
    reasons.extend(
        plan.order
            .and_then(|(at, descending)| order(shape, at, descending)),
    );
    Step {
        table: plan.table.clone(),
        request: Some(request(runtime, plan, shape, counts, demand.as_ref())),
        calls: calls(plan, facts, counts, demand.as_ref()),
        reason: reasons.join("; "),
    }
}

/// What the service is going to be asked, if all values are known.
fn demand(runtime: &Runtime, plan: &Plan, shape: &TableShape) -> Option<Demand> {
    let mut fixed = plan.clone();
    fixed
        .arguments
        .retain(|argument| argument.role != Role::Local);
    let given: Option<Vec<Given>> = fixed
        .arguments
        .iter()
        .map(|argument| {
            if argument.is_set {
                let set = argument.set.as_ref()?.iter();
                return Some(Given::Many(set.map(|one| one.0.clone()).collect()));
            }
            Some(Given::One(argument.constant.as_ref()?.0.clone()))
        })
        .collect();
    Some(runtime.demand(shape, &fixed, &given?))
}

fn calls(plan: &Plan, facts: &ScanFacts, counts: bool, demand: Option<&Demand>) -> Option<u64> {
    let demand = demand.filter(|_| !facts.is_inner)?;
    let is_one_page = demand.is_unpaged
        || plan.access == Access::Keys
        || demand
            .limit
            .is_some_and(|limit| limit <= u64::from(demand.page_size));
    (counts || is_one_page || is_record(demand)).then_some(demand.queries.len() as u64)
}

fn is_record(demand: &Demand) -> bool {
    demand.queries.iter().all(|query| query.is_record)
}

fn access(plan: &Plan, facts: &ScanFacts, counts: bool) -> &'static str {
    let has_parent = plan
        .arguments
        .iter()
        .any(|argument| argument.role == Role::Parent);
    match plan.access {
        Access::System => "known without a request",
        Access::Keys if facts.is_inner => {
            "looked up by key, for many rows of the outer table at once"
        }
        Access::Keys => "looked up by key",
        Access::Array if has_parent && facts.is_inner => {
            "looked up by the key of the record that holds it, for many rows of the outer table at \
             once"
        }
        Access::Array => "read in the records that hold it",
        Access::List if counts => "counted by the service",
        Access::List if facts.is_inner => {
            "asked for each row of the outer table, or read once if that takes fewer requests"
        }
        Access::List => "listed page by page",
    }
}

fn arguments(plan: &Plan, shape: &TableShape) -> Vec<String> {
    plan.arguments
        .iter()
        .filter_map(|argument| {
            let what = comparison(shape, argument.column, argument.operator);
            match &argument.role {
                Role::Filters(_) => Some(format!("{what} is passed to the service")),
                Role::Local => Some(format!("{what} is looked up in rows that are kept here")),
                Role::Limit => Some("LIMIT is passed to the service".to_owned()),
                Role::Offset => Some("OFFSET is passed to the service".to_owned()),
                Role::Bound => Some(format!("the list is read no further than {what} asks")),
                Role::Key | Role::Parent => None,
            }
        })
        .collect()
}

fn compared(plan: &Plan, shape: &TableShape) -> Vec<String> {
    plan.compared
        .iter()
        .map(|compared| {
            let what = comparison(shape, compared.column, compared.operator);
            let why = if compared.is_passed {
                "again here: the service compares more widely"
            } else {
                "here: the service has no such filter"
            };
            format!("{what} is compared {why}")
        })
        .collect()
}

fn comparison(shape: &TableShape, column: Option<usize>, operator: Operator) -> String {
    let name = column
        .and_then(|at| shape.columns.get(at))
        .map_or("rowid", |column| column.name.as_str());
    let sign = match operator {
        Operator::Equal => "=",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::NotEqual => "<>",
        Operator::IsNull => "IS NULL",
        Operator::IsNotNull => "IS NOT NULL",
        Operator::Limit => "LIMIT",
        Operator::Offset => "OFFSET",
        Operator::Other => "LIKE or another pattern",
    };
    format!("{name} {sign}")
}

fn order(shape: &TableShape, at: usize, descending: bool) -> Option<String> {
    let TableSource::Service(table) = &shape.source else {
        return None;
    };
    let column = &table.list.as_ref()?.orders.get(at)?.column;
    let direction = if descending { " DESC" } else { "" };
    Some(format!(
        "ORDER BY {column}{direction} is passed to the service"
    ))
}

/// The first request, for people.
fn request(
    runtime: &Runtime,
    plan: &Plan,
    shape: &TableShape,
    counts: bool,
    demand: Option<&Demand>,
) -> String {
    let paging = &runtime.fetcher.session.settings().profile.paging;
    let mut parameters: Vec<String> = Vec::new();
    let path = if let Some(query) = demand.and_then(|demand| demand.queries.first()) {
        let passed = query.parameters.iter();
        parameters.extend(passed.map(|(name, value)| format!("{name}={value}")));
        query.path.clone()
    } else {
        let passed = plan.arguments.iter();
        parameters.extend(passed.filter_map(|argument| later(plan, shape, argument)));
        path(plan, shape)
    };
    if let Some((name, layout)) = paging.fields_parameter.as_ref().zip(runtime.layout(plan)) {
        let fields = if counts {
            "id".to_owned()
        } else {
            layout.fields_parameter(runtime.parent_key(plan, shape).as_deref())
        };
        parameters.push(format!("{name}={fields}"));
    }
    if let Some(demand) = demand.filter(|demand| !is_record(demand)) {
        let page_size = u64::from(demand.page_size);
        let size = if counts {
            1
        } else {
            demand.limit.map_or(page_size, |limit| limit.min(page_size))
        };
        parameters.push(format!("{}={size}", paging.page_size_parameter));
        let order = demand.order.iter().filter(|_| !counts);
        parameters.extend(order.map(|order| format!("{}={order}", paging.order_parameter)));
    }
    format!("GET {path}?{}", parameters.join("&"))
}

/// The path of a scan whose values are not known yet.
fn path(plan: &Plan, shape: &TableShape) -> String {
    let TableSource::Service(table) = &shape.source else {
        return String::new();
    };
    let list = table.list.as_ref().map(|list| list.path.clone());
    let holder = table.array.as_ref().map(|array| array.table.clone());
    match plan.access {
        Access::Array => holder.or(list),
        _ => list.or_else(|| table.get.clone()),
    }
    .unwrap_or_default()
}

/// The parameter for a value that is not known yet.
fn later(plan: &Plan, shape: &TableShape, argument: &Argument) -> Option<String> {
    let TableSource::Service(table) = &shape.source else {
        return None;
    };
    match &argument.role {
        Role::Filters(filters) => {
            let filter = table.filters.get(*filters.first()?)?;
            let value = argument
                .constant
                .as_ref()
                .map_or_else(|| "…".to_owned(), |constant| shown(&constant.0));
            Some(format!("{}={value}", filter.parameter))
        }
        Role::Key if plan.access == Access::Keys => Some("ids[]=…".to_owned()),
        Role::Parent if plan.access == Access::Array => Some("ids[]=…".to_owned()),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(_) => "…".to_owned(),
    }
}
