//! The filters of lists: what a row must fulfil for the parameters of a request.

mod condition;

use crate::clock::{self, Day, Second};
use crate::error::ApiError;
use crate::facts::{Kind, Operation};
use crate::query::Parameters;
use crate::record::{Cell, Database, Record};
use condition::{Condition, Operator};

/// Calls `visit` with every value that a dotted path leads to, until one answers true.
pub fn any_value(
    database: &Database,
    record: &Record,
    path: &str,
    visit: &mut dyn FnMut(&Cell) -> bool,
) -> bool {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let cell = record.get(name);
    let Some(rest) = rest else {
        return visit(cell);
    };
    let mut step = |row: &Record| any_value(database, row, rest, visit);
    match cell {
        Cell::Ref(key) => database.row(*key).is_some_and(step),
        Cell::Refs(keys) => keys.iter().filter_map(|key| database.row(*key)).any(step),
        Cell::Inline(row) => step(row),
        Cell::Inlines(rows) => rows.iter().any(step),
        _ => false,
    }
}

/// What a row must fulfil to be in a list.
#[derive(Debug, Default)]
pub struct Filter(Vec<Condition>);

impl Filter {
    /// The filter that a request's documented parameters ask for. Undocumented ones are ignored,
    /// as Clio does. `filled` says whether there is anything to filter: only then is a
    /// documented filter that the sandbox does not have an error.
    pub fn new(
        operation: &Operation,
        parameters: &Parameters,
        now: Second,
        filled: bool,
    ) -> Result<Self, ApiError> {
        let builder = Builder {
            operation,
            parameters,
            now,
        };
        let mut conditions = builder.standing();
        let mut seen = Vec::new();
        for (name, value) in parameters.iter() {
            let stem = name.strip_suffix("[]").unwrap_or(name);
            if matches!(stem, "fields" | "limit" | "order" | "page_token" | "offset")
                || operation.parameter(name).is_none()
                || operation.is_in_path(name)
                || seen.contains(&stem)
            {
                continue;
            }
            seen.push(stem);
            match builder.condition(stem, value)? {
                Some(found) => conditions.extend(found),
                None if filled => return Err(ApiError::not_built(&operation.path, name)),
                None => {}
            }
        }
        for (name, (required, _)) in &operation.query {
            if *required && !operation.is_in_path(name) && parameters.get(name).is_none() {
                return Err(ApiError::argument(format!("{name} is required")));
            }
        }
        Ok(Self(conditions))
    }

    /// Whether a row is to be in the list.
    pub fn passes(&self, database: &Database, row: &Record) -> bool {
        self.0
            .iter()
            .all(|condition| condition.holds(database, row))
    }
}

/// Fields that `query` searches, for each list.
fn searched(list: &str) -> &'static [&'static str] {
    match list {
        "/matters.json" => &[
            "display_number",
            "number",
            "description",
            "client.name",
            "client.first_name",
            "client.last_name",
        ],
        "/contacts.json" => &[
            "name",
            "title",
            "email_addresses.address",
            "phone_numbers.number",
            "addresses.street",
            "addresses.city",
            "web_sites.address",
            "company.name",
            "custom_field_values.value",
        ],
        "/bills.json" => &["number"],
        "/activities.json" => &["note", "matter.display_number", "matter.description"],
        "/communications.json" => &["subject", "body"],
        "/notes.json" => &["subject", "detail"],
        "/line_items.json" => &["description", "note"],
        "/calendar_entries.json" => &["summary", "description", "location"],
        _ => &["name", "description", "filename", "subject", "note"],
    }
}

struct Builder<'a> {
    operation: &'a Operation,
    parameters: &'a Parameters,
    now: Second,
}

impl Builder<'_> {
    /// What holds for a list whatever is asked.
    fn standing(&self) -> Vec<Condition> {
        let missing = |path: &str| Condition::Present {
            path: path.to_owned(),
            wanted: false,
        };
        let mut conditions = Vec::new();
        if matches!(
            self.operation.path.as_str(),
            "/documents.json" | "/folders.json" | "/folders/list.json"
        ) && self.parameters.get("include_deleted") != Some("true")
        {
            conditions.push(missing("deleted_at"));
        }
        if self.operation.path == "/documents.json"
            && self.parameters.get("show_uncompleted") != Some("true")
        {
            // It is known once the upload is complete.
            conditions.push(Condition::Number {
                path: "size".to_owned(),
                operator: Operator::AtLeast,
                number: 0.0,
            });
        }
        conditions
    }

    /// Whether a parameter excludes nothing in this firm.
    fn is_idle(&self, name: &str) -> bool {
        match self.operation.path.trim_end_matches(".json") {
            // No entry recurs, and everyone's entries are shown.
            "/calendar_entries" => {
                matches!(name, "expanded" | "owner_entries_across_all_users")
            }
            // Every co-counsel is a user.
            "/users" => name == "include_co_counsel",
            // Standing conditions and parent_id see to these.
            "/documents" | "/folders" | "/folders/list" => {
                matches!(name, "include_deleted" | "show_uncompleted" | "scope")
            }
            "/line_items" => matches!(name, "display" | "display_order"),
            // Which schedule applies is for the client to know; all rows are of one.
            "/lauk_expense_categories" => name == "region",
            // The firm has no legal aid.
            "/practice_areas" => name == "matter_id",
            _ => false,
        }
    }

    /// The conditions of one parameter; `None` if the sandbox does not know what it means.
    fn condition(&self, name: &str, value: &str) -> Result<Option<Vec<Condition>>, ApiError> {
        if self.is_idle(name) {
            return Ok(Some(Vec::new()));
        }
        if let Some(found) = self.special(name, value)? {
            return Ok(Some(found));
        }
        let path = name.to_owned();
        if let Some(id) = indexed(name, "custom_field_values") {
            // Several conditions come as [<=50, >=45].
            let text = value.trim_start_matches('[').trim_end_matches(']');
            let found = text.split(',').map(|part| {
                let (operator, value) = Operator::split(part.trim());
                Condition::CustomField {
                    id,
                    operator,
                    value: value.to_owned(),
                }
            });
            return Ok(Some(found.collect()));
        }
        match name {
            "ids" | "exclude_ids" => {
                let ids = self.integers(name)?;
                return Ok(Some(vec![Condition::Ids {
                    ids,
                    among: name == "ids",
                }]));
            }
            "created_before" => return self.time("created_at", Operator::Less, value),
            "external_property_name" | "external_property_value" => {
                let field = name.replace("property_", "properties.");
                return Ok(Some(vec![words(&field, value)]));
            }
            "created_since" => return self.time("created_at", Operator::AtLeast, value),
            "updated_since" => return self.time("updated_at", Operator::AtLeast, value),
            "query" => {
                let paths = searched(&self.operation.path);
                return Ok(Some(vec![Condition::Search {
                    paths,
                    text: value.to_lowercase(),
                }]));
            }
            // Decides which values are shown, not which rows.
            "custom_field_ids" => return Ok(Some(Vec::new())),
            _ => {}
        }
        let Some(schema) = self.operation.schema() else {
            return Ok(None);
        };
        if let Some(stem) = name.strip_suffix("_id")
            && schema.column(stem).is_some()
        {
            return self.refers(stem, value);
        }
        if name.ends_with("_id") && schema.column(name).is_some() {
            return self.refers(name, value);
        }
        let Some(column) = schema.column(name) else {
            return Ok(None);
        };
        match &column.kind {
            Kind::Boolean => Ok(Some(vec![Condition::Flag {
                path,
                wanted: truth(name, value)?,
            }])),
            Kind::Text | Kind::Choice(_) => Ok(Some(vec![words(&path, value)])),
            Kind::Integer | Kind::Number => {
                let number = value.parse().map_err(|_| self.invalid(name))?;
                let operator = Operator::Equal;
                Ok(Some(vec![Condition::Number {
                    path,
                    operator,
                    number,
                }]))
            }
            Kind::Date | Kind::DateTime => {
                // open_date[]=>=2020-01-01&open_date[]=<=2021-12-31: all must hold.
                let mut found = Vec::new();
                for value in self.parameters.all(name) {
                    let (operator, text) = Operator::split(value);
                    let day = day(text).ok_or_else(|| self.invalid(name))?;
                    found.push(Condition::Day {
                        path: path.clone(),
                        operator,
                        day,
                    });
                }
                Ok(Some(found))
            }
            _ => Ok(None),
        }
    }

    /// Parameters whose name does not say which field they are about.
    #[allow(clippy::too_many_lines, reason = "a table")]
    fn special(&self, name: &str, value: &str) -> Result<Option<Vec<Condition>>, ApiError> {
        let flag = |path: &str| {
            let path = path.to_owned();
            Ok(Some(vec![Condition::Flag {
                path,
                wanted: truth(name, value)?,
            }]))
        };
        let present = |path: &str| {
            let path = path.to_owned();
            Ok(Some(vec![Condition::Present {
                path,
                wanted: truth(name, value)?,
            }]))
        };
        let all_or_nothing = |wanted: bool| {
            let holds = truth(name, value)? == wanted;
            Ok(Some(if holds {
                Vec::new()
            } else {
                vec![Condition::Nothing]
            }))
        };
        match (self.operation.path.trim_end_matches(".json"), name) {
            ("/activities", "start_date") => self.day("date", Operator::AtLeast, value),
            ("/activities", "end_date") => self.day("date", Operator::AtMost, value),
            ("/activities", "status") => Ok(Some(activity_status(value))),
            ("/activities", "only_unaccounted_for") => when(
                name,
                value,
                vec![set("billed", false), set("on_bill", false)],
            ),
            ("/bills", "matter_id") => self.refers("matters", value),
            ("/bills", "bill_number") => Ok(Some(vec![words("number", value)])),
            ("/bills", "due_after") => self.day("due_at", Operator::More, value),
            ("/bills", "due_before") => self.day("due_at", Operator::Less, value),
            ("/bills", "issued_after") => self.day("issued_at", Operator::More, value),
            ("/bills", "issued_before") => self.day("issued_at", Operator::Less, value),
            ("/bills", "last_sent_start_date") => {
                self.day("last_sent_at", Operator::AtLeast, value)
            }
            ("/bills", "last_sent_end_date") => self.day("last_sent_at", Operator::AtMost, value),
            ("/bills", "originating_attorney_id") => {
                self.refers("matters.originating_attorney", value)
            }
            ("/bills", "responsible_attorney_id") => {
                self.refers("matters.responsible_attorney", value)
            }
            ("/bills", "overdue_only") => when(name, value, self.overdue()),
            ("/bills", "status") => Ok(Some(if value == "overdue" {
                self.overdue()
            } else {
                Vec::new()
            })),
            ("/bills", "type") => Ok(Some(vec![words("kind", &format!("{value}_kind"))])),
            ("/calendar_entries", "calendar_id") => self.refers("calendars", value),
            ("/calendar_entries", "from") => self.time("end_at", Operator::AtLeast, value),
            ("/calendar_entries", "to") => self.time("start_at", Operator::AtMost, value),
            ("/calendar_entries", "is_all_day") => flag("all_day"),
            ("/calendar_entries", "has_court_rule") => flag("court_rule"),
            ("/calendar_entries", "source") => Ok(Some(vec![words("calendars.source", value)])),
            ("/calendar_entries", "visible") => flag("calendars.visible"),
            ("/documents" | "/folders" | "/folders/list", "parent_id")
                if self.parameters.get("scope") == Some("descendants") =>
            {
                let id = value.parse().map_err(|_| self.invalid(name))?;
                Ok(Some(vec![Condition::Below(id)]))
            }
            ("/communications", "contact_id") => Ok(Some(vec![Condition::Any(vec![
                Filter(self.refers("senders", value)?.unwrap_or_default()),
                Filter(self.refers("receivers", value)?.unwrap_or_default()),
            ])])),
            ("/communications", "received_since") => {
                self.time("received_at", Operator::AtLeast, value)
            }
            ("/communications", "received_before") => {
                self.time("received_at", Operator::Less, value)
            }
            ("/communications", "having_time_entries")
            | ("/notes", "has_time_entries")
            | ("/tasks", "time_entries_present") => present("time_entries_count"),
            ("/contacts", "client_only") => when(name, value, vec![set("is_client", true)]),
            ("/contacts", "clio_connect_only") => {
                when(name, value, vec![set("is_clio_for_client_user", true)])
            }
            ("/contacts", "email_only") => when(
                name,
                value,
                vec![Condition::Present {
                    path: "primary_email_address".to_owned(),
                    wanted: true,
                }],
            ),
            ("/contacts", "initial") => {
                let starts = |path: &str| Condition::Starts {
                    path: path.to_owned(),
                    text: value.to_lowercase(),
                };
                Ok(Some(vec![Condition::Any(vec![
                    Filter(vec![words("type", "Person"), starts("last_name")]),
                    Filter(vec![words("type", "Company"), starts("name")]),
                ])]))
            }
            // Nothing is shared, there are no grants, no one subscribes to matters.
            ("/contacts", "shared_resource_id")
            | (_, "grant_id" | "notification_event_subscriber_user_id" | "subscriber_user_id")
            | ("/tasks", "cascading_source_id") => Ok(Some(vec![Condition::Nothing])),
            ("/custom_fields", "visible_and_required") => when(
                name,
                value,
                vec![set("displayed", true), set("required", true)],
            ),
            ("/groups", "archived") | ("/users", "pending_setup") => all_or_nothing(false),
            ("/groups", "user_id") => self.refers("users", value),
            ("/matters", "evergreen_retainer_filter") => present("evergreen_retainer"),
            ("/reminders", "user_id") => self.refers("notification_method.user", value),
            ("/tasks", "complete") => Ok(Some(if truth(name, value)? {
                vec![words("status", "complete")]
            } else {
                vec![words("status", "pending,in_progress,in_review,draft")]
            })),
            ("/tasks", "statuses") => {
                let wanted = self.parameters.all(name).join(",");
                Ok(Some(vec![words("status", &wanted)]))
            }
            ("/tasks", "due_at_from") => self.day("due_at", Operator::AtLeast, value),
            ("/tasks", "due_at_to") => self.day("due_at", Operator::AtMost, value),
            ("/tasks", "due_at_present") => present("due_at"),
            ("/tasks", "client_id") => self.refers("matter.client", value),
            ("/tasks", "responsible_attorney_id") => {
                self.refers("matter.responsible_attorney", value)
            }
            ("/tasks", "assignee_id") => match self.parameters.get("assignee_type") {
                Some(_) => self.refers("assignee", value),
                None => Err(ApiError::argument(
                    "assignee_type is required with assignee_id",
                )),
            },
            ("/tasks", "assignee_type") => Ok(Some(vec![words(
                "assignee.type",
                if value == "user" {
                    "User"
                } else {
                    "Person,Company"
                },
            )])),
            ("/users", "role") => Ok(Some(vec![words("roles", value)])),
            _ => Ok(None),
        }
    }

    fn overdue(&self) -> Vec<Condition> {
        let today = clock::day_of(self.now);
        vec![
            words("state", "awaiting_payment"),
            Condition::Day {
                path: "due_at".to_owned(),
                operator: Operator::Less,
                day: today,
            },
        ]
    }

    fn refers(&self, path: &str, value: &str) -> Result<Option<Vec<Condition>>, ApiError> {
        let id = match value {
            "null" => None,
            _ => Some(value.parse().map_err(|_| self.invalid(path))?),
        };
        Ok(Some(vec![Condition::Refers {
            path: path.to_owned(),
            id,
        }]))
    }

    fn day(
        &self,
        path: &str,
        operator: Operator,
        value: &str,
    ) -> Result<Option<Vec<Condition>>, ApiError> {
        let day = day(value).ok_or_else(|| self.invalid(path))?;
        Ok(Some(vec![Condition::Day {
            path: path.to_owned(),
            operator,
            day,
        }]))
    }

    fn time(
        &self,
        path: &str,
        operator: Operator,
        value: &str,
    ) -> Result<Option<Vec<Condition>>, ApiError> {
        let time = clock::parse_time(value).ok_or_else(|| self.invalid(path))?;
        Ok(Some(vec![Condition::Time {
            path: path.to_owned(),
            operator,
            time,
        }]))
    }

    fn integers(&self, name: &str) -> Result<Vec<i64>, ApiError> {
        self.parameters
            .all(name)
            .iter()
            .map(|text| text.parse().map_err(|_| self.invalid(name)))
            .collect()
    }

    fn invalid(&self, name: &str) -> ApiError {
        ApiError::argument(format!("{name} is invalid for {}", self.operation.path))
    }
}

fn indexed(name: &str, stem: &str) -> Option<i64> {
    name.strip_prefix(stem)?
        .strip_prefix('[')?
        .strip_suffix(']')?
        .parse()
        .ok()
}

/// A date, or the date part of a date-time.
fn day(text: &str) -> Option<Day> {
    clock::parse_date(text).or_else(|| clock::parse_time(text).map(clock::day_of))
}

fn words(path: &str, value: &str) -> Condition {
    let words = value
        .split(',')
        .map(|word| word.trim().to_owned())
        .collect();
    Condition::Words {
        path: path.to_owned(),
        words,
    }
}

fn set(path: &str, wanted: bool) -> Condition {
    Condition::Flag {
        path: path.to_owned(),
        wanted,
    }
}

fn truth(name: &str, value: &str) -> Result<bool, ApiError> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(ApiError::argument(format!("{name} must be true or false"))),
    }
}

/// Conditions that hold if a parameter is true.
fn when(
    name: &str,
    value: &str,
    conditions: Vec<Condition>,
) -> Result<Option<Vec<Condition>>, ApiError> {
    Ok(Some(if truth(name, value)? {
        conditions
    } else {
        Vec::new()
    }))
}

fn activity_status(value: &str) -> Vec<Condition> {
    match value {
        "billed" => vec![set("billed", true)],
        "draft" => vec![set("on_bill", true), set("billed", false)],
        "unbilled" => {
            vec![
                set("billed", false),
                set("on_bill", false),
                set("non_billable", false),
            ]
        }
        "non_billable" => vec![set("non_billable", true)],
        "billable" => vec![set("non_billable", false)],
        // Nothing is written off.
        _ => vec![Condition::Nothing],
    }
}
