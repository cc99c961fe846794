//! Lists: which rows, in which order, which page.

use std::cmp::Ordering;

use crate::clock::{self, Day, Second};
use crate::error::ApiError;
use crate::facts::{Kind, Operation};
use crate::record::{Cell, Database, Record};
use crate::select::{Selection, View};

/// Where offset paging ends.
const OFFSET_END: usize = 10_000;

/// The parameters of a request, decoded, in their order.
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a raw query string or form body.
    pub fn parse(raw: &[u8]) -> Self {
        Self(form_urlencoded::parse(raw).into_owned().collect())
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(given, _)| *given == name)
            .map(|(_, value)| value)
    }

    /// All values of `name[]`, and of `name`.
    fn all(&self, name: &str) -> Vec<&str> {
        self.iter()
            .filter(|(given, _)| given.strip_suffix("[]").unwrap_or(given) == name)
            .map(|(_, value)| value)
            .collect()
    }

    /// All parameters.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The ids in `custom_field_ids[]`.
    pub fn custom_field_ids(&self) -> Vec<i64> {
        self.all("custom_field_ids")
            .iter()
            .filter_map(|id| id.parse().ok())
            .collect()
    }

    /// The selection of `fields`, or the default one.
    pub fn selection(&self, operation: &Operation) -> Result<Option<Selection>, ApiError> {
        let Some(schema) = operation.schema() else {
            return Ok(None);
        };
        match self.get("fields") {
            Some(fields) => Selection::parse(schema, fields)
                .map(Some)
                .map_err(ApiError::invalid_fields),
            None if operation.path == "/users/who_am_i.json" => {
                Ok(Some(Selection::of(schema, &["id", "etag", "name"])))
            }
            None => Ok(Some(Selection::defaults(schema))),
        }
    }

    fn with_page_token(&self, token: &str) -> String {
        let mut out = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.iter() {
            if name != "page_token" && name != "offset" {
                out.append_pair(name, value);
            }
        }
        out.append_pair("page_token", token).finish()
    }
}

/// A list request that is ready to be answered.
#[derive(Debug)]
pub struct ListRequest<'a> {
    /// The operation, for its parameters.
    pub operation: &'a Operation,
    /// The parameters.
    pub parameters: &'a Parameters,
    /// The address of the list, without a query: what the links to other pages start with.
    pub address: &'a str,
    /// The firm's present, for what is overdue.
    pub now: Second,
}

/// Where a page starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// After the row with this id, in the order of ids; the first page has none.
    After(Option<i64>),
    /// Before the row with this id, in the order of ids.
    Before(i64),
    /// At this position.
    Offset(usize),
}

impl ListRequest<'_> {
    /// Writes the reply: the page and the links to its neighbours.
    pub fn answer(&self, database: &Database, rows: &[Record]) -> Result<Vec<u8>, ApiError> {
        let selection = self.parameters.selection(self.operation)?;
        let limit = self.limit()?;
        let order = self.order()?;
        let start = self.start(&order)?;
        let filter = Filter::new(self.operation, self.parameters, self.now, !rows.is_empty())?;
        let chosen = choose(database, rows, &filter, &order);
        let (first, last) = match start {
            Start::Offset(offset) => (offset, offset.saturating_add(limit)),
            Start::After(None) => (0, limit),
            Start::After(Some(id)) => {
                let first = chosen.partition_point(|row| row.id() <= id);
                (first, first.saturating_add(limit))
            }
            Start::Before(id) => {
                let last = chosen.partition_point(|row| row.id() < id);
                (last.saturating_sub(limit), last)
            }
        };
        let (first, last) = (first.min(chosen.len()), last.min(chosen.len()));
        let page = chosen.get(first..last).unwrap_or_default();

        let custom_field_ids = self.parameters.custom_field_ids();
        let view = View {
            database,
            custom_field_ids: &custom_field_ids,
        };
        let mut out = Vec::with_capacity(64 * (page.len() + 4));
        out.extend_from_slice(b"{\"data\":[");
        for (at, row) in page.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match &selection {
                Some(selection) => selection.write(&mut out, &view, row),
                None => out.extend_from_slice(row.id().to_string().as_bytes()),
            }
        }
        out.extend_from_slice(b"],\"meta\":{\"paging\":{");
        let link = |out: &mut Vec<u8>, name: &str, token: &str| {
            let query = self.parameters.with_page_token(&base64(token));
            let url = serde_json::Value::from(format!("{}?{query}", self.address));
            out.extend_from_slice(format!("\"{name}\":{url}").as_bytes());
        };
        let by_id = !matches!(start, Start::Offset(_));
        let previous = (first > 0).then(|| match page.first() {
            Some(row) if by_id => format!("before:{}", row.id()),
            _ => format!("offset:{}", first.saturating_sub(limit)),
        });
        if let Some(token) = &previous {
            link(&mut out, "previous", token);
        }
        if last < chosen.len()
            && let Some(row) = page.last()
        {
            if previous.is_some() {
                out.push(b',');
            }
            let token = if by_id {
                format!("after:{}", row.id())
            } else {
                format!("offset:{last}")
            };
            link(&mut out, "next", &token);
        }
        out.extend_from_slice(format!("}},\"records\":{}}}}}", chosen.len()).as_bytes());
        Ok(out)
    }

    fn limit(&self) -> Result<usize, ApiError> {
        let Some(bounds) = self.operation.limit else {
            return Ok(usize::MAX);
        };
        match self.parameters.get("limit") {
            None => Ok(bounds.default),
            Some(text) => match text.parse() {
                Ok(limit) if (bounds.least..=bounds.most).contains(&limit) => Ok(limit),
                _ => Err(ApiError::argument(format!(
                    "limit must be between {} and {}.",
                    bounds.least, bounds.most
                ))),
            },
        }
    }

    fn order(&self) -> Result<Order, ApiError> {
        let Some(text) = self.parameters.get("order") else {
            return Ok(Order {
                path: "id".to_owned(),
                descending: false,
                explicit: false,
            });
        };
        let allowed = match self.operation.query.get("order") {
            Some((_, Kind::Choice(values))) => values.iter().any(|value| value == text),
            // Documented as any text: a field of the record.
            Some((_, Kind::Text)) => text.split_once('(').is_some_and(|(name, direction)| {
                matches!(direction, "asc)" | "desc)")
                    && self
                        .operation
                        .schema()
                        .is_some_and(|schema| schema.column(name).is_some())
            }),
            // Lists without an order parameter: what they do with one is not known.
            _ => text == "id(asc)",
        };
        let parts = text.strip_suffix(')').and_then(|text| text.split_once('('));
        match parts {
            Some((name, direction)) if allowed || text == "id(asc)" => Ok(Order {
                path: order_path(&self.operation.path, name).to_owned(),
                descending: direction == "desc",
                explicit: true,
            }),
            _ => Err(ApiError::argument(format!("order is not valid: {text}"))),
        }
    }

    fn start(&self, order: &Order) -> Result<Start, ApiError> {
        let by_id = order.path == "id" && !order.descending && order.explicit;
        if let Some(text) = self.parameters.get("offset") {
            let offset: usize = text
                .parse()
                .map_err(|_| ApiError::argument("offset must be a number."))?;
            if self.operation.path == "/folders/list.json" {
                return Err(ApiError::argument("offset pagination is not supported"));
            }
            return if offset < OFFSET_END {
                Ok(Start::Offset(offset))
            } else {
                Err(ApiError::argument(format!(
                    "offset must be less than {OFFSET_END}."
                )))
            };
        }
        let Some(token) = self.parameters.get("page_token") else {
            return Ok(if by_id {
                Start::After(None)
            } else {
                Start::Offset(0)
            });
        };
        let invalid = || ApiError::argument("page_token is invalid");
        let text = unbase64(token).ok_or_else(invalid)?;
        let (kind, number) = text.split_once(':').ok_or_else(invalid)?;
        let number: i64 = number.parse().map_err(|_| invalid())?;
        match (kind, by_id) {
            ("after", true) => Ok(Start::After(Some(number))),
            ("before", true) => Ok(Start::Before(number)),
            ("offset", false) => match usize::try_from(number) {
                Ok(offset) if offset < OFFSET_END => Ok(Start::Offset(offset)),
                _ => Err(ApiError::argument("page_token is now out of bounds")),
            },
            _ => Err(invalid()),
        }
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE.encode(text)
}

fn unbase64(token: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE
        .decode(token)
        .ok()?;
    String::from_utf8(bytes).ok()
}

#[derive(Debug)]
struct Order {
    path: String,
    descending: bool,
    /// Whether the client asked for it: only then is paging by id without an end.
    explicit: bool,
}

/// Where the value of an `order` name is, when it is not simply the field of that name.
fn order_path<'a>(list: &str, name: &'a str) -> &'a str {
    match (list, name) {
        ("/activities.json", "display_number") => "matter.display_number",
        ("/bills.json", "client_name") | (_, "clients") => "client.name",
        ("/bills.json", "matter_display_number") => "matters.display_number",
        (_, "author") => "author.name",
        (_, "matter") => "matter.display_number",
        (_, "due_at_strict") => "due_at",
        // Numbers are given in the order of ids; nothing is shared, nothing is granted.
        (_, "document_number" | "shared_at" | "grants") => "id",
        _ => name,
    }
}

/// The rows that pass, in their order.
fn choose<'a>(
    database: &Database,
    rows: &'a [Record],
    filter: &Filter,
    order: &Order,
) -> Vec<&'a Record> {
    let mut chosen: Vec<&Record> = rows
        .iter()
        .filter(|row| filter.passes(database, row))
        .collect();
    if order.path != "id" {
        let mut keyed: Vec<(Cell, &Record)> = chosen
            .into_iter()
            .map(|row| (first_value(database, row, &order.path), row))
            .collect();
        keyed.sort_by(|(a, _), (b, _)| compare(a, b));
        chosen = keyed.into_iter().map(|(_, row)| row).collect();
    }
    if order.descending {
        chosen.reverse();
    }
    chosen
}

/// Calls `visit` with every value that a dotted path leads to, until one answers true.
fn any_value(
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

fn first_value(database: &Database, record: &Record, path: &str) -> Cell {
    let mut found = Cell::Null;
    any_value(database, record, path, &mut |cell| {
        found = cell.clone();
        true
    });
    found
}

/// Orders values of one column; nothing comes first.
fn compare(a: &Cell, b: &Cell) -> Ordering {
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        (Cell::Date(a), Cell::Date(b)) => a.cmp(b),
        (Cell::Time(a), Cell::Time(b)) => a.cmp(b),
        (Cell::Bool(a), Cell::Bool(b)) => a.cmp(b),
        _ => match (a.number(), b.number()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => b.is_null().cmp(&a.is_null()),
        },
    }
}

/// The id of what a cell refers to, or its own number.
fn ids_of(cell: &Cell) -> Vec<i64> {
    match cell {
        Cell::Int(id) => vec![*id],
        Cell::Ref(key) => vec![key.id],
        Cell::Refs(keys) => keys.iter().map(|key| key.id).collect(),
        Cell::Inline(record) => vec![record.id()],
        Cell::Inlines(records) => records.iter().map(Record::id).collect(),
        _ => Vec::new(),
    }
}

/// What a row must fulfil to be in a list.
#[derive(Debug, Default)]
pub struct Filter(Vec<Condition>);

#[derive(Debug)]
enum Condition {
    /// The row's id is one of these, or is none of these.
    Ids { ids: Vec<i64>, among: bool },
    /// The path leads to this row; to nothing, for `null`.
    Refers { path: String, id: Option<i64> },
    /// The value is one of these words, without regard to case.
    Words { path: String, words: Vec<String> },
    /// The value is, or is not, true.
    Flag { path: String, wanted: bool },
    /// There is, or is not, a value.
    Present { path: String, wanted: bool },
    /// The number compares so.
    Number {
        path: String,
        operator: Operator,
        number: f64,
    },
    /// The date, or the day of the time, compares so.
    Day {
        path: String,
        operator: Operator,
        day: Day,
    },
    /// The time compares so.
    Time {
        path: String,
        operator: Operator,
        time: Second,
    },
    /// The text is part of one of these fields.
    Search {
        paths: &'static [&'static str],
        text: String,
    },
    /// The text starts so.
    Starts { path: String, text: String },
    /// A custom field has a value that compares so.
    CustomField {
        id: i64,
        operator: Operator,
        value: String,
    },
    /// The row is in this folder, or in one below it.
    Below(i64),
    /// One of several groups of conditions holds.
    Any(Vec<Filter>),
    /// No row passes.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Operator {
    /// Splits `>=2024-01-31`; without an operator, equality is meant.
    fn split(text: &str) -> (Self, &str) {
        for (sign, operator) in [
            (">=", Self::AtLeast),
            ("<=", Self::AtMost),
            (">", Self::More),
            ("<", Self::Less),
            ("=", Self::Equal),
        ] {
            if let Some(rest) = text.strip_prefix(sign) {
                return (operator, rest);
            }
        }
        (Self::Equal, text)
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::AtLeast => order.is_ge(),
            Self::More => order.is_gt(),
        }
    }
}

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
            if *required && parameters.get(name).is_none() {
                return Err(ApiError::argument(format!("{name} is required")));
            }
        }
        Ok(Self(conditions))
    }

    fn passes(&self, database: &Database, row: &Record) -> bool {
        self.0
            .iter()
            .all(|condition| condition.holds(database, row))
    }
}

impl Condition {
    fn holds(&self, database: &Database, row: &Record) -> bool {
        let any =
            |path: &str, test: &mut dyn FnMut(&Cell) -> bool| any_value(database, row, path, test);
        match self {
            Self::Ids { ids, among } => ids.contains(&row.id()) == *among,
            Self::Refers { path, id: Some(id) } => any(path, &mut |cell| ids_of(cell).contains(id)),
            Self::Refers { path, id: None } => !any(path, &mut |cell| !ids_of(cell).is_empty()),
            Self::Words { path, words } => any(path, &mut |cell| {
                let is = |text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
                match cell {
                    Cell::Text(text) => is(text),
                    Cell::Int(number) => is(&number.to_string()),
                    Cell::Json(value) => value
                        .as_array()
                        .is_some_and(|items| items.iter().filter_map(|v| v.as_str()).any(is)),
                    _ => false,
                }
            }),
            Self::Flag { path, wanted } => any(path, &mut Cell::is_true) == *wanted,
            Self::Present { path, wanted } => {
                any(path, &mut |cell| match cell {
                    Cell::Null => false,
                    Cell::Int(count) => *count > 0,
                    Cell::Refs(keys) => !keys.is_empty(),
                    Cell::Inlines(records) => !records.is_empty(),
                    _ => true,
                }) == *wanted
            }
            Self::Number {
                path,
                operator,
                number,
            } => any(path, &mut |cell| {
                cell.number()
                    .is_some_and(|found| operator.holds(found.total_cmp(number)))
            }),
            Self::Day {
                path,
                operator,
                day,
            } => any(path, &mut |cell| {
                let found = match cell {
                    Cell::Date(found) => Some(*found),
                    Cell::Time(second) => Some(clock::day_of(*second)),
                    _ => None,
                };
                found.is_some_and(|found| operator.holds(found.cmp(day)))
            }),
            Self::Time {
                path,
                operator,
                time,
            } => any(path, &mut |cell| {
                let found = match cell {
                    Cell::Time(found) => Some(*found),
                    Cell::Date(day) => Some(clock::start_of(*day)),
                    _ => None,
                };
                found.is_some_and(|found| operator.holds(found.cmp(time)))
            }),
            Self::Search { paths, text } => paths.iter().any(|path| {
                any(path, &mut |cell| match cell {
                    Cell::Text(found) => found.to_lowercase().contains(text.as_str()),
                    Cell::Int(number) => number.to_string().contains(text.as_str()),
                    _ => false,
                })
            }),
            Self::Starts { path, text } => any(path, &mut |cell| {
                cell.text()
                    .is_some_and(|found| found.to_lowercase().starts_with(text.as_str()))
            }),
            Self::CustomField {
                id,
                operator,
                value,
            } => match row.get("custom_field_values") {
                Cell::Inlines(values) => values.iter().any(|found| {
                    ids_of(found.get("custom_field")).contains(id)
                        && custom_value_holds(found, *operator, value)
                }),
                _ => false,
            },
            Self::Below(id) => {
                let mut above = row.get("parent").key();
                // A folder may have been moved below itself: the walk has an end.
                for _ in 0..100 {
                    let Some(key) = above else { return false };
                    if key.id == *id {
                        return true;
                    }
                    above = database
                        .row(key)
                        .and_then(|folder| folder.get("parent").key());
                }
                false
            }
            Self::Any(groups) => groups.iter().any(|group| group.passes(database, row)),
            Self::Nothing => false,
        }
    }
}

/// Values are numbers, dates (which compare as text) or text; some name a picklist option.
fn custom_value_holds(found: &Record, operator: Operator, value: &str) -> bool {
    let text = found.get("value").text().unwrap_or_default();
    let order = match (text.parse::<f64>(), value.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => text.to_lowercase().cmp(&value.to_lowercase()),
    };
    operator.holds(order)
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
            let path = "latest_document_version.fully_uploaded".to_owned();
            conditions.push(Condition::Flag { path, wanted: true });
        }
        conditions
    }

    /// The conditions of one parameter; `None` if the sandbox does not know what it means.
    fn condition(&self, name: &str, value: &str) -> Result<Option<Vec<Condition>>, ApiError> {
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
            ("/activities", "only_unaccounted_for") => Ok(Some(match truth(name, value)? {
                true => vec![set("billed", false), set("on_bill", false)],
                false => Vec::new(),
            })),
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
            ("/bills", "overdue_only") => Ok(Some(match truth(name, value)? {
                true => self.overdue(),
                false => Vec::new(),
            })),
            ("/bills", "status") => {
                Ok(Some(if value == "overdue" { self.overdue() } else { Vec::new() }))
            }
            ("/bills", "type") => Ok(Some(vec![words("kind", &format!("{value}_kind"))])),
            ("/calendar_entries", "calendar_id") => self.refers("calendars", value),
            ("/calendar_entries", "from") => self.time("end_at", Operator::AtLeast, value),
            ("/calendar_entries", "to") => self.time("start_at", Operator::AtMost, value),
            ("/calendar_entries", "is_all_day") => flag("all_day"),
            ("/calendar_entries", "has_court_rule") => flag("court_rule"),
            ("/calendar_entries", "source") => Ok(Some(vec![words("calendars.source", value)])),
            ("/calendar_entries", "visible") => flag("calendars.visible"),
            // No entry recurs, and everyone's entries are shown.
            ("/calendar_entries", "expanded" | "owner_entries_across_all_users")
            // Every co-counsel is a user, a document's versions are always shown.
            | ("/users", "include_co_counsel")
            | ("/documents", "include_deleted" | "show_uncompleted" | "scope")
            | ("/folders" | "/folders/list", "include_deleted" | "show_uncompleted" | "scope")
            | ("/line_items", "display" | "display_order") => Ok(Some(Vec::new())),
            ("/documents" | "/folders" | "/folders/list", "parent_id")
                if self.parameters.get("scope") == Some("descendants") =>
            {
                let id = value.parse().map_err(|_| self.invalid(name))?;
                Ok(Some(vec![Condition::Below(id)]))
            }
            // Which schedule applies is for the client to know; all rows are of one.
            ("/lauk_expense_categories", "region") => Ok(Some(Vec::new())),
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
            ("/contacts", "client_only") => Ok(Some(match truth(name, value)? {
                true => vec![set("is_client", true)],
                false => Vec::new(),
            })),
            ("/contacts", "clio_connect_only") => Ok(Some(match truth(name, value)? {
                true => vec![set("is_clio_for_client_user", true)],
                false => Vec::new(),
            })),
            ("/contacts", "email_only") => Ok(Some(match truth(name, value)? {
                true => vec![Condition::Present {
                    path: "primary_email_address".to_owned(),
                    wanted: true,
                }],
                false => Vec::new(),
            })),
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
            ("/custom_fields", "visible_and_required") => Ok(Some(match truth(name, value)? {
                true => vec![set("displayed", true), set("required", true)],
                false => Vec::new(),
            })),
            ("/groups", "archived") | ("/users", "pending_setup") => all_or_nothing(false),
            ("/groups", "user_id") => self.refers("users", value),
            ("/matters", "evergreen_retainer_filter") => present("evergreen_retainer"),
            // The firm has no legal aid, so this excludes nothing.
            ("/practice_areas", "matter_id") => Ok(Some(Vec::new())),
            ("/reminders", "user_id") => self.refers("notification_method.user", value),
            ("/tasks", "complete") => Ok(Some(match truth(name, value)? {
                true => vec![words("status", "complete")],
                false => vec![words("status", "pending,in_progress,in_review,draft")],
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
                None => Err(ApiError::argument("assignee_type is required with assignee_id")),
            },
            ("/tasks", "assignee_type") => Ok(Some(vec![words(
                "assignee.type",
                if value == "user" { "User" } else { "Person,Company" },
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
