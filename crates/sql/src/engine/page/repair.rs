//! Replies with texts that are no Unicode: halves of surrogate pairs, and bytes that are no UTF-8.

use super::building::MARK;

/// What [`MARK`] is in an escape.
const MARK_ESCAPED: &[u8; 4] = b"fdd0";

/// The reply with a [`MARK`] in place of all that is no Unicode; `None` where all of it is.
pub(super) fn repaired(body: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(body.len());
    let mut is_other = false;
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(MARK);
            is_other = true;
        }
    }
    let mut bytes = text.into_bytes();
    is_other |= mark_lone_surrogates(&mut bytes);
    let text = String::from_utf8(bytes).ok()?;
    is_other.then_some(text)
}

/// Replaces escaped halves of surrogate pairs; whether there were any.
fn mark_lone_surrogates(json: &mut [u8]) -> bool {
    let (mut at, mut is_other) = (0, false);
    while let Some(found) = json.iter().skip(at).position(|&byte| byte == b'\\') {
        let escape = at + found;
        let Some(unit) = escaped_unit(json, escape) else {
            // Another escape, which may be of a backslash.
            at = escape + 2;
            continue;
        };
        at = escape + ESCAPE;
        let is_pair = matches!(unit, 0xd800..=0xdbff)
            && matches!(escaped_unit(json, at), Some(0xdc00..=0xdfff));
        if is_pair {
            at += ESCAPE;
        } else if matches!(unit, 0xd800..=0xdfff)
            && let Some(digits) = json.get_mut(escape + 2..at)
        {
            digits.copy_from_slice(MARK_ESCAPED);
            is_other = true;
        }
    }
    is_other
}

/// The length of `\u0000`.
const ESCAPE: usize = 6;

/// The UTF-16 unit that is escaped here, if one is.
fn escaped_unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_halves_of_pairs_are_replaced() {
        for (json, expected) in [
            (r#""\ud83d""#, Some(r#""\ufdd0""#)),
            (r#""\ude00 \ud83d""#, Some(r#""\ufdd0 \ufdd0""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufdd0\ud83d\ude00""#)),
            (r#""\\\ud83d""#, Some(r#""\\\ufdd0""#)),
            (r#""\uD83D\n""#, Some(r#""\ufdd0\n""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""\u00e9 \ud83""#, None),
            ("", None),
            ("\\", None),
            (r"\u", None),
        ] {
            assert_eq!(repaired(json.as_bytes()).as_deref(), expected, "{json}");
        }
        assert_eq!(repaired(b"a\xffb").unwrap(), format!("a{MARK}b"));
    }

    proptest! {
        #[test]
        fn what_is_repaired_is_read_and_needs_no_more_repair(
            units in proptest::collection::vec(any::<u16>().prop_map(|unit| unit % 0x1000 + 0xd000), 0..20)
        ) {
            let escapes: Vec<String> =
                units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let escapes = escapes.concat();
            let json = format!("\"{escapes}\"");
            let is_right = serde_json::from_str::<String>(&json).is_ok();
            let repaired = repaired(json.as_bytes());
            prop_assert_eq!(repaired.is_none(), is_right);
            if let Some(repaired) = repaired {
                prop_assert!(serde_json::from_str::<String>(&repaired).is_ok());
                prop_assert_eq!(super::repaired(repaired.as_bytes()), None);
            }
        }

        #[test]
        fn any_bytes_can_be_looked_at(body in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = repaired(&body);
        }
    }
}
