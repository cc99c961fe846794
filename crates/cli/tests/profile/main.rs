//! The built-in tables of Clio against the sandbox: every list, every column, every filter.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod comparison;
mod custom_fields;
mod service;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use apilink_core::profile::Profile;
use apilink_core::profile::tables::{Column, ColumnType, Filter, FilterOperator, Table};
use serde_json::Value;

use service::{Query, Service};

/// The lists that the sandbox does not have, of which not even the fields can be asked.
const NOT_BUILT: [&str; 2] = ["internal_notifications_event_metrics", "timer"];

/// The parameters that the sandbox does not have.
const FILTERS_NOT_BUILT: [&str; 52] = [
    "activity_descriptions flat_rate",
    "activity_descriptions rate_for[matter_id]",
    "activity_descriptions rate_for[user_id]",
    "activity_descriptions user_id",
    "allocations kind",
    "allocations status",
    "bank_accounts show_empty_accounts",
    "bank_accounts status",
    "bank_transactions unreconciled_only",
    "billable_clients client_id",
    "billable_clients end_date",
    "billable_clients matter_id",
    "billable_clients originating_attorney_id",
    "billable_clients responsible_attorney_id",
    "billable_clients start_date",
    "billable_clients status",
    "billable_matters end_date",
    "billable_matters matter_id",
    "billable_matters originating_attorney_id",
    "billable_matters responsible_attorney_id",
    "billable_matters start_date",
    "billable_matters status",
    "calendars filter_inactive_users",
    "calendars owner",
    "calendars writeable",
    "clio_payments_payments bill_id",
    "comments item_id",
    "conversations contact_id",
    "conversations date",
    "conversations for_user",
    "conversations read_status",
    "conversations time_entries",
    "court_rules_jurisdictions for_current_account",
    "court_rules_matter_dockets matter_status",
    "lauk_criminal_controlled_rates standard_fee_category",
    "lauk_expense_categories practice_area",
    "outstanding_client_balances last_paid_end_date",
    "outstanding_client_balances last_paid_start_date",
    "outstanding_client_balances newest_bill_due_end_date",
    "outstanding_client_balances newest_bill_due_start_date",
    "outstanding_client_balances originating_attorney_id",
    "outstanding_client_balances responsible_attorney_id",
    "reminders subject_id",
    "reminders subject_type",
    "report_presets has_schedule",
    "report_presets output_format",
    "report_presets schedule_frequency",
    "reports output_format",
    "safe_custody_records state",
    "task_template_lists empty",
    "task_types enabled",
    "tax_rate_configurations include_system",
];

fn tables() -> Vec<Table> {
    Profile::built_in_clio().tables().to_vec()
}

#[test]
fn all_lists_of_the_service_are_tables() {
    let tables = tables();
    let lists = tables.iter().filter_map(|table| table.list.as_ref());
    let (below, top): (Vec<_>, Vec<_>) = lists.partition(|list| list.path.contains('{'));
    assert!(top.len() >= 75, "{}", top.len());
    assert!(below.len() >= 8, "{}", below.len());
    for name in [
        "matters",
        "calendar_entries",
        "clio_payments_payments",
        "utbms_codes",
        "court_rules_matter_dockets",
        "contacts_email_addresses",
        "documents_versions",
        "matters_related_contacts",
        "matters_contacts",
        "matters_protected_funds",
        "court_rules_jurisdictions_triggers",
        "matters_custom_field_values",
        "contacts_addresses",
        "bills_matters",
        "folders_list",
        "calendar_entry_event_types",
    ] {
        assert!(tables.iter().any(|table| table.name == name), "{name}");
    }
}

#[test]
fn what_an_array_and_a_list_both_hold_is_one_table() {
    for table in tables() {
        let both = table.list.is_some() && table.array.is_some();
        let expected = ["contacts_email_addresses", "contacts_phone_numbers"];
        assert_eq!(
            both,
            expected.contains(&table.name.as_str()),
            "{}",
            table.name
        );
    }
}

#[test]
fn every_table_is_described() {
    for table in tables() {
        assert!(table.description.is_some(), "{}", table.name);
    }
}

/// Asks for all columns, and finds them in the reply, in the types that the tables say.
#[test]
fn every_list_answers_with_its_columns() {
    let service = Service::start();
    for table in tables().iter().filter(|table| table.list.is_some()) {
        if NOT_BUILT.contains(&table.name.as_str()) {
            continue;
        }
        let records = service.all(table, &[("fields", &fields(table))]);
        for record in &records {
            for column in held(table) {
                check_value(table, column, record);
            }
        }
    }
    service.assert_documented();
}

#[test]
fn every_array_holds_its_columns() {
    let service = Service::start();
    let tables = tables();
    let mut filled = 0;
    for table in &tables {
        let Some(array) = &table.array else { continue };
        let parent = tables
            .iter()
            .find(|parent| parent.name == array.table)
            .unwrap();
        let fields = format!("id,{}{{{}}}", array.field, element_fields(table));
        for record in service.all(parent, &[("fields", &fields)]) {
            let elements = record[&array.field].as_array().cloned().unwrap_or_default();
            for element in &elements {
                filled += 1;
                for column in held(table) {
                    check_value(table, column, element);
                }
            }
        }
    }
    assert!(filled > 100, "{filled}");
    service.assert_documented();
}

#[test]
fn every_order_is_known_to_the_service() {
    let service = Service::start();
    for table in tables() {
        let Some(list) = &table.list else { continue };
        for order in &list.orders {
            for direction in ["asc", "desc"] {
                // Orders that are not documented are only used for reading to the end.
                if order.exact || direction == "asc" {
                    let value = format!("{}({direction})", order.name);
                    service.page(&table, &[("order", &value), ("limit", "1")]);
                }
            }
        }
    }
    service.assert_documented();
}

/// A filter must return all rows for which the comparison is true, and no others unless it says so.
#[test]
fn every_filter_compares_as_it_says() {
    let service = Service::start();
    let mut compared = BTreeMap::new();
    let mut missing = BTreeSet::new();
    for table in tables()
        .iter()
        .filter(|table| !table.filters.is_empty() && table.list.is_some())
    {
        if NOT_BUILT.contains(&table.name.as_str()) {
            continue;
        }
        let all = service.all(table, &[("fields", &fields(table))]);
        for filter in &table.filters {
            let column = table
                .columns
                .iter()
                .find(|c| c.name == filter.column)
                .unwrap();
            let count = compared.entry(table.name.clone()).or_insert(0);
            for value in values(column, filter, &all) {
                match check_filter(&service, table, column, filter, &value, &all) {
                    Some(told_apart) => *count += told_apart,
                    None => _ = missing.insert(format!("{} {}", table.name, filter.parameter)),
                }
            }
        }
    }
    let missing: Vec<_> = missing.iter().map(String::as_str).collect();
    assert_eq!(missing, FILTERS_NOT_BUILT);
    // The test must have seen rows on both sides.
    for table in [
        "activities",
        "bills",
        "contacts",
        "matters",
        "tasks",
        "documents",
    ] {
        assert!(compared[table] > 5, "{table}: {}", compared[table]);
    }
    service.assert_documented();
}

/// The filters of an array without a list of its own are those of the list whose records hold it:
/// that must give every record with an element for which the comparison is true.
#[test]
fn every_filter_of_an_array_finds_the_records_that_hold_it() {
    let service = Service::start();
    let tables = tables();
    let mut compared = 0;
    for table in tables.iter().filter(|table| table.list.is_none()) {
        let Some(array) = &table.array else { continue };
        let holder = tables.iter().find(|one| one.name == array.table).unwrap();
        for filter in &table.filters {
            assert!(filter.wider, "{}: {}", table.name, filter.parameter);
            let is_column = |column: &&Column| column.name == filter.column;
            let column = table.columns.iter().find(is_column).unwrap();
            let fields = format!("id,{}{{{}}}", array.field, column.name);
            let all = service.all(holder, &[("fields", &fields)]);
            let elements =
                |record: &Value| record[&array.field].as_array().cloned().unwrap_or_default();
            let every: Vec<Value> = all.iter().flat_map(elements).collect();
            for value in values(column, filter, &every) {
                let holds = |element: &Value| {
                    comparison::holds(column, filter.operator, field(column, element), &value)
                };
                let text = written(column, filter, &value);
                let query = [("fields", "id"), (filter.parameter.as_str(), text.as_str())];
                let ids: BTreeSet<String> = service
                    .all(holder, &query)
                    .iter()
                    .map(|record| record["id"].to_string())
                    .collect();
                let expected = all
                    .iter()
                    .filter(|record| elements(record).iter().any(holds));
                for record in expected {
                    assert!(
                        ids.contains(&record["id"].to_string()),
                        "{query:?} leaves out {record}"
                    );
                    compared += usize::from(ids.len() < all.len());
                }
            }
        }
    }
    assert!(compared > 0);
    service.assert_documented();
}

/// Asks with a filter, and compares the reply with the rows for which the comparison is true.
fn check_filter(
    service: &Service,
    table: &Table,
    column: &Column,
    filter: &Filter,
    value: &Value,
    all: &[Value],
) -> Option<usize> {
    let text = written(column, filter, value);
    // Rows that have an id are told apart by it; of others, all is needed.
    let fields = if table.key == ["id"] {
        "id".to_owned()
    } else {
        fields(table)
    };
    let mut query: Query<'_> = vec![("fields", &fields), (&filter.parameter, &text)];
    query.extend(
        filter
            .with
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let found = service.built(table, &query)?;
    if column.parameter {
        return Some(0);
    }
    let place = format!(
        "{}: {} {:?} {text}",
        table.name, filter.column, filter.operator
    );
    let name = |record: &Value| match record.get("id") {
        Some(id) if table.key == ["id"] => id.to_string(),
        _ => record.to_string(),
    };
    let is_wanted =
        |record: &&Value| comparison::holds(column, filter.operator, field(column, record), value);
    let found: BTreeSet<_> = found.iter().map(name).collect();
    let expected: BTreeSet<_> = all.iter().filter(is_wanted).map(name).collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "{place} leaves out {missing:?}");
    let more: Vec<_> = found.difference(&expected).collect();
    assert!(
        more.is_empty() || filter.wider,
        "{place} returns {more:?} too"
    );
    Some(usize::from(
        !expected.is_empty() && expected.len() < all.len(),
    ))
}

/// Values to compare with: some that records have, or those that are listed.
fn values(column: &Column, filter: &Filter, all: &[Value]) -> Vec<Value> {
    let known = |value: &Value| {
        filter.values.is_empty()
            || filter
                .values
                .iter()
                .any(|one| spelled(value).eq_ignore_ascii_case(one))
    };
    let of_records = all.iter().map(|record| field(column, record).clone());
    let mut found: Vec<Value> = of_records
        .filter(|value| !value.is_null() && known(value))
        .collect();
    if column.parameter || found.is_empty() {
        found = match filter.values.as_slice() {
            [] => vec![plausible(column)],
            values => values.iter().map(|value| plain(column, value)).collect(),
        };
    }
    if matches!(
        filter.operator,
        FilterOperator::IsNull | FilterOperator::IsNotNull
    ) {
        return vec![Value::Null];
    }
    found.sort_by_key(Value::to_string);
    found.dedup();
    let middle = found.len() / 2;
    let chosen: BTreeSet<usize> = [0, middle, found.len() - 1].into();
    chosen.into_iter().map(|at| found[at].clone()).collect()
}

fn plain(column: &Column, value: &str) -> Value {
    match column.kind {
        ColumnType::Boolean => Value::from(value == "true"),
        _ => Value::from(value),
    }
}

fn plausible(column: &Column) -> Value {
    match column.kind {
        ColumnType::Bigint | ColumnType::Integer => Value::from(7),
        ColumnType::Boolean => Value::from(true),
        ColumnType::Date => Value::from("2026-01-15"),
        ColumnType::Timestamp => Value::from("2026-01-15T10:00:00Z"),
        _ => Value::from("7"),
    }
}

/// A value as the service spells it in records.
fn spelled(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A value as the filter writes it.
fn written(column: &Column, filter: &Filter, value: &Value) -> String {
    let text = spelled(value);
    let spelling = filter
        .values
        .iter()
        .find(|known| known.eq_ignore_ascii_case(&text));
    let text = spelling.cloned().unwrap_or(text);
    let template = filter.template.as_deref().unwrap_or("{}");
    assert!(column.kind == ColumnType::Date || !template.contains(" day}"));
    template
        .replace("{-1 day}", &comparison::shifted(&text, -1))
        .replace("{+1 day}", &comparison::shifted(&text, 1))
        .replace("{}", &text)
}

/// The columns that records hold.
fn held(table: &Table) -> impl Iterator<Item = &Column> {
    table
        .columns
        .iter()
        .filter(|column| !column.parent && !column.parameter)
}

/// The `fields` parameter for all columns of a list.
fn fields(table: &Table) -> String {
    let mut objects: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut names = Vec::new();
    for column in held(table) {
        match column.path() {
            (object, Some(field)) => objects.entry(object).or_default().push(field),
            (field, None) => names.push(field.to_owned()),
        }
    }
    names.extend(
        objects
            .into_iter()
            .map(|(name, fields)| format!("{name}{{{}}}", fields.join(","))),
    );
    names.join(",")
}

/// The same for an element of an array: of objects in it, the key comes by itself.
fn element_fields(table: &Table) -> String {
    let names: BTreeSet<_> = held(table).map(|column| column.path().0).collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}

fn field<'a>(column: &Column, record: &'a Value) -> &'a Value {
    match column.path() {
        (object, Some(field)) => &record[object][field],
        (field, None) => &record[field],
    }
}

fn check_value(table: &Table, column: &Column, record: &Value) {
    let place = || format!("{}.{} in {record}", table.name, column.name);
    if table.list.as_ref().is_some_and(|list| list.values) {
        assert!(record.is_i64());
        return;
    }
    let (outer, inner) = column.path();
    let object = record.get(outer).unwrap_or_else(|| panic!("{}", place()));
    let value = match inner {
        Some(field) if !object.is_null() => {
            object.get(field).unwrap_or_else(|| panic!("{}", place()))
        }
        _ => object,
    };
    assert!(comparison::fits(column.kind, value), "{} {value}", place());
}

/// Lists by their names, with how many rows they have.
#[test]
fn page_sizes_are_the_largest_that_the_service_gives() {
    let service = Service::start();
    let sizes: HashMap<_, _> = tables()
        .into_iter()
        .filter_map(|table| Some((table.name, table.list?.page_size)))
        .collect();
    assert_eq!(sizes["users"], 2000);
    assert_eq!(sizes["billable_clients"], 25);
    assert_eq!(sizes["billable_matters"], 1000);
    assert_eq!(sizes["matters"], 200);
    for table in tables() {
        let Some(list) = &table.list else { continue };
        if !list.single && !list.unpaged {
            service.page(&table, &[("limit", &list.page_size.to_string())]);
        }
    }
    service.assert_documented();
}
