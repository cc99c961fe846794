//! Values out of a JSON document, by JSON Pointer (RFC 6901).

use std::num::IntErrorKind;

use apilink_core::{Diagnostic, Result, SqlState};
use serde_json::Value;

use crate::constants::{
    APILINK_JSON_ARRAY, APILINK_JSON_BOOLEAN, APILINK_JSON_DOUBLE, APILINK_JSON_INTEGER,
    APILINK_JSON_NULL, APILINK_JSON_OBJECT, APILINK_JSON_STRING,
};

/// The largest number up to which a double holds every integer: 2 to the power of 53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What a pointer leads to; `None` if it leads nowhere.
pub(crate) fn find<'a>(document: &'a Value, pointer: &str) -> Result<Option<&'a Value>> {
    let starts_right = pointer.is_empty() || pointer.starts_with('/');
    let escapes_right = pointer
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    if !starts_right || !escapes_right {
        return Err(Diagnostic::invalid_value(
            "The text is not a JSON Pointer (RFC 6901): it is empty for the whole document or \
             begins with \"/\", and a \"~\" in it is followed by 0 or 1.",
        ));
    }
    Ok(pointer.split('/').skip(1).try_fold(document, step))
}

/// One step along a pointer. The walk of `serde_json` copies every part of the pointer twice, which
/// costs more than the steps.
fn step<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) if part.contains('~') => {
            members.get(&part.replace("~1", "/").replace("~0", "~"))
        }
        Value::Object(members) => members.get(part),
        Value::Array(elements) => elements.get(index(part)?),
        _ => None,
    }
}

/// An array index is written without a sign and without leading zeros (RFC 6901 section 4).
fn index(part: &str) -> Option<usize> {
    if part.starts_with('+') || (part.starts_with('0') && part.len() > 1) {
        return None;
    }
    part.parse().ok()
}

/// The type as the C interface names it.
pub(crate) fn kind(value: &Value) -> i32 {
    match value {
        Value::Null => APILINK_JSON_NULL,
        Value::Bool(_) => APILINK_JSON_BOOLEAN,
        Value::Number(number) if number.is_i64() => APILINK_JSON_INTEGER,
        Value::Number(_) => APILINK_JSON_DOUBLE,
        Value::String(_) => APILINK_JSON_STRING,
        Value::Array(_) => APILINK_JSON_ARRAY,
        Value::Object(_) => APILINK_JSON_OBJECT,
    }
}

/// A string as it is, everything else as JSON.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An integer, or a string that holds one.
pub(crate) fn integer(value: &Value) -> Result<i64> {
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Ok(integer),
            (None, Some(double)) if double.fract() != 0.0 => Err(is_not("an integer")),
            (None, Some(double)) => exact_integer(double),
            (None, None) => Err(out_of_range("does not fit into 64 bits")),
        },
        Value::String(text) => text.parse::<i64>().map_err(|error| match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
                out_of_range("does not fit into 64 bits")
            }
            _ => is_not("an integer"),
        }),
        _ => Err(is_not("an integer")),
    }
}

/// An integer that is written like 5.0 or 5e3, as far as that is exact.
fn exact_integer(double: f64) -> Result<i64> {
    if double.abs() > EXACT {
        return Err(out_of_range(
            "is no integer that can be told exactly: it is too large, or written with a fraction or \
             an exponent",
        ));
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the number is an integer within range"
    )]
    Ok(double as i64)
}

/// A number, or a string that holds one as JSON would write it.
pub(crate) fn double(value: &Value) -> Result<f64> {
    let double = match value {
        Value::Number(number) => number.as_f64(),
        // Rust also reads words such as "inf".
        Value::String(text)
            if !text.contains(|c: char| c.is_alphabetic() && c != 'e' && c != 'E') =>
        {
            text.parse().ok()
        }
        _ => None,
    }
    .ok_or_else(|| is_not("a number"))?;
    if double.is_finite() {
        Ok(double)
    } else {
        Err(out_of_range("is too large for a double"))
    }
}

/// true or false.
pub(crate) fn boolean(value: &Value) -> Result<bool> {
    value.as_bool().ok_or_else(|| is_not("true or false"))
}

/// The number of elements or members.
pub(crate) fn length(value: &Value) -> Result<usize> {
    match value {
        Value::Array(elements) => Ok(elements.len()),
        Value::Object(members) => Ok(members.len()),
        _ => Err(is_not("an array or an object")),
    }
}

/// The value itself is left out: it is the user's data.
fn is_not(what: &str) -> Diagnostic {
    Diagnostic::new(
        SqlState::INVALID_CAST,
        format!("The value is not {what}. Ask for its type first, or read it as text."),
    )
}

fn out_of_range(why: &str) -> Diagnostic {
    let message =
        format!("The number {why}. Its digits are in the body; a string holds them as text, too.");
    Diagnostic::new(SqlState::OUT_OF_RANGE, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn state<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
        result.unwrap_err().sqlstate.as_str()
    }

    #[test]
    fn the_walk_is_that_of_serde_json() {
        let document = serde_json::json!({
            "a": [1, {"b/c": 2, "d~e": 3, "": {"0": 4}}], "": 5, "01": [6], "~1": 7
        });
        for pointer in [
            "",
            "/",
            "/a",
            "/a/0",
            "/a/1/b~1c",
            "/a/1/d~0e",
            "/a/1/",
            "/a/1//0",
            "/a/2",
            "/a/-1",
            "/a/+0",
            "/a/00",
            "/a/01",
            "/a/",
            "/01/0",
            "/~01",
            "/a/0/b",
            "/a/99999999999999999999",
        ] {
            assert_eq!(
                find(&document, pointer).unwrap(),
                document.pointer(pointer),
                "{pointer}"
            );
        }
    }

    #[test]
    fn the_pointers_of_the_rfc() {
        // RFC 6901 section 5.
        let document = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5,
            "k\"l": 6, " ": 7, "m~n": 8
        });
        for (pointer, expected) in [
            ("/foo", json!(["bar", "baz"])),
            ("/foo/0", json!("bar")),
            ("/", json!(0)),
            ("/a~1b", json!(1)),
            ("/c%d", json!(2)),
            ("/e^f", json!(3)),
            ("/g|h", json!(4)),
            ("/i\\j", json!(5)),
            ("/k\"l", json!(6)),
            ("/ ", json!(7)),
            ("/m~0n", json!(8)),
        ] {
            assert_eq!(
                find(&document, pointer).unwrap(),
                Some(&expected),
                "{pointer}"
            );
        }
        assert_eq!(find(&document, "").unwrap(), Some(&document));
        for nowhere in ["/foo/2", "/foo/-", "/foo/00", "/foo/+1", "/bar", "/foo/0/x"] {
            assert_eq!(find(&document, nowhere).unwrap(), None, "{nowhere}");
        }
        for wrong in ["foo", "/a~", "/a~2b", "~0"] {
            assert_eq!(state(find(&document, wrong)), "HY024", "{wrong}");
        }
    }

    #[test]
    fn integers_are_exact_or_an_error() {
        for (value, expected) in [
            (json!(0), 0),
            (json!(i64::MAX), i64::MAX),
            (json!(i64::MIN), i64::MIN),
            (json!("9223372036854775807"), i64::MAX),
            (json!("-12"), -12),
            (json!(5.0), 5),
            (json!(-9_007_199_254_740_992.0), -9_007_199_254_740_992),
        ] {
            assert_eq!(integer(&value).unwrap(), expected, "{value}");
        }
        for value in [
            json!(u64::MAX),
            json!(1e30),
            json!("9223372036854775808"),
            json!("-1e"),
        ] {
            let expected = if value == json!("-1e") {
                "22018"
            } else {
                "22003"
            };
            assert_eq!(state(integer(&value)), expected, "{value}");
        }
        for value in [
            json!(1.5),
            json!(""),
            json!("a"),
            json!(" 1"),
            json!(true),
            json!([]),
            json!({}),
        ] {
            assert_eq!(state(integer(&value)), "22018", "{value}");
        }
    }

    #[test]
    fn doubles_are_finite() {
        for (value, expected) in [
            (json!(1), 1.0),
            (json!(-2.5), -2.5),
            (json!("1200.50"), 1200.5),
            (json!("1e3"), 1e3),
        ] {
            assert!(
                (double(&value).unwrap() - expected).abs() < f64::EPSILON,
                "{value}"
            );
        }
        assert_eq!(state(double(&json!("1e999"))), "22003");
        for value in [
            json!("inf"),
            json!("nan"),
            json!("-Infinity"),
            json!(""),
            json!(false),
        ] {
            assert_eq!(state(double(&value)), "22018", "{value}");
        }
    }

    #[test]
    fn kinds_texts_booleans_and_lengths() {
        for (value, expected_kind, expected_text) in [
            (json!(null), APILINK_JSON_NULL, "null"),
            (json!(true), APILINK_JSON_BOOLEAN, "true"),
            (json!(17), APILINK_JSON_INTEGER, "17"),
            (json!(u64::MAX), APILINK_JSON_DOUBLE, "18446744073709551615"),
            (json!(1.5), APILINK_JSON_DOUBLE, "1.5"),
            (json!("a\"é"), APILINK_JSON_STRING, "a\"é"),
            (json!([1, "a"]), APILINK_JSON_ARRAY, "[1,\"a\"]"),
            (json!({"a": null}), APILINK_JSON_OBJECT, "{\"a\":null}"),
        ] {
            assert_eq!(kind(&value), expected_kind, "{value}");
            assert_eq!(text(&value), expected_text);
        }
        assert!(boolean(&json!(true)).unwrap());
        assert_eq!(state(boolean(&json!(1))), "22018");
        assert_eq!(length(&json!([1, 2])).unwrap(), 2);
        assert_eq!(length(&json!({"a": 1})).unwrap(), 1);
        assert_eq!(state(length(&json!("ab"))), "22018");
    }
}
