//! Whether a request and a status are documented.

use serde_json::Value;

use super::{FACTS, Kind, Operation};
use crate::select::Selection;

/// Checks a request against the facts: is the path known, does it have the method, is every
/// query parameter documented and of the right type, does `fields` name only existing fields
/// with at most one level of nesting.
///
/// `path` is the whole path (`/api/v4/matters.json`), `query` the raw query string without `?`.
/// `offset`, which Clio documents in prose only, is allowed on every list, and so is
/// `order=id(asc)`, which Clio's paging rules ask for.
///
/// # Errors
/// What is not documented, in words.
pub fn check_request(method: &str, path: &str, query: &str) -> Result<(), String> {
    let below = path
        .strip_prefix("/api/v4")
        .ok_or_else(|| format!("{path} is not below /api/v4"))?;
    let operation = FACTS
        .operation(method, below)
        .ok_or_else(|| format!("unknown: {method} {path}"))?;
    let parameters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    for (name, value) in &parameters {
        check_parameter(operation, name, value)
            .map_err(|reason| format!("{method} {path}: {reason}"))?;
    }
    for (name, (required, _)) in &operation.query {
        if *required
            && !operation.is_in_path(name)
            && !parameters.iter().any(|(given, _)| given == name)
        {
            return Err(format!("{method} {path}: the parameter {name} is missing"));
        }
    }
    Ok(())
}

/// Checks the status of a reply to a request, both as for [`check_request`], against the facts.
/// Unknown requests are not looked at.
///
/// Beyond the document are those that Clio's prose describes, or that were seen: 422 for an offset
/// and a page token past the end, or that cannot be, and for deleting what is locked; and 404 for
/// deleting what is not there, and for a list below it. What stands before the API (tokens,
/// versions, the rate limit) can answer every request, and is not checked here; a 501 is the
/// sandbox's own.
///
/// # Errors
/// The operation and the status, in words.
pub fn check_status(method: &str, path: &str, query: &str, status: u16) -> Result<(), String> {
    let below = path.strip_prefix("/api/v4");
    let Some(operation) = below.and_then(|below| FACTS.operation(method, below)) else {
        return Ok(());
    };
    let is_paged = || {
        form_urlencoded::parse(query.as_bytes())
            .any(|(name, _)| matches!(&*name, "offset" | "page_token"))
    };
    let is_described = match (method, status) {
        ("GET", 422) => operation.limit.is_some() && is_paged(),
        ("GET", 404) => operation.placeholders() > 0,
        ("DELETE", 404 | 422) | (_, 403 | 501) => true,
        _ => false,
    };
    if is_described || operation.statuses.contains(&status) {
        Ok(())
    } else {
        Err(format!("{method} {}: {status}", operation.path))
    }
}

fn check_parameter(operation: &Operation, name: &str, value: &str) -> Result<(), String> {
    let unknown = || Err(format!("unknown parameter {name}"));
    match (name, operation.limit) {
        ("offset", Some(_)) => {
            return match value.parse::<u64>() {
                Ok(_) => Ok(()),
                Err(_) => Err(format!("offset is not a number: {value}")),
            };
        }
        ("order", Some(_)) if value == "id(asc)" => return Ok(()),
        _ => {}
    }
    let Some(kind) = operation.parameter(name) else {
        return unknown();
    };
    match name {
        "fields" => match operation.schema() {
            Some(schema) => Selection::parse(schema, value).map(drop),
            None => Ok(()),
        },
        "order" if *kind == Kind::Text => match value.split_once('(') {
            Some((_, "asc)" | "desc)")) => Ok(()),
            _ => Err(format!("order has no direction: {value}")),
        },
        "limit" => match (value.parse::<usize>(), operation.limit) {
            (Ok(limit), Some(bounds)) if (bounds.least..=bounds.most).contains(&limit) => Ok(()),
            _ => Err(format!("limit is out of range: {value}")),
        },
        // An operator and a date, as in >=2024-01-31.
        _ if matches!(kind, Kind::Choice(values) if values.iter().any(|v| v.ends_with("DATE"))) => {
            match crate::clock::parse_date(value.trim_start_matches(['<', '>', '='])) {
                Some(_) => Ok(()),
                None => Err(format!("{name} is not an operator and a date: {value}")),
            }
        }
        _ if name.starts_with("custom_field_values") => Ok(()),
        _ if kind.accepts(value) => Ok(()),
        _ => Err(format!("{name} has a value of the wrong type: {value}")),
    }
}

/// Checks a request body against the facts: is it `{"data": {…}}` with documented properties.
///
/// # Errors
/// What is not documented, in words.
pub fn check_body(method: &str, path: &str, body: &Value) -> Result<(), String> {
    let below = path.strip_prefix("/api/v4").unwrap_or(path);
    let operation = FACTS
        .operation(method, below)
        .ok_or_else(|| format!("unknown: {method} {path}"))?;
    match &operation.body {
        Some(facts) => facts
            .check("body", body)
            .map_err(|why| format!("{method} {path}: {why}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn requests_are_checked() {
        let check = |query| check_request("GET", "/api/v4/matters.json", query);
        assert!(check("fields=id,client%7Bname%7D&limit=200&order=id(asc)&offset=400").is_ok());
        assert!(check("open_date[]=%3E%3D2020-01-01&status=open,pending").is_ok());
        assert!(check("custom_field_values[17]=%3E%3D105.4&ids[]=1&ids[]=2").is_ok());
        assert!(check("limit=201").is_err());
        assert!(check("matter=5").is_err());
        assert!(check("fields=id,nonsense").is_err());
        assert!(check("fields=client{company{name}}").is_err());
        assert!(check("created_since=yesterday").is_err());
        assert!(check("order=colour(asc)").is_err());
        assert!(check_request("GET", "/api/v4/notes.json", "").is_err());
        assert!(check_request("PUT", "/api/v4/matters/1.json", "").is_err());
    }

    #[test]
    fn bodies_are_checked() {
        let check = |text| {
            check_body(
                "POST",
                "/api/v4/contacts.json",
                &serde_json::from_str(text).unwrap(),
            )
        };
        assert!(check(r#"{"data":{"name":"A","type":"Company"}}"#).is_ok());
        assert!(check(r#"{"data":{"email_addresses":[{"address":"a@b"}]}}"#).is_ok());
        assert!(check(r#"{"name":"A"}"#).is_err());
        assert!(check(r#"{"data":{"colour":"red"}}"#).is_err());
        assert!(check(r#"{"data":{"email_addresses":[{"colour":"a@b"}]}}"#).is_err());
    }
}
