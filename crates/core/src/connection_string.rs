//! The syntax of connection strings.
//!
//! `key=value` pairs, separated by `;`. The first `=` of a pair splits it. A value may be enclosed
//! in `'…'` or `"…"` with the quote doubled inside (the habit of ADO.NET), or in `{…}` with `}}`
//! for `}` (the habit of ODBC, \[MS-ODBCSTR\]). Blanks around keys and values are not part of
//! them. Backslash means itself.
//!
//! Error messages name a position and never quote the text, because it may be a secret.

use std::fmt;

use secrecy::SecretString;

use crate::error::{Diagnostic, Result};

/// The longest connection string in bytes.
pub const MAX_LENGTH: usize = 64 * 1024;

/// One `key=value` of a connection string. `Debug` does not show the value.
#[derive(Clone)]
pub struct Pair {
    /// The key as written, without blanks around it. Never empty.
    pub key: String,
    /// The value, without its quotes and the blanks around it. May be empty.
    pub value: SecretString,
    /// Where the key begins: a byte position, counted from 1.
    pub position: usize,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("key", &self.key)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// Splits a connection string into its pairs, repeated keys included.
///
/// # Errors
/// HY024 naming the byte position (counted from 1) of an unterminated quote, of text after a
/// closing quote, of a missing `=` or key, of a NUL, or of the first byte beyond [`MAX_LENGTH`].
pub fn scan(text: &str) -> Result<Vec<Pair>> {
    scan_part(text, "the connection string")
}

/// The same as [`scan`] for bytes that should be UTF-8.
///
/// # Errors
/// Those of [`scan`] and [`decode`].
pub fn scan_bytes(bytes: &[u8]) -> Result<Vec<Pair>> {
    scan(decode(bytes)?)
}

/// Checks that the bytes of a connection string are text.
///
/// # Errors
/// HY024 naming the byte position (counted from 1) of the first byte that is not UTF-8, or the
/// length if it is more than [`MAX_LENGTH`].
pub fn decode(bytes: &[u8]) -> Result<&str> {
    const PART: &str = "the connection string";
    check_length(bytes.len(), PART)?;
    std::str::from_utf8(bytes).map_err(|error| {
        syntax_error(
            error.valid_up_to() + 1,
            PART,
            "this is not UTF-8. Pass UTF-8 text",
        )
    })
}

/// Splits `text`, which messages call `part`.
pub(crate) fn scan_part(text: &str, part: &str) -> Result<Vec<Pair>> {
    check_length(text.len(), part)?;
    if let Some(index) = text.find('\0') {
        let problem = "a NUL is not allowed. Pass the length without the terminating NUL";
        return Err(syntax_error(index + 1, part, problem));
    }
    let mut scanner = Scanner { text, rest: text };
    let mut pairs = Vec::new();
    loop {
        scanner.skip(|c| is_blank(c) || c == ';');
        if scanner.rest.is_empty() {
            return Ok(pairs);
        }
        let pair = scanner.pair();
        pairs.push(pair.map_err(|(position, problem)| syntax_error(position, part, problem))?);
    }
}

fn check_length(length: usize, part: &str) -> Result<()> {
    if length <= MAX_LENGTH {
        return Ok(());
    }
    let problem = format!("this is beyond the {MAX_LENGTH} bytes allowed; there are {length}");
    Err(syntax_error(MAX_LENGTH + 1, part, &problem))
}

fn syntax_error(position: usize, part: &str, problem: &str) -> Diagnostic {
    Diagnostic::invalid_value(format!("Byte {position} of {part}: {problem}."))
}

/// A byte order mark is what a text file may begin with.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// Position (counted from 1) and description.
type Problem = (usize, &'static str);

struct Scanner<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Scanner<'_> {
    fn position(&self) -> usize {
        self.text.len() - self.rest.len() + 1
    }

    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(unwanted);
    }

    /// Reads a pair. The rest begins with its key.
    fn pair(&mut self) -> std::result::Result<Pair, Problem> {
        let position = self.position();
        let (key, rest) = self
            .rest
            .split_once('=')
            .filter(|(key, _)| !key.contains(';'))
            .ok_or((
                position,
                "there is no = between a property and its value. A value that \
                               holds a ; must be enclosed in quotes",
            ))?;
        let key = key.trim_end_matches(is_blank).to_owned();
        if key.is_empty() {
            return Err((position, "the name of a property is missing before ="));
        }
        self.rest = rest;
        self.skip(is_blank);
        let value = SecretString::from(self.value()?);
        Ok(Pair {
            key,
            value,
            position,
        })
    }

    fn value(&mut self) -> std::result::Result<String, Problem> {
        match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => self.enclosed(quote),
            Some('{') => self.enclosed('}'),
            _ => Ok(self.bare()),
        }
    }

    fn bare(&mut self) -> String {
        let end = self.rest.find(';').unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        value.trim_end_matches(is_blank).to_owned()
    }

    /// Reads a value whose opening character comes next and which ends with `close`, doubled
    /// inside.
    fn enclosed(&mut self, close: char) -> std::result::Result<String, Problem> {
        let opening = self.position();
        let mut value = String::new();
        let mut rest = self.rest.get(1..).unwrap_or_default();
        loop {
            let (piece, after) = rest.split_once(close).ok_or((
                opening,
                "the quote or brace that opens here is not closed. Inside a value it is doubled",
            ))?;
            value.push_str(piece);
            if let Some(after) = after.strip_prefix(close) {
                value.push(close);
                rest = after;
            } else {
                self.rest = after;
                break;
            }
        }
        self.skip(is_blank);
        if self.rest.is_empty() || self.rest.starts_with(';') {
            return Ok(value);
        }
        Err((
            self.position(),
            "there is text after a closing quote or brace. A quote inside a value is doubled, and \
             ; separates properties",
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::format_push_string)]

    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let pairs = scan(text).unwrap();
        pairs
            .into_iter()
            .map(|p| (p.key, p.value.expose_secret().to_owned()))
            .collect()
    }

    fn value(text: &str) -> String {
        let mut pairs = pairs(text);
        assert_eq!(pairs.len(), 1, "{text}");
        pairs.remove(0).1
    }

    fn message(text: &str) -> String {
        scan(text).unwrap_err().message
    }

    #[test]
    fn the_contract_string_is_split_as_written() {
        let text = r"Profile=C:\profiles\Clio.apip;ProfileSettings='Region=your_region';Authscheme=OAuth;InitiateOAuth=GETANDREFRESH;OAuthClientId=your_client_id;OAuthClientSecret=your_client_secret;CallbackUrl=your_callback_url;";
        let expected = [
            ("Profile", r"C:\profiles\Clio.apip"),
            ("ProfileSettings", "Region=your_region"),
            ("Authscheme", "OAuth"),
            ("InitiateOAuth", "GETANDREFRESH"),
            ("OAuthClientId", "your_client_id"),
            ("OAuthClientSecret", "your_client_secret"),
            ("CallbackUrl", "your_callback_url"),
        ];
        assert_eq!(
            pairs(text),
            expected.map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
    }

    #[test]
    fn all_quoting_habits_work() {
        for (text, expected) in [
            ("a=b", "b"),
            ("a = b c ;", "b c"),
            ("a=b=c==", "b=c=="),
            ("a=", ""),
            ("a=  ;", ""),
            ("a=''", ""),
            ("a=' b '", " b "),
            ("a='it''s; \"x\"' ;", "it's; \"x\""),
            ("a=\"say \"\"hi\"\"; it's\"", "say \"hi\"; it's"),
            ("a={b;'c'\"d\"}}e}", "b;'c'\"d\"}e"),
            ("a={}", ""),
            ("a={}}}", "}"),
            ("a=b'c\"d{e}f", "b'c\"d{e}f"),
            (r"a=C:\x\", r"C:\x\"),
            ("\u{feff}a\t=\r\n b\u{a0}", "b"),
            ("a='Region=US;'", "Region=US;"),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn empty_segments_are_skipped_and_positions_count_bytes_from_one() {
        assert_eq!(scan("").unwrap().len(), 0);
        assert_eq!(scan(" ; ;; ").unwrap().len(), 0);
        let positions: Vec<_> = scan(";; Ä=1;  b = 2")
            .unwrap()
            .iter()
            .map(|pair| pair.position)
            .collect();
        assert_eq!(positions, [4, 11]);
    }

    #[test]
    fn mistakes_are_named_by_position_and_never_quoted() {
        for (text, start) in [
            ("a='secret", "Byte 3 of the connection string: the quote"),
            ("a=\"secret'", "Byte 3 of"),
            ("a={secret", "Byte 3 of"),
            ("a={secret}}", "Byte 3 of"),
            (
                "b=1;a='x' secret",
                "Byte 11 of the connection string: there is text after",
            ),
            (
                "b=1;secret",
                "Byte 5 of the connection string: there is no =",
            ),
            (
                "secret;b=1",
                "Byte 1 of the connection string: there is no =",
            ),
            ("b=1; =secret", "Byte 6 of the connection string: the name"),
            ("b=1\0;secret", "Byte 4 of the connection string: a NUL"),
        ] {
            let message = message(text);
            assert!(message.starts_with(start), "{text:?}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_named_by_position() {
        let message = scan_bytes(b"a=\xc3\xa4\xff").unwrap_err().message;
        assert!(message.starts_with("Byte 5 of the connection string: this is not UTF-8"));
        assert_eq!(scan_bytes("a=ä".as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn the_length_is_limited() {
        let longest = format!("a={}", "b".repeat(MAX_LENGTH - 2));
        assert_eq!(value(&longest).len(), MAX_LENGTH - 2);
        assert!(message(&format!("{longest}b")).starts_with("Byte 65537 of"));
        assert!(scan_bytes(&vec![0xff; MAX_LENGTH + 1]).is_err());
    }

    #[test]
    fn debug_does_not_show_values() {
        let text = format!("{:?}", scan("a=canary").unwrap());
        assert!(text.contains("\"a\"") && !text.contains("canary"));
    }

    fn is_bare(value: &str) -> bool {
        value.trim_matches(is_blank) == value
            && !value.contains(';')
            && !value.starts_with(['\'', '"', '{'])
    }

    proptest! {
        #[test]
        fn every_value_survives_each_habit(
            key in "[A-Za-z][A-Za-z0-9_ .-]{0,10}[A-Za-z0-9]",
            values in prop::collection::vec("[^\0]*|[;='\"{} a]*", 1..4),
        ) {
            let mut text = String::new();
            let mut expected = Vec::new();
            for value in &values {
                let mut add = |written: String| {
                    text += &format!("{key} = {written} ;");
                    expected.push((key.clone(), value.clone()));
                };
                add(format!("'{}'", value.replace('\'', "''")));
                add(format!("\"{}\"", value.replace('"', "\"\"")));
                add(format!("{{{}}}", value.replace('}', "}}")));
                if is_bare(value) {
                    add(value.clone());
                }
            }
            prop_assert_eq!(pairs(&text), expected);
        }

        #[test]
        fn scanning_never_panics(
            text in prop_oneof![any::<String>(), "[;='\"{} \0ab\u{e4}]*"],
            bytes in any::<Vec<u8>>(),
        ) {
            if let Ok(pairs) = scan(&text) {
                for pair in pairs {
                    prop_assert!(!pair.key.is_empty());
                    prop_assert!(text.get(pair.position - 1..).unwrap().starts_with(&pair.key));
                }
            }
            drop(scan_bytes(&bytes));
        }
    }
}
