//! Tables as JSON text in which a change shows as a changed line.

use apilink_core::profile::tables::Table;
use serde_json::{Map, Value};

/// Tables as JSON: one column, filter, order or parameter on one line each.
///
/// # Errors
/// None in practice: tables are plain data.
pub fn tables(tables: &[Table]) -> serde_json::Result<String> {
    let mut text = String::from("[");
    for (at, table) in tables.iter().enumerate() {
        text.push_str(if at == 0 { "\n  " } else { ",\n  " });
        write_members(&mut text, &serde_json::to_value(table)?, 4);
    }
    text.push_str(if tables.is_empty() { "]\n" } else { "\n]\n" });
    Ok(text)
}

/// An object with each member on its own line.
fn write_members(text: &mut String, value: &Value, indent: usize) {
    let empty = Map::new();
    let members = value.as_object().unwrap_or(&empty);
    text.push('{');
    for (at, (name, member)) in members.iter().enumerate() {
        new_line(text, at == 0, indent);
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push_str(": ");
        write_member(text, member, indent);
    }
    text.push('\n');
    text.push_str(&" ".repeat(indent.saturating_sub(2)));
    text.push('}');
}

fn write_member(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(members) if members.values().any(is_long) => {
            write_members(text, value, indent + 2);
        }
        Value::Array(elements) if is_long(value) => {
            text.push('[');
            for (at, element) in elements.iter().enumerate() {
                new_line(text, at == 0, indent + 2);
                write_inline(text, element);
            }
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            text.push(']');
        }
        _ => write_inline(text, value),
    }
}

/// Whether a value is a list of objects.
fn is_long(value: &Value) -> bool {
    matches!(value, Value::Array(elements) if elements.iter().any(Value::is_object))
}

fn new_line(text: &mut String, first: bool, indent: usize) {
    text.push_str(if first { "\n" } else { ",\n" });
    text.push_str(&" ".repeat(indent));
}

fn write_inline(text: &mut String, value: &Value) {
    match value {
        Value::Array(elements) => {
            text.push('[');
            for (at, element) in elements.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { ", " });
                write_inline(text, element);
            }
            text.push(']');
        }
        Value::Object(members) if members.is_empty() => text.push_str("{}"),
        Value::Object(members) => {
            for (at, (name, member)) in members.iter().enumerate() {
                text.push_str(if at == 0 { "{ " } else { ", " });
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push_str(": ");
                write_inline(text, member);
            }
            text.push_str(" }");
        }
        plain => text.push_str(&plain.to_string()),
    }
}
