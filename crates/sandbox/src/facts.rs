//! What Clio's API v4 is, as data: paths, parameters, field names and types, status codes.
//!
//! The data is `facts/clio-v4.json`, derived from Clio's `OpenAPI` document by `facts/derive.py`.
//! The sandbox is built on it (its tables, fields and filters come from here), and
//! [`check_request`] measures a client's requests against it.

mod check;

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde_json::Value;

pub use check::{check_body, check_request, check_status};

/// The type of a field, a parameter or a property of a request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number (`int32` or `int64`).
    Integer,
    /// A number with a fraction (`double`, `float` or `decimal`).
    Number,
    /// Text.
    Text,
    /// Text out of a fixed set.
    Choice(Vec<String>),
    /// A date, `YYYY-MM-DD`.
    Date,
    /// An RFC 3339 date and time.
    DateTime,
    /// A JSON object whose shape is not described.
    Object,
    /// An object of a schema, by its name in the document.
    Record(String),
    /// An array.
    List(Box<Kind>),
}

impl Kind {
    fn parse(text: &str) -> Self {
        if let Some(inner) = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            return Self::List(Box::new(Self::parse(inner)));
        }
        if let Some(name) = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            return Self::Record(name.to_owned());
        }
        match text {
            "boolean" => Self::Boolean,
            "int32" | "int64" => Self::Integer,
            "double" | "float" | "decimal" => Self::Number,
            "date" => Self::Date,
            "date-time" => Self::DateTime,
            "object" => Self::Object,
            _ => match text.strip_prefix("string:") {
                Some(values) => Self::Choice(values.split('|').map(str::to_owned).collect()),
                None => Self::Text,
            },
        }
    }

    /// The schema of the object, or of the array's objects, if this is one.
    #[must_use]
    pub fn schema(&self) -> Option<&'static Schema> {
        match self {
            Self::Record(name) => FACTS.full_schema(name),
            Self::List(inner) => inner.schema(),
            _ => None,
        }
    }

    /// Whether `text`, as it stands in a query string, can be a value of this type.
    fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Boolean => matches!(text, "true" | "false" | "0" | "1"),
            // The keyword null selects records without the thing.
            Self::Integer => text == "null" || text.parse::<i64>().is_ok(),
            Self::Number => text.parse::<f64>().is_ok(),
            Self::Date => crate::clock::parse_date(text).is_some(),
            Self::DateTime => crate::clock::parse_time(text).is_some(),
            // matters.status accepts several, separated by commas.
            Self::Choice(values) => text
                .split(',')
                .all(|part| values.iter().any(|value| value == part)),
            Self::Text | Self::Object | Self::Record(_) | Self::List(_) => true,
        }
    }
}

/// One field of a record.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
}

/// The fields of a record.
#[derive(Debug)]
pub struct Schema {
    /// Its name in the document, such as `Matter`.
    pub name: String,
    /// The fields, in the document's order.
    pub columns: Vec<Column>,
    index: HashMap<String, usize>,
}

impl Schema {
    /// The position of a field.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// A field by its name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.position(name)
            .and_then(|position| self.columns.get(position))
    }
}

/// A schema without fields.
pub(crate) static EMPTY: LazyLock<Schema> = LazyLock::new(|| schema("", &Value::Null));

/// A request body, as a tree: what may be in it and what must be.
#[derive(Debug)]
pub enum Body {
    /// A plain value.
    Plain(Kind),
    /// Several of one kind.
    List(Box<Body>),
    /// Properties by name, with whether each is required.
    Object(BTreeMap<String, (bool, Body)>),
}

impl Body {
    fn parse(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::List(Box::new(
                items.first().map_or(Self::Plain(Kind::Object), Self::parse),
            )),
            Value::Object(properties) => Self::Object(
                properties
                    .iter()
                    .map(|(key, value)| match key.strip_suffix('*') {
                        Some(name) => (name.to_owned(), (true, Self::parse(value))),
                        None => (key.clone(), (false, Self::parse(value))),
                    })
                    .collect(),
            ),
            other => Self::Plain(Kind::parse(other.as_str().unwrap_or_default())),
        }
    }

    /// A property of an object.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(properties) => properties.get(name).map(|(_, body)| body),
            _ => None,
        }
    }

    /// The names that must be there.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        let properties = match self {
            Self::Object(properties) => Some(properties),
            _ => None,
        };
        properties
            .into_iter()
            .flatten()
            .filter(|(_, (required, _))| *required)
            .map(|(name, _)| name.as_str())
    }

    fn check(&self, at: &str, value: &Value) -> Result<(), String> {
        match (self, value) {
            (Self::Object(properties), Value::Object(given)) => {
                for (name, value) in given {
                    let Some((_, body)) = properties.get(name) else {
                        return Err(format!("unknown property {at}.{name}"));
                    };
                    body.check(&format!("{at}.{name}"), value)?;
                }
                Ok(())
            }
            (Self::List(body), Value::Array(items)) => {
                items.iter().try_for_each(|item| body.check(at, item))
            }
            (Self::Object(_), Value::Null) | (Self::Plain(_), _) => Ok(()),
            _ => Err(format!("{at} has the wrong shape")),
        }
    }
}

/// How a successful reply is wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `{"data": [record, …]}`
    List(String),
    /// `{"data": record}`
    Show(String),
    /// The record itself. (A slip of the document, as far as is known.)
    Bare(String),
}

impl Reply {
    fn parse(value: &Value) -> Option<Self> {
        let text = |at| value.get(at).and_then(Value::as_str).map(str::to_owned);
        let name = text(1)?;
        match text(0)?.as_str() {
            "list" => Some(Self::List(name)),
            "show" => Some(Self::Show(name)),
            _ => Some(Self::Bare(name)),
        }
    }

    /// The name of the record's schema.
    #[must_use]
    pub fn schema_name(&self) -> &str {
        let (Self::List(name) | Self::Show(name) | Self::Bare(name)) = self;
        name
    }
}

/// The bounds of a list's `limit` parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The smallest page.
    pub least: usize,
    /// The largest page.
    pub most: usize,
    /// The page when nothing is asked.
    pub default: usize,
}

/// One operation of the API: a method on a path.
#[derive(Debug)]
pub struct Operation {
    /// `GET`, `POST`, `PATCH` or `DELETE`.
    pub method: String,
    /// The path under `/api/v4`, such as `/matters/{id}.json`.
    pub path: String,
    /// The query parameters, with whether each is required.
    pub query: BTreeMap<String, (bool, Kind)>,
    /// The bounds of `limit`, on a list.
    pub limit: Option<Limit>,
    /// The request body, where there is one.
    pub body: Option<Body>,
    /// The successful replies that have a body, by status.
    pub replies: BTreeMap<u16, Option<Reply>>,
    /// All status codes that the document lists.
    pub statuses: Vec<u16>,
    /// Whether the operation has a conditional header: `IF-MATCH`, `IF-NONE-MATCH` and so on.
    pub headers: Vec<String>,
    segments: Vec<String>,
}

impl Operation {
    fn parse(value: &Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let path = text("path").to_owned();
        let limit = value.get("limit").and_then(Value::as_array).map(|bounds| {
            let at = |position: usize| {
                let number = bounds.get(position).and_then(Value::as_u64);
                number
                    .and_then(|number| usize::try_from(number).ok())
                    .unwrap_or_default()
            };
            Limit {
                least: at(0),
                most: at(1),
                default: at(2),
            }
        });
        let entries = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
        };
        Self {
            method: text("method").to_owned(),
            segments: split_path(path.trim_end_matches(".json"))
                .map(str::to_owned)
                .collect(),
            path,
            query: entries("query")
                .map(|(name, kind)| {
                    let kind = Kind::parse(kind.as_str().unwrap_or_default());
                    match name.strip_suffix('*') {
                        Some(name) => (name.to_owned(), (true, kind)),
                        None => (name.clone(), (false, kind)),
                    }
                })
                .collect(),
            limit,
            body: value.get("body").map(Body::parse),
            replies: entries("replies")
                .filter_map(|(status, reply)| Some((status.parse().ok()?, Reply::parse(reply))))
                .collect(),
            statuses: value
                .get("statuses")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|status| {
                    status
                        .as_u64()
                        .and_then(|status| u16::try_from(status).ok())
                })
                .collect(),
            headers: value
                .get("headers")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
        }
    }

    /// The record of its successful reply.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply> {
        self.replies.values().find_map(Option::as_ref)
    }

    /// The schema of the record of its successful reply.
    #[must_use]
    pub fn schema(&self) -> Option<&'static Schema> {
        self.reply()
            .and_then(|reply| FACTS.full_schema(reply.schema_name()))
    }

    /// Whether a query parameter is documented. `name` may be `custom_field_values[17]`, or an
    /// array parameter with one value and without `[]`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Kind> {
        let direct = self
            .query
            .get(name)
            .or_else(|| self.query.get(&format!("{name}[]")));
        let indexed = || {
            let (stem, index) = name.split_once('[')?;
            let number = index.strip_suffix(']')?;
            (stem == "custom_field_values" && number.parse::<i64>().is_ok())
                .then(|| self.query.get(stem))?
        };
        direct.or_else(indexed).map(|(_, kind)| kind)
    }

    /// Whether a parameter stands in the path. The document names the id of
    /// `/documents/{id}/versions.json` as a required query parameter too, which is a slip.
    #[must_use]
    pub fn is_in_path(&self, name: &str) -> bool {
        self.path.contains(&format!("{{{name}}}"))
    }

    fn matches(&self, segments: &[&str]) -> bool {
        self.segments.len() == segments.len()
            && self
                .segments
                .iter()
                .zip(segments)
                .all(|(mine, given)| mine.starts_with('{') || mine == given)
    }

    fn placeholders(&self) -> usize {
        self.segments
            .iter()
            .filter(|segment| segment.starts_with('{'))
            .count()
    }

    /// The values of the path's placeholders, by name.
    #[must_use]
    pub fn path_values<'a>(&self, path: &'a str) -> Vec<(&str, &'a str)> {
        self.segments
            .iter()
            .zip(split_path(path.trim_end_matches(".json")))
            .filter_map(|(mine, given)| Some((mine.strip_prefix('{')?.strip_suffix('}')?, given)))
            .collect()
    }
}

/// All facts.
#[derive(Debug)]
pub struct Facts {
    /// The operations, ordered by path.
    pub operations: Vec<Operation>,
    schemas: BTreeMap<String, Schema>,
    /// Operations by method and number of path segments, fewest placeholders first.
    routes: HashMap<(String, usize), Vec<usize>>,
}

/// The facts of Clio's API v4.
pub static FACTS: LazyLock<Facts> = LazyLock::new(|| {
    let text = include_str!("../facts/clio-v4.json");
    // The file is part of the program; a unit test reads it whole.
    Facts::parse(&serde_json::from_str(text).unwrap_or_default())
});

impl Facts {
    fn parse(value: &Value) -> Self {
        let schemas = value
            .get("schemas")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let operations: Vec<Operation> = value
            .get("operations")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(Operation::parse)
            .collect();
        let mut routes: HashMap<(String, usize), Vec<usize>> = HashMap::new();
        for (at, operation) in operations.iter().enumerate() {
            let key = (operation.method.clone(), operation.segments.len());
            routes.entry(key).or_default().push(at);
        }
        for route in routes.values_mut() {
            route.sort_by_key(|&at| operations.get(at).map_or(0, Operation::placeholders));
        }
        Self {
            operations,
            schemas: schemas
                .map(|(name, columns)| (name.clone(), schema(name, columns)))
                .collect(),
            routes,
        }
    }

    /// A schema by its name in the document.
    #[must_use]
    pub fn schema(&self, name: &str) -> Option<&Schema> {
        self.schemas.get(name)
    }

    /// All schemas.
    pub fn schemas(&self) -> impl Iterator<Item = &Schema> {
        self.schemas.values()
    }

    /// The schema that a nested object shows: `Contact` where the document says `Contact_base`.
    ///
    /// The `_base` schemas leave out the objects of the record. Clio's prose allows them: they
    /// come with their default fields.
    #[must_use]
    pub fn full_schema(&self, name: &str) -> Option<&Schema> {
        name.strip_suffix("_base")
            .and_then(|stem| self.schemas.get(stem))
            .or_else(|| self.schemas.get(name))
    }

    /// The position of the operation that answers `method` on `path`, the latter below
    /// `/api/v4`, with or without `.json`.
    #[must_use]
    pub fn route(&self, method: &str, path: &str) -> Option<usize> {
        let segments: Vec<&str> = split_path(path.trim_end_matches(".json")).collect();
        let candidates = self.routes.get(&(method.to_owned(), segments.len()))?;
        candidates.iter().copied().find(|&at| {
            self.operations
                .get(at)
                .is_some_and(|found| found.matches(&segments))
        })
    }

    /// The operation that answers `method` on `path`; see [`Facts::route`].
    #[must_use]
    pub fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        self.route(method, path)
            .and_then(|at| self.operations.get(at))
    }
}

fn schema(name: &str, columns: &Value) -> Schema {
    let columns: Vec<Column> = columns
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, kind)| Column {
            name: name.clone(),
            kind: Kind::parse(kind.as_str().unwrap_or_default()),
        })
        .collect();
    let index = columns
        .iter()
        .enumerate()
        .map(|(at, column)| (column.name.clone(), at))
        .collect();
    Schema {
        name: name.to_owned(),
        columns,
        index,
    }
}

fn split_path(path: &str) -> impl Iterator<Item = &str> {
    path.trim_start_matches('/').split('/')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_whole_document_is_there() {
        assert_eq!(FACTS.operations.len(), 301);
        assert!(FACTS.schemas().count() > 250);
        let matters = FACTS.operation("GET", "/matters.json").unwrap();
        assert_eq!(
            matters.limit,
            Some(Limit {
                least: 1,
                most: 200,
                default: 200
            })
        );
        assert_eq!(
            FACTS
                .operation("GET", "/users")
                .unwrap()
                .limit
                .unwrap()
                .most,
            2000
        );
        assert_eq!(matters.schema().unwrap().name, "Matter");
    }

    #[test]
    fn every_schema_that_is_named_exists() {
        for schema in FACTS.schemas() {
            for column in &schema.columns {
                let mut kind = &column.kind;
                while let Kind::List(inner) = kind {
                    kind = inner;
                }
                if let Kind::Record(name) = kind {
                    assert!(FACTS.full_schema(name).is_some(), "{name}");
                }
            }
        }
    }

    #[test]
    fn literal_paths_win_over_placeholders() {
        let path = |given| {
            FACTS
                .operation("GET", given)
                .map(|found| found.path.as_str())
        };
        assert_eq!(path("/users/who_am_i"), Some("/users/who_am_i.json"));
        assert_eq!(path("/users/7.json"), Some("/users/{id}.json"));
        assert_eq!(path("/nothing.json"), None);
    }
}
