//! The sandbox against the facts of Clio's API: it must not drift towards what some client
//! happens to send.

use clio_sandbox::facts::{FACTS, Kind, Operation, Schema, check_request, check_status};
use serde_json::Value;

use crate::client::{Client, sandbox};

/// Filters that the sandbox answers with 501. The list may only become shorter.
const MISSING_FILTERS: &[(&str, &[&str])] = &[
    (
        "/activity_descriptions.json",
        &[
            "flat_rate",
            "rate_for[matter_id]",
            "rate_for[user_id]",
            "user_id",
        ],
    ),
    ("/allocations.json", &["kind", "parent_type", "status"]),
    ("/bank_accounts.json", &["show_empty_accounts", "status"]),
    ("/bank_transactions.json", &["unreconciled_only"]),
    (
        "/billable_clients.json",
        &[
            "client_id",
            "end_date",
            "matter_id",
            "originating_attorney_id",
            "responsible_attorney_id",
            "start_date",
            "status",
        ],
    ),
    (
        "/billable_matters.json",
        &[
            "end_date",
            "matter_id",
            "originating_attorney_id",
            "responsible_attorney_id",
            "start_date",
            "status",
        ],
    ),
    (
        "/calendars.json",
        &["filter_inactive_users", "owner", "writeable"],
    ),
    ("/clio_payments/payments.json", &["bill_id"]),
    ("/comments.json", &["item_id"]),
    (
        "/conversations.json",
        &[
            "contact_id",
            "date",
            "for_user",
            "read_status",
            "time_entries",
        ],
    ),
    ("/court_rules/jurisdictions.json", &["for_current_account"]),
    ("/court_rules/matter_dockets.json", &["matter_status"]),
    (
        "/lauk_criminal_controlled_rates.json",
        &["standard_fee_category"],
    ),
    ("/lauk_expense_categories.json", &["practice_area"]),
    (
        "/outstanding_client_balances.json",
        &[
            "last_paid_end_date",
            "last_paid_start_date",
            "newest_bill_due_end_date",
            "newest_bill_due_start_date",
            "originating_attorney_id",
            "responsible_attorney_id",
        ],
    ),
    ("/reminders.json", &["subject_type"]),
    (
        "/report_presets.json",
        &["has_schedule", "output_format", "schedule_frequency"],
    ),
    ("/reports.json", &["output_format"]),
    ("/safe_custody/records.json", &["state"]),
    ("/task_template_lists.json", &["empty"]),
    ("/task_types.json", &["enabled"]),
    ("/tax_rate_configurations.json", &["include_system"]),
];

fn lists() -> impl Iterator<Item = &'static Operation> {
    FACTS
        .operations
        .iter()
        .filter(|operation| operation.method == "GET" && operation.limit.is_some())
}

/// The path with ids of rows that exist.
fn path(client: &Client<'_>, operation: &Operation) -> String {
    let mut path = operation.path.trim_start_matches('/').to_owned();
    if path.contains('{') {
        let (list, _) = path.split_once("/{").unwrap();
        let id = client.first(list);
        let (start, end) = (path.find('{').unwrap(), path.find('}').unwrap());
        path.replace_range(start..=end, &id.to_string());
    }
    path
}

fn required(operation: &Operation) -> String {
    let needed = operation
        .query
        .iter()
        .filter(|(name, (required, _))| *required && !operation.is_in_path(name));
    needed
        .map(|(name, (_, kind))| ["&", name, "=", &sample(kind)[0]].concat())
        .collect()
}

fn sample(kind: &Kind) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match kind {
        Kind::Choice(values) if values[0].contains("DATE") => values
            .iter()
            .map(|value| value.replace("DATE", "2024-01-31"))
            .collect(),
        Kind::Choice(values) => values.clone(),
        Kind::Boolean => vec!["true".to_owned(), "false".to_owned()],
        Kind::Date => one("2024-01-31"),
        Kind::DateTime => one("2024-01-31T12:00:00Z"),
        Kind::Integer | Kind::Number => one("1"),
        _ => one("a"),
    }
}

/// All fields, each object with all its fields.
fn all_fields(schema: &Schema) -> String {
    let field = |column: &clio_sandbox::facts::Column| match column.kind.schema() {
        Some(nested) if !nested.columns.is_empty() => {
            let names: Vec<&str> = nested
                .columns
                .iter()
                .map(|inner| inner.name.as_str())
                .collect();
            format!("{}{{{}}}", column.name, names.join(","))
        }
        _ => column.name.clone(),
    };
    schema
        .columns
        .iter()
        .map(field)
        .collect::<Vec<_>>()
        .join(",")
}

fn check_record(schema: &Schema, record: &Value, depth: usize, at: &str) {
    let record = record
        .as_object()
        .unwrap_or_else(|| panic!("{at} is not an object: {record}"));
    if depth == 0 {
        assert_eq!(record.len(), schema.columns.len(), "{at} has all fields");
    }
    for (name, value) in record {
        let column = schema
            .column(name)
            .unwrap_or_else(|| panic!("{at}.{name} is not a field"));
        check_value(&column.kind, value, depth, &format!("{at}.{name}"));
    }
}

fn check_value(kind: &Kind, value: &Value, depth: usize, at: &str) {
    let fits = match (kind, value) {
        (Kind::List(inner), Value::Array(items)) => {
            return items
                .iter()
                .for_each(|item| check_value(inner, item, depth, at));
        }
        (Kind::Record(_), Value::Object(_)) => {
            return check_record(kind.schema().unwrap(), value, depth + 1, at);
        }
        // Lists are never null.
        (Kind::List(_), _) => false,
        (_, Value::Null) => true,
        (Kind::Boolean, value) => value.is_boolean(),
        (Kind::Integer, value) => value.is_i64(),
        // 5.0 and not 5: money is a double on the wire.
        (Kind::Number, value) => value.is_f64(),
        (Kind::Text, value) => value.is_string(),
        (Kind::Choice(values), Value::String(text)) => values.contains(text),
        (Kind::Date, Value::String(text)) => text.len() == 10,
        (Kind::DateTime, Value::String(text)) => text.len() == 25 && text.as_bytes()[10] == b'T',
        (Kind::Object, value) => value.is_object(),
        _ => false,
    };
    assert!(fits, "{at} is not {kind:?}: {value}");
}

#[test]
fn every_field_of_every_list_can_be_asked_for_and_has_its_type() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let mut rows = 0;
    for operation in lists() {
        let path = path(&client, operation);
        let query = required(operation);
        let Some(schema) = operation
            .schema()
            .filter(|_| !operation.path.ends_with("/ids.json"))
        else {
            assert_eq!(client.get(&path).status, 200, "{path}");
            continue;
        };
        let fields = all_fields(schema).replace('{', "%7B").replace('}', "%7D");
        let reply = client.get(&format!("{path}?fields={fields}{query}"));
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        for row in reply.data() {
            check_record(schema, &row, 0, &operation.path);
            rows += 1;
        }
    }
    assert!(rows > 2000, "only {rows} rows were checked");
    let unknown = sandbox.counters().unknown_requests;
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_row_can_be_shown() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let shows = FACTS.operations.iter().filter(|operation| {
        operation.method == "GET"
            && operation.path.ends_with("/{id}.json")
            && operation.path.matches('{').count() == 1
    });
    let mut count = 0;
    for operation in shows {
        let list = operation
            .path
            .trim_start_matches('/')
            .trim_end_matches("/{id}.json");
        let has_list = FACTS
            .operation("GET", list)
            .is_some_and(|found| found.limit.is_some());
        // No webhook is there before a client makes one; messages are listed by conversation.
        if !has_list || matches!(list, "webhooks" | "conversation_messages") {
            continue;
        }
        let query = required(FACTS.operation("GET", list).unwrap());
        let rows = client.get(&format!("{list}?limit=1{query}")).data();
        let id = rows[0]["id"].to_string().replace('"', "");
        let schema = operation.schema().unwrap();
        let fields: Vec<&str> = schema
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let reply = client.get(&format!("{list}/{id}.json?fields={}", fields.join(",")));
        assert_eq!(reply.status, 200, "{list}: {}", reply.text());
        check_record(schema, &reply.at("/data"), 0, &operation.path);
        assert_eq!(client.get(&format!("{list}/77.json")).status, 404, "{list}");
        count += 1;
    }
    assert!(count > 50, "only {count} resources were checked");
}

#[test]
fn every_documented_filter_and_order_is_taken() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let mut missing: Vec<(String, String)> = Vec::new();
    for operation in lists() {
        let base = path(&client, operation);
        let base = format!("{base}?limit=2{}", required(operation));
        for (name, (_, kind)) in &operation.query {
            if matches!(
                name.as_str(),
                "fields" | "limit" | "page_token" | "custom_field_values"
            ) || (name == "order" && *kind == Kind::Text)
            {
                continue;
            }
            for value in sample(kind) {
                let more = if name == "assignee_id" {
                    "&assignee_type=user"
                } else {
                    ""
                };
                let value = value
                    .replace('>', "%3E")
                    .replace('<', "%3C")
                    .replace('=', "%3D");
                let value = value.replace('#', "%23");
                let reply = client.get(&format!("{base}&{name}={value}{more}"));
                match reply.status {
                    200 => {}
                    501 => missing.push((operation.path.clone(), name.clone())),
                    status => panic!("{base}&{name}={value}: {status} {}", reply.text()),
                }
            }
        }
    }
    missing.dedup();
    let known: Vec<(String, String)> = MISSING_FILTERS
        .iter()
        .flat_map(|(path, names)| {
            names
                .iter()
                .map(|name| ((*path).to_owned(), (*name).to_owned()))
        })
        .collect();
    assert_eq!(missing, known);
}

/// Every client checks that of all of its replies, too.
#[test]
fn statuses_are_those_of_the_document() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let body = serde_json::json!({"data": {"name": "A", "type": "Company"}});
    let created = client.post("contacts.json", &body);
    assert_eq!(created.status, 201);
    let contact = format!("contacts/{}.json", created.at("/data/id"));
    assert_eq!(client.patch(&contact, &body).status, 200);
    let conflict = client.call("PATCH", &contact, &[("If-Match", "\"x\"")], Some(&body));
    assert_eq!(conflict.status, 412);
    assert_eq!(client.delete(&contact).status, 204);
    let empty = serde_json::json!({});
    assert_eq!(client.post("contacts.json", &empty).status, 400);
    // Whatever a list is given that it cannot take.
    for operation in lists() {
        let path = path(&client, operation);
        let query = required(operation);
        let mut given = vec!["limit=0".to_owned(), "fields=x".to_owned()];
        let names = operation.query.keys().filter(|name| *name != "page_token");
        given.extend(names.map(|name| format!("{name}=%00")));
        for given in given {
            let reply = client.get(&format!("{path}?{given}{query}"));
            assert!(
                matches!(reply.status, 200 | 400 | 501),
                "{path}?{given}: {}",
                reply.status
            );
        }
    }
}

#[test]
fn statuses_of_the_document_and_of_clios_prose_are_told_from_others() {
    for (method, path, query, status) in [
        ("GET", "/api/v4/notes.json", "type=Matter", 400),
        ("GET", "/api/v4/notes.json", "type=Matter&offset=10000", 422),
        ("GET", "/api/v4/matters/1.json", "", 304),
        ("DELETE", "/api/v4/matters/1.json", "", 204),
        ("DELETE", "/api/v4/matters/1.json", "", 404),
        ("PATCH", "/api/v4/matters/1.json", "", 412),
        ("GET", "/api/v4/nonsense.json", "", 404),
    ] {
        assert_eq!(check_status(method, path, query, status), Ok(()), "{path}");
    }
    for (method, path, query, status) in [
        ("GET", "/api/v4/notes.json", "limit=0", 422),
        ("GET", "/api/v4/notes.json", "type=Matter", 404),
        ("GET", "/api/v4/matters/1.json", "offset=1", 422),
        ("POST", "/api/v4/matters.json", "", 200),
        ("DELETE", "/api/v4/matters/1.json", "", 200),
    ] {
        let problem = check_status(method, path, query, status).unwrap_err();
        assert!(problem.starts_with(method), "{problem}");
        assert!(problem.ends_with(&status.to_string()), "{problem}");
    }
}

#[test]
fn undocumented_requests_are_noted() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    assert_eq!(client.get("matters.json?limit=1&colour=red").status, 200);
    // From the cache too.
    assert_eq!(client.get("matters.json?limit=1&colour=red").status, 200);
    client.get("nonsense.json");
    let body = serde_json::json!({"data": {"name": "A", "type": "Company", "colour": 1}});
    assert_eq!(client.post("contacts.json", &body).status, 201);
    let counters = sandbox.counters();
    assert_eq!(
        counters.unknown_request_count, 4,
        "{:?}",
        counters.unknown_requests
    );
    assert!(counters.unknown_requests[0].contains("colour"));
    assert!(check_request("GET", "/api/v4/matters.json", "colour=red").is_err());
}

/// What is not there is named, so that the list may only become shorter.
#[test]
fn what_is_missing_is_known() {
    let mut missing = sandbox().not_built();
    missing.sort();
    assert_eq!(
        missing,
        [
            "DELETE /timer.json",
            "GET /court_rules/matter_dockets/preview.json",
            "GET /internal_notifications/event_metrics.json",
            "GET /timer.json",
            "POST /report_presets/{id}/generate_report.json",
            "POST /safe_custody/records/{id}/state_changes.json",
            "POST /task_template_lists/{id}/copy.json",
            "POST /timer.json",
        ]
    );
}
