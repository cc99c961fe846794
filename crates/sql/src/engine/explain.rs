//! What a statement is going to ask of the service, in words.

use super::bytecode::ScanFacts;
use super::filters::ids_filter;
use super::lookup::array_holder;
use super::names;
use super::parameter_columns;
use super::plan::{Access, Argument, Compared, Constant, Operator, Plan, Role};
use super::request::{Demand, Given};
use super::runtime::Runtime;
use crate::catalog::{Origin, TableShape, TableSource};
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
    if facts.never_begins {
        return without_request("not asked: a condition is false for every row".to_owned());
    }
    if let Some(by) = runtime.carried_by(number) {
        return without_request(format!("its rows come with the records of {by}"));
    }
    let counts = Runtime::is_counted(plan, facts) && !facts.is_inner;
    let asked = Asked::of(runtime, plan, facts, shape);
    if asked.later.is_empty() && asked.demand.queries.is_empty() {
        return without_request("no row can match".to_owned());
    }
    let mut reasons = vec![access(plan, facts, counts).to_owned()];
    reasons.extend(
        runtime
            .fed_by(plan)
            .map(|by| format!("what the records of {by} show is not asked for again")),
    );
    reasons.extend(arguments(plan, shape, &asked));
    reasons.extend(compared(plan, shape));
    reasons.extend(
        plan.order
            .and_then(|(at, descending)| order(shape, at, descending)),
    );
    let layout = runtime.layout(plan).unwrap_or_default();
    let named: Vec<&str> = names::named(shape, &layout).collect();
    if !named.is_empty() {
        let named = named.join(", ");
        reasons.push(format!(
            "what {named} shows is looked up by key, for several pages at once, unless it comes with \
             the record"
        ));
    }
    Step {
        table: plan.table.clone(),
        request: Some(request(runtime, plan, shape, counts, &asked)),
        calls: calls(plan, facts, counts, &asked).filter(|_| named.is_empty()),
        reason: reasons.join("; "),
    }
}

/// What the service is going to be asked.
struct Asked<'a> {
    /// What follows from the values that are known.
    demand: Demand,
    /// What is given to the scan later.
    later: Vec<&'a Argument>,
}

impl<'a> Asked<'a> {
    fn of(runtime: &Runtime, plan: &'a Plan, facts: &ScanFacts, shape: &TableShape) -> Self {
        let mut known = plan.clone();
        known.arguments.clear();
        let (mut values, mut later) = (Vec::new(), Vec::new());
        for (at, argument) in plan.arguments.iter().enumerate() {
            if argument.role == Role::Local {
                continue;
            }
            let list = facts.lists.get(at).and_then(Option::as_ref);
            if let Some(value) = given(argument, list) {
                known.arguments.push(argument.clone());
                values.push(value);
            } else {
                later.push(argument);
            }
        }
        Self {
            demand: runtime.demand(shape, &known, &values),
            later,
        }
    }

    /// Whether no request has a parameter of these filters, though the values are known.
    fn leaves_out(&self, shape: &TableShape, argument: &Argument, filters: &[usize]) -> bool {
        let TableSource::Service(table) = &shape.source else {
            return false;
        };
        let is_of = |parameter: &str| {
            let mut filters = filters.iter().filter_map(|&at| table.filters.get(at));
            filters.any(|filter| filter.parameter == parameter)
        };
        let mut queries = self.demand.queries.iter();
        let is_later = self
            .later
            .iter()
            .any(|later| std::ptr::eq(*later, argument));
        !is_later && queries.all(|query| !query.parameters.iter().any(|(name, _)| is_of(name)))
    }

    /// The only record that is asked for.
    fn is_record(&self) -> bool {
        let mut queries = self.demand.queries.iter();
        !self.demand.queries.is_empty() && queries.all(|query| query.is_record)
    }
}

/// What an argument is given, if the statement says it; `list`, the values of its list.
fn given(argument: &Argument, list: Option<&Vec<Constant>>) -> Option<Given> {
    if argument.operator.has_no_value() {
        return Some(Given::One(Value::Null));
    }
    if argument.is_set {
        let set = argument.set.as_ref().or(list)?.iter();
        return Some(Given::Many(set.map(|one| one.0.clone()).collect()));
    }
    Some(Given::One(argument.constant.as_ref()?.0.clone()))
}

fn calls(plan: &Plan, facts: &ScanFacts, counts: bool, asked: &Asked) -> Option<u64> {
    if facts.is_inner || !asked.later.is_empty() {
        return None;
    }
    let demand = &asked.demand;
    let is_one_page = demand.is_unpaged
        || plan.access == Access::Keys
        || demand
            .limit
            .is_some_and(|limit| limit <= u64::from(demand.page_size));
    (counts || is_one_page || asked.is_record()).then_some(demand.queries.len() as u64)
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

fn arguments(plan: &Plan, shape: &TableShape, asked: &Asked) -> Vec<String> {
    plan.arguments
        .iter()
        .filter_map(|argument| {
            let what = if argument.is_set && argument.operator == Operator::Equal {
                comparison(shape, argument.column, argument.operator).replace(" =", " IN")
            } else {
                comparison(shape, argument.column, argument.operator)
            };
            match &argument.role {
                Role::Filters(filters) if asked.leaves_out(shape, argument, filters) => {
                    Some(format!(
                        "{what} is not passed to the service: {}",
                        knows(shape, argument.column)
                    ))
                }
                Role::Filters(_) => Some(format!("{what} is passed to the service")),
                Role::Local => Some(format!("{what} is looked up in rows that are kept here")),
                Role::Limit => Some("LIMIT is passed to the service".to_owned()),
                Role::Offset => Some("OFFSET is passed to the service".to_owned()),
                Role::Bound => Some(format!("the list is read no further than {what} asks")),
                Role::Skipped => Some("a list that ends before OFFSET is not read on".to_owned()),
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
            let why = if !compared.is_passed && plan.access == Access::Keys {
                "here: what is looked up by key is not filtered"
            } else if !compared.is_passed {
                return format!("{what} is compared here: {}", unfiltered(shape, compared));
            } else if is_wider(plan, shape, compared) {
                "again here: the service compares more widely"
            } else {
                "again here: the list may be read in place of a request for each value"
            };
            format!("{what} is compared {why}")
        })
        .collect()
}

/// Why a comparison is not passed to the service.
fn unfiltered(shape: &TableShape, compared: &Compared) -> String {
    let name = compared.column.and_then(|at| shape.columns.get(at));
    let Some(name) = name.map(|column| &column.name) else {
        return "the service has no such filter".to_owned();
    };
    let is_equal = compared.operator == Operator::Equal;
    if is_equal && parameter_columns::values(shape, name).is_some() {
        return knows(shape, compared.column);
    }
    // A column that only passes a value may be about the same: billed, among the values of status.
    let near = shape.columns.iter().find_map(|column| {
        let values = parameter_columns::values(shape, &column.name)?;
        let is_near = column.origin == Origin::Parameter && values.contains(name);
        is_near.then(|| format!("{} ({})", column.name, values.join(", ")))
    });
    near.map_or_else(
        || "the service has no such filter".to_owned(),
        |near| format!("the service has no such filter, but one for {near}"),
    )
}

/// The values that the service can filter a column by.
fn knows(shape: &TableShape, column: Option<usize>) -> String {
    let name = column.and_then(|at| shape.columns.get(at));
    let values = name.and_then(|column| parameter_columns::values(shape, &column.name));
    values.map_or_else(
        || "it has no filter for all of the values".to_owned(),
        |values| format!("it can only be asked for {}", values.join(", ")),
    )
}

/// Whether the service's comparison may give more than a comparison that is passed to it.
fn is_wider(plan: &Plan, shape: &TableShape, compared: &Compared) -> bool {
    let TableSource::Service(table) = &shape.source else {
        return false;
    };
    let passed = plan.arguments.iter().find(|argument| {
        (argument.column, argument.operator) == (compared.column, compared.operator)
    });
    let Some(Role::Filters(filters)) = passed.map(|argument| &argument.role) else {
        return false;
    };
    let mut filters = filters.iter().filter_map(|&at| table.filters.get(at));
    let is_of_values = compared.operator == Operator::Equal && compared.values.is_empty();
    !is_of_values || filters.any(|filter| filter.wider)
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
    asked: &Asked,
) -> String {
    let paging = &runtime.fetcher.session.settings().profile.paging;
    let demand = &asked.demand;
    let mut parameters: Vec<String> = Vec::new();
    let path = if let Some(query) = demand.queries.first() {
        let passed = query.parameters.iter();
        parameters.extend(passed.map(|(name, value)| format!("{name}={value}")));
        query.path.clone()
    } else {
        path(runtime, plan, shape)
    };
    let later = asked.later.iter();
    parameters.extend(later.filter_map(|argument| name_of(runtime, plan, shape, argument)));
    if let Some((name, layout)) = paging
        .fields_parameter
        .as_ref()
        .filter(|_| demand.has_fields)
        .zip(runtime.layout(plan))
    {
        let fields = if counts {
            "id".to_owned()
        } else {
            layout.fields_parameter(runtime.parent_key(plan, shape).as_deref())
        };
        parameters.push(format!("{name}={fields}"));
    }
    if counts {
        parameters.push(format!("{}=1", paging.page_size_parameter));
    } else if !demand.is_unpaged && !asked.is_record() {
        let page_size = u64::from(demand.page_size);
        let size = demand
            .limit
            .map_or(page_size, |limit| limit.clamp(1, page_size));
        parameters.push(format!("{}={size}", paging.page_size_parameter));
        let order = demand.order.iter();
        parameters.extend(order.map(|order| format!("{}={order}", paging.order_parameter)));
        let offset = paging.offset_parameter.iter().filter(|_| demand.offset > 0);
        parameters.extend(offset.map(|name| format!("{name}={}", demand.offset)));
    }
    format!("GET {path}?{}", parameters.join("&"))
}

/// The path of a scan whose values are not known yet.
fn path(runtime: &Runtime, plan: &Plan, shape: &TableShape) -> String {
    let TableSource::Service(table) = &shape.source else {
        return String::new();
    };
    let holder = table
        .array
        .as_ref()
        .filter(|_| plan.access == Access::Array)
        .and_then(|array| runtime.catalog.table(&array.table));
    if let Some(holder) = holder {
        return path(
            runtime,
            &Plan {
                access: Access::Keys,
                ..plan.clone()
            },
            holder,
        );
    }
    let list = table.list.as_ref().map(|list| &list.path);
    let found = match plan.access {
        Access::Keys if !takes_keys(shape) => table.get.as_ref().or(list),
        _ => list.or(table.get.as_ref()),
    };
    found.cloned().unwrap_or_default()
}

/// Whether a list can be asked for many keys at once.
fn takes_keys(shape: &TableShape) -> bool {
    let TableSource::Service(table) = &shape.source else {
        return false;
    };
    let ids = |&key: &usize| ids_filter(table, shape, key);
    shape.key.first().and_then(ids).is_some()
}

/// The parameter for a value that is not known yet.
fn name_of(
    runtime: &Runtime,
    plan: &Plan,
    shape: &TableShape,
    argument: &Argument,
) -> Option<String> {
    let TableSource::Service(table) = &shape.source else {
        return None;
    };
    match &argument.role {
        Role::Filters(filters) => {
            let filter = table.filters.get(*filters.first()?)?;
            Some(format!("{}=…", filter.parameter))
        }
        Role::Key if takes_keys(shape) => Some("ids[]=…".to_owned()),
        Role::Parent if plan.access == Access::Array => {
            let holder = array_holder(&runtime.catalog, table);
            let is_asked = holder.is_some_and(|holder| takes_keys(&holder));
            is_asked.then(|| "ids[]=…".to_owned())
        }
        _ => None,
    }
}
