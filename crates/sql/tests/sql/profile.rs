//! The profile's lists and filters against the sandbox: every request that they can make is
//! documented, and a filter that is said to be exact is.

use std::collections::BTreeMap;

use apilink_core::profile::Profile;
use apilink_core::profile::tables::{Column, ColumnType, Filter, FilterOperator, List, Table};
use apilink_sql::Value;
use clio_sandbox::facts::check_request;
use clio_sandbox::{Options, Sandbox};
use serde_json::Value as Json;

use crate::oracle::Oracle;

/// Values tried for each filter.
const TRIES: usize = 4;

fn tables() -> Vec<Table> {
    Profile::built_in_clio().tables().to_vec()
}

fn address(list: &List) -> String {
    let mut path = String::new();
    let mut rest = list.path.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        path.push('7');
        rest = after.split_once('}').unwrap().1;
    }
    format!("/api/v4/{path}{rest}.json")
}

fn column<'t>(table: &'t Table, name: &str) -> &'t Column {
    let mut columns = table.columns.iter();
    columns.find(|column| column.name == name).unwrap()
}

/// The parameters that every request to the list has.
fn always(list: &List, parameter: &str) -> Vec<(String, String)> {
    let constant = list.constant.clone().into_iter();
    let required = list
        .required
        .iter()
        .filter(|one| one.parameter != parameter);
    let required = required.map(|one| {
        let value = one.values.first().cloned().unwrap_or_else(|| "1".into());
        (one.parameter.clone(), value)
    });
    constant.chain(required).collect()
}

fn escaped(parameters: &[(String, String)]) -> String {
    let mut url = url::Url::parse("http://localhost/").unwrap();
    url.query_pairs_mut().extend_pairs(parameters);
    url.query().unwrap_or_default().to_owned()
}

/// The request of a filter with a value, as the profile writes it.
fn filtered(list: &List, filter: &Filter, value: &str) -> Vec<(String, String)> {
    let template = filter.template.as_deref().unwrap_or("{}");
    let value = if template.contains(" day}") {
        let days = if template.contains("-1") { -1 } else { 1 };
        template
            .replace("{-1 day}", &moved(value, days))
            .replace("{+1 day}", &moved(value, days))
    } else {
        template.replace("{}", value)
    };
    let mut parameters = always(list, &filter.parameter);
    parameters.push((filter.parameter.clone(), value));
    parameters.extend(filter.with.clone());
    parameters
}

fn moved(day: &str, days: i64) -> String {
    let form = time::macros::format_description!("[year]-[month]-[day]");
    let day = time::Date::parse(day, form).unwrap();
    (day + time::Duration::days(days)).format(form).unwrap()
}

/// A value that a filter takes.
fn sample(filter: &Filter, kind: ColumnType) -> String {
    match filter.values.first() {
        Some(value) => value.clone(),
        None => match kind {
            ColumnType::Decimal | ColumnType::Double => "7.5",
            ColumnType::Boolean => "true",
            ColumnType::Date => "2026-01-31",
            ColumnType::Timestamp => "2026-01-31T10:00:00Z",
            // Texts too: some ids are texts.
            _ => "7",
        }
        .to_owned(),
    }
}

#[test]
fn every_request_of_the_profile_is_documented() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    let all = tables();
    for table in &all {
        let Some(list) = &table.list else {
            for (list, filter) in filters_of_holder(&all, table) {
                let value = sample(filter, column(table, &filter.column).kind);
                let query = escaped(&filtered(list, filter, &value));
                wrong.extend(check_request("GET", &address(list), &query).err());
            }
            continue;
        };
        let path = address(list);
        let mut check = |parameters: &[(String, String)]| {
            checked += 1;
            let checked = check_request("GET", &path, &escaped(parameters));
            wrong.extend(checked.err());
        };
        let page = ("limit".to_owned(), list.page_size.to_string());
        let is_paged = !list.single && !list.unpaged;
        let mut plain = always(list, "");
        plain.extend(is_paged.then_some(page));
        check(&plain);
        for order in list.orders.iter().filter(|_| is_paged) {
            // Lists without a documented order are read in that of ids all the same, but not backwards.
            let backwards = order.exact || order.column != "id";
            for direction in ["asc"].into_iter().chain(backwards.then_some("desc")) {
                let mut ordered = always(list, "");
                ordered.push(("order".into(), format!("{}({direction})", order.name)));
                check(&ordered);
            }
        }
        for filter in &table.filters {
            let value = sample(filter, column(table, &filter.column).kind);
            check(&filtered(list, filter, &value));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 900, "{checked}");
}

/// The filters of an array, with the list that they are for.
fn filters_of_holder<'t>(
    tables: &'t [Table],
    table: &'t Table,
) -> impl Iterator<Item = (&'t List, &'t Filter)> {
    let array = table.array.as_ref().filter(|_| table.list.is_none());
    let holder = array.and_then(|array| tables.iter().find(|one| one.name == array.table));
    let list = holder.and_then(|holder| holder.list.as_ref());
    list.into_iter()
        .flat_map(|list| table.filters.iter().map(move |filter| (list, filter)))
}

#[test]
fn a_list_filtered_for_an_array_gives_all_that_hold_such_a_row() {
    let sandbox = Sandbox::start(Options {
        matters: 60,
        ..Options::default()
    })
    .unwrap();
    let all = tables();
    let mut checked = 0;
    for table in &all {
        for (list, filter) in filters_of_holder(&all, table) {
            let (name, column) = (table.name.as_str(), filter.column.as_str());
            let parent = &table.array.as_ref().unwrap().parent_column;
            let oracle = Oracle::of(&sandbox, [name, column]);
            let count = format!(
                "SELECT {column}, count(DISTINCT {parent}) FROM {name} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 9"
            );
            for row in oracle.query(&count, &[]).unwrap() {
                let [Value::Integer(value), Value::Integer(expected)] = row[..] else {
                    panic!("{count}: {row:?}");
                };
                let query = escaped(&filtered(list, filter, &value.to_string()));
                let request = format!("{}?limit=1&{query}", address(list));
                let (_, body) = sandbox.peek(&request);
                let reply: Json = serde_json::from_slice(&body).unwrap();
                let records = reply.pointer("/meta/records").and_then(Json::as_i64);
                assert!(
                    records >= Some(expected),
                    "{request}: {records:?}, not {expected}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 5, "{checked}");
}

#[test]
fn every_filter_of_the_profile_keeps_its_promise() {
    let sandbox = Sandbox::start(Options {
        matters: 60,
        ..Options::default()
    })
    .unwrap();
    let mut outcome = BTreeMap::<&str, usize>::new();
    let mut wrong = Vec::new();
    for table in tables() {
        let Some(list) = table.list.as_ref().filter(|list| !list.path.contains('{')) else {
            continue;
        };
        let filters: Vec<&Filter> = table
            .filters
            .iter()
            .filter(|filter| !column(&table, &filter.column).parameter)
            .collect();
        if filters.is_empty() || table.array.is_some() {
            continue;
        }
        let names = filters.iter().map(|filter| filter.column.as_str());
        let oracle = Oracle::of(&sandbox, names.chain([table.name.as_str()]));
        for filter in filters {
            let trial = Trial {
                sandbox: &sandbox,
                oracle: &oracle,
                table: &table,
                list,
                filter,
            };
            for value in trial.values() {
                let found = trial.check(&value);
                *outcome.entry(found.kind()).or_default() += 1;
                if let Outcome::Wrong(why) = found {
                    wrong.push(why);
                }
            }
        }
    }
    println!("{outcome:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        outcome["exact"] > 900 && outcome["wider"] > 500,
        "{outcome:?}"
    );
}

/// A filter of a list that the sandbox has.
struct Trial<'a> {
    sandbox: &'a Sandbox,
    oracle: &'a Oracle,
    table: &'a Table,
    list: &'a List,
    filter: &'a Filter,
}

enum Outcome {
    Exact,
    Wider,
    NotBuilt,
    Wrong(String),
}

impl Outcome {
    fn kind(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Wider => "wider",
            Self::NotBuilt => "not built",
            Self::Wrong(_) => "wrong",
        }
    }
}

impl Trial<'_> {
    /// Some values that the column has, if the filter takes them.
    fn values(&self) -> Vec<String> {
        if matches!(
            self.filter.operator,
            FilterOperator::IsNull | FilterOperator::IsNotNull
        ) {
            return vec![String::new()];
        }
        let sql = format!(
            "SELECT DISTINCT \"{0}\" FROM \"{1}\" WHERE \"{0}\" IS NOT NULL ORDER BY 1",
            self.filter.column, self.table.name
        );
        let values: Vec<String> = self
            .oracle
            .query(&sql, &[])
            .unwrap()
            .iter()
            .filter_map(|row| self.spelled(&row[0]))
            .collect();
        let step = values.len().div_ceil(TRIES).max(1);
        values.into_iter().step_by(step).collect()
    }

    /// A value as the service spells it.
    fn spelled(&self, value: &Value) -> Option<String> {
        let kind = column(self.table, &self.filter.column).kind;
        let text = match value {
            Value::Integer(flag) if kind == ColumnType::Boolean => (*flag != 0).to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Text(text) if kind == ColumnType::Timestamp => {
                format!("{}Z", text.replace(' ', "T"))
            }
            Value::Text(text) => text.clone(),
            _ => return None,
        };
        if self.filter.values.is_empty() {
            return Some(text);
        }
        let mut known = self.filter.values.iter();
        known
            .find(|known| known.eq_ignore_ascii_case(&text))
            .cloned()
    }

    fn check(&self, value: &str) -> Outcome {
        let parameters = filtered(self.list, self.filter, value);
        let query = escaped(&parameters);
        let request = format!("{}?limit=1&{query}", address(self.list));
        let (status, body) = self.sandbox.peek(&request);
        if status == 501 {
            return Outcome::NotBuilt;
        }
        let reply: Json = serde_json::from_slice(&body).unwrap();
        let Some(records) = reply.pointer("/meta/records").and_then(Json::as_u64) else {
            return Outcome::Wrong(format!("{request}: {status} {reply}"));
        };
        let expected = self.expected(value, &parameters);
        match self.filter.wider {
            false if records == expected => Outcome::Exact,
            true if records >= expected => Outcome::Wider,
            _ => Outcome::Wrong(format!("{request}: {records} records, not {expected}")),
        }
    }

    /// The records of the plain table for which the comparison holds.
    fn expected(&self, value: &str, parameters: &[(String, String)]) -> u64 {
        let name = format!("\"{}\"", self.filter.column);
        let literal = match column(self.table, &self.filter.column).kind {
            ColumnType::Boolean | ColumnType::Bigint | ColumnType::Integer => value.to_owned(),
            ColumnType::Timestamp => format!("'{}'", value.replace('T', " ").replace('Z', "")),
            _ => format!("'{}'", value.replace('\'', "''")),
        };
        let condition = match self.filter.operator {
            FilterOperator::Equal | FilterOperator::In | FilterOperator::InJoined => {
                format!("{name} = {literal}")
            }
            FilterOperator::NotIn => format!("{name} <> {literal}"),
            FilterOperator::Less => format!("{name} < {literal}"),
            FilterOperator::LessOrEqual => format!("{name} <= {literal}"),
            FilterOperator::Greater => format!("{name} > {literal}"),
            FilterOperator::GreaterOrEqual => format!("{name} >= {literal}"),
            FilterOperator::IsNull => format!("{name} IS NULL"),
            FilterOperator::IsNotNull => format!("{name} IS NOT NULL"),
        };
        // What the request has to name, and this filter does not, holds for the rows as well.
        let required = self.list.required.iter();
        let required = required.filter(|one| one.parameter != self.filter.parameter);
        let conditions = required.map(|one| {
            let given = parameters.iter().find(|(name, _)| *name == one.parameter);
            format!("{} = '{}'", one.parameter, given.unwrap().1)
        });
        let conditions: Vec<String> = conditions.chain([condition]).collect();
        let (table, conditions) = (&self.table.name, conditions.join(" AND "));
        let count = format!("(SELECT count(*) FROM \"{table}\" WHERE {conditions})");
        self.oracle.number(&count).unwrap()
    }
}
