//! An `OpenAPI` 3 document, as far as tables come from it.

use std::collections::HashSet;

use apilink_core::profile::tables::ColumnType;
use serde_json::{Map, Value};

/// A chain of references, or schemas within `allOf`, is followed so far.
const DEPTH: usize = 16;

/// A document. Whatever it does not say, or says in a form that is not expected, is absent.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    root: &'a Value,
}

/// What a schema describes.
#[derive(Clone, Debug)]
pub enum Shape<'a> {
    /// A plain value.
    Scalar(Scalar<'a>),
    /// An object with fields.
    Object(Object<'a>),
    /// An array of such.
    Array(Box<Shape<'a>>),
    /// Anything: an object without known fields.
    Unknown,
}

/// A plain value.
#[derive(Clone, Debug)]
pub struct Scalar<'a> {
    /// The type of its column.
    pub kind: ColumnType,
    /// The values there are, if they are listed.
    pub values: Vec<&'a str>,
}

/// An object with fields.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    /// The name of its schema in the document, if it has one.
    pub name: Option<&'a str>,
    /// Its fields with their schemas.
    pub fields: Vec<(&'a str, &'a Value)>,
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// Its path, as the document writes it.
    pub path: &'a str,
    /// Its method, in lower case.
    pub method: &'a str,
    value: &'a Value,
}

/// A parameter of a request.
#[derive(Clone, Copy, Debug)]
pub struct Parameter<'a> {
    /// Its name, as the document writes it: `ids[]`.
    pub name: &'a str,
    /// Whether it must be given.
    pub required: bool,
    /// Its schema.
    pub schema: &'a Value,
    /// What the document says about it. Facts are read from it; it goes nowhere.
    pub prose: &'a str,
}

impl<'a> Document<'a> {
    /// The document that `root` is.
    ///
    /// # Errors
    /// A text, if it is none.
    pub fn new(root: &'a Value) -> Result<Self, String> {
        let version = text(root, "openapi").unwrap_or_default();
        if !version.starts_with("3.") {
            return Err("it has no member \"openapi\" with a version 3".to_owned());
        }
        if !root.get("paths").is_some_and(Value::is_object) {
            return Err("it has no member \"paths\"".to_owned());
        }
        Ok(Self { root })
    }

    /// All requests, ordered by path and method.
    pub fn operations(self) -> Vec<Operation<'a>> {
        const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];
        let mut found: Vec<_> = members(self.root.get("paths"))
            .flat_map(|(path, item)| {
                METHODS.into_iter().filter_map(move |method| {
                    let value = item.get(method)?;
                    Some(Operation {
                        path,
                        method,
                        value,
                    })
                })
            })
            .collect();
        found.sort_by_key(|operation| (operation.path, operation.method));
        found
    }

    /// What a schema describes.
    pub fn shape(self, schema: &'a Value) -> Shape<'a> {
        self.shape_within(schema, DEPTH)
    }

    fn shape_within(self, schema: &'a Value, depth: usize) -> Shape<'a> {
        let name = schema_name(schema);
        let plain = self.resolve(schema);
        if depth == 0 {
            return Shape::Unknown;
        }
        if let Some(items) = plain.get("items") {
            return Shape::Array(Box::new(self.shape_within(items, depth - 1)));
        }
        let fields = self.fields(plain);
        if !fields.is_empty() {
            return Shape::Object(Object { name, fields });
        }
        match text(plain, "type") {
            Some("string" | "integer" | "number" | "boolean") => Shape::Scalar(scalar(plain)),
            _ => Shape::Unknown,
        }
    }

    /// The fields of an object schema, with those of the schemas that it is made of.
    fn fields(self, schema: &'a Value) -> Vec<(&'a str, &'a Value)> {
        let mut found = Vec::new();
        self.collect_fields(schema, &mut found, DEPTH);
        // The last one of a name counts: the whole record is more exact than its base.
        let mut seen = HashSet::new();
        found.reverse();
        found.retain(|(name, _)| seen.insert(*name));
        found.reverse();
        found
    }

    fn collect_fields(
        self,
        schema: &'a Value,
        found: &mut Vec<(&'a str, &'a Value)>,
        depth: usize,
    ) {
        if depth == 0 {
            return;
        }
        let schema = self.resolve(schema);
        for part in elements(schema.get("allOf")) {
            self.collect_fields(part, found, depth - 1);
        }
        found.extend(members(schema.get("properties")));
    }

    /// What a reference leads to; the schema itself if it is none.
    fn resolve(self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..DEPTH {
            let Some(target) = text(schema, "$ref").and_then(|path| path.strip_prefix('#')) else {
                break;
            };
            let Some(found) = self.root.pointer(target) else {
                break;
            };
            schema = found;
        }
        schema
    }

    /// Whether there is a schema of this name, with or without the ending `_base`, and it has this
    /// field, if one is named.
    pub fn has_schema(self, name: &str, field: Option<&str>) -> bool {
        ["", "_base"].into_iter().any(|ending| {
            let pointer = format!("/components/schemas/{name}{ending}");
            let fields = self
                .root
                .pointer(&pointer)
                .map(|schema| self.fields(schema));
            fields.is_some_and(|fields| {
                field.is_none_or(|field| fields.iter().any(|(known, _)| *known == field))
            })
        })
    }

    /// The schema of the body of a successful reply in JSON.
    pub fn reply(self, operation: Operation<'a>) -> Option<&'a Value> {
        members(operation.value.get("responses"))
            .filter(|(status, _)| status.starts_with('2'))
            .find_map(|(_, reply)| json_schema(self.resolve(reply)))
    }

    /// The schema of the body of a request in JSON.
    pub fn body(self, operation: Operation<'a>) -> Option<&'a Value> {
        json_schema(self.resolve(operation.value.get("requestBody")?))
    }

    /// The query parameters of a request, in the document's order.
    pub fn parameters(self, operation: Operation<'a>) -> Vec<Parameter<'a>> {
        elements(operation.value.get("parameters"))
            .map(|parameter| self.resolve(parameter))
            .filter(|parameter| text(parameter, "in") == Some("query"))
            .filter_map(|parameter| {
                Some(Parameter {
                    name: text(parameter, "name")?,
                    required: parameter.get("required") == Some(&Value::Bool(true)),
                    schema: self.resolve(parameter.get("schema").unwrap_or(&Value::Null)),
                    prose: text(parameter, "description").unwrap_or_default(),
                })
            })
            .collect()
    }
}

impl<'a> Object<'a> {
    /// The schema of a field.
    pub fn field(&self, name: &str) -> Option<&'a Value> {
        let found = self.fields.iter().find(|(field, _)| *field == name)?;
        Some(found.1)
    }
}

impl<'a> Parameter<'a> {
    /// Its type and the values there are.
    pub fn scalar(&self) -> Scalar<'a> {
        scalar(self.schema)
    }

    /// The largest number it takes: from its schema, or from the prose.
    pub fn maximum(&self) -> Option<u32> {
        let stated = self.schema.get("maximum").and_then(Value::as_u64);
        let number = stated.or_else(|| number_after(self.prose, " and "))?;
        u32::try_from(number).ok().filter(|number| *number > 0)
    }

    /// Whether it takes the word `null`, for records without the thing.
    pub fn takes_null(&self) -> bool {
        self.prose.contains("`null`") && !self.prose.contains("not valid")
    }
}

fn number_after(prose: &str, word: &str) -> Option<u64> {
    let (_, rest) = prose.split_once(word)?;
    let digits: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == ',')
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

/// The name of the schema that a reference, bare or alone in an `allOf`, leads to.
fn schema_name(schema: &Value) -> Option<&str> {
    let reference =
        text(schema, "$ref").or_else(|| match schema.get("allOf")?.as_array()?.as_slice() {
            [only] => text(only, "$ref"),
            _ => None,
        })?;
    reference.rsplit('/').next()
}

fn scalar(schema: &Value) -> Scalar<'_> {
    let kind = match (text(schema, "type"), text(schema, "format")) {
        (Some("boolean"), _) => ColumnType::Boolean,
        (Some("integer"), Some("int32")) => ColumnType::Integer,
        (Some("integer"), _) => ColumnType::Bigint,
        (Some("number"), _) => ColumnType::Decimal,
        (_, Some("date")) => ColumnType::Date,
        (_, Some("date-time")) => ColumnType::Timestamp,
        _ => ColumnType::Text,
    };
    let values = elements(schema.get("enum"))
        .filter_map(Value::as_str)
        .collect();
    Scalar { kind, values }
}

fn json_schema(message: &Value) -> Option<&Value> {
    members(message.get("content"))
        .find(|(kind, _)| kind.starts_with("application/json"))
        .and_then(|(_, content)| content.get("schema"))
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str()
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    value
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::iter)
        .map(|(name, value)| (name.as_str(), value))
}

fn elements(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}
