//! Lists: which rows, in which order, which page.

use std::cmp::Ordering;

use crate::clock::Second;
use crate::error::ApiError;
use crate::facts::{Kind, Operation};
use crate::filter::{Filter, any_value};
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
    pub fn all(&self, name: &str) -> Vec<&str> {
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

    /// The query string that says the same, escaped in one way.
    pub fn to_query(&self) -> String {
        let mut out = form_urlencoded::Serializer::new(String::new());
        out.extend_pairs(self.iter()).finish()
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
    /// See [`View::redact_every`].
    pub redact_every: u32,
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
            redact_every: self.redact_every,
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
                .map_err(|_| ApiError::out_of_bounds("offset must be a number."))?;
            if self.operation.path == "/folders/list.json" {
                return Err(ApiError::out_of_bounds(
                    "offset pagination is not supported",
                ));
            }
            return if offset < OFFSET_END {
                Ok(Start::Offset(offset))
            } else {
                Err(ApiError::out_of_bounds(format!(
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
        let invalid = || ApiError::out_of_bounds("page_token is invalid");
        let text = unbase64(token).ok_or_else(invalid)?;
        let (kind, number) = text.split_once(':').ok_or_else(invalid)?;
        let number: i64 = number.parse().map_err(|_| invalid())?;
        match (kind, by_id) {
            ("after", true) => Ok(Start::After(Some(number))),
            ("before", true) => Ok(Start::Before(number)),
            // Also in the order of ids, where the first page was asked for by its offset.
            ("offset", _) => match usize::try_from(number) {
                Ok(offset) if offset < OFFSET_END => Ok(Start::Offset(offset)),
                _ => Err(ApiError::out_of_bounds("page_token is now out of bounds")),
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
        ("/bills.json", "client_name") | (_, "clients") => "client.name",
        ("/bills.json", "matter_display_number") => "matters.display_number",
        (_, "author") => "author.name",
        ("/activities.json", "display_number") | (_, "matter") => "matter.display_number",
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
