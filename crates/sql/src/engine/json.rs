//! JSON (RFC 8259) read piece by piece, as somebody asks for it.
//!
//! Replies are much the same from record to record: names in the order in which they were asked
//! for, short texts, small numbers. Those are what is quick here. All else, and what nobody wants,
//! is read by `serde_json`.

use std::borrow::Cow;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value as Tree;

/// A place in a JSON text.
#[derive(Clone, Copy)]
pub(crate) struct Json<'j> {
    text: &'j str,
    at: usize,
}

/// What stands at a place is not what has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Bytes before the place.
    at: usize,
}

/// A value. Arrays and objects are not kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'j> {
    Null,
    Bool(bool),
    /// A whole number, if it has a place here.
    Integer(i64),
    /// A larger one.
    Unsigned(u64),
    Real(f64),
    Text(Cow<'j, str>),
    Array,
    Object,
}

/// The name of a member that somebody looks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Name {
    name: String,
    /// As JSON has it, if nothing is escaped that need not be.
    quoted: String,
}

/// The name of a member, as it was found.
pub(crate) enum Found<'j> {
    /// The one that was expected.
    Expected,
    /// This one, which may be it nevertheless.
    Other(Cow<'j, str>),
}

type Result<T> = std::result::Result<T, Wrong>;

impl Wrong {
    /// Behind so many bytes.
    pub(crate) fn behind(at: usize) -> Self {
        Self { at }
    }

    /// The line and the column of the place, from 1, in bytes.
    pub(crate) fn position(self, body: &[u8]) -> (usize, usize) {
        let before = body.get(..self.at).unwrap_or(body);
        let line = before.split(|&byte| byte == b'\n');
        let column = line.clone().next_back().map_or(0, <[u8]>::len);
        (line.count(), column + 1)
    }
}

impl Name {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            quoted: Tree::from(name).to_string(),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }
}

impl Value<'_> {
    /// What it is, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Unsigned(_) | Self::Real(_) => "a number",
            Self::Text(_) => "a text",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

impl<'j> Json<'j> {
    pub(crate) fn new(text: &'j str) -> Self {
        Self { text, at: 0 }
    }

    /// That something else has to stand here.
    pub(crate) fn wrong(&self) -> Wrong {
        Wrong { at: self.at }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The first byte of what comes next, behind spaces.
    pub(crate) fn peek(&mut self) -> Result<u8> {
        while let Some(byte) = self.byte() {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Ok(byte);
            }
            self.at += 1;
        }
        Err(self.wrong())
    }

    fn take(&mut self, byte: u8) -> Result<()> {
        if self.peek()? != byte {
            return Err(self.wrong());
        }
        self.at += 1;
        Ok(())
    }

    /// Nothing may follow.
    pub(crate) fn end(mut self) -> Result<()> {
        match self.peek() {
            Ok(_) => Err(self.wrong()),
            Err(_) => Ok(()),
        }
    }

    /// Enters an array.
    pub(crate) fn array(&mut self) -> Result<Members> {
        self.take(b'[')?;
        Ok(Members { is_first: true })
    }

    /// Enters an object.
    pub(crate) fn object(&mut self) -> Result<Members> {
        self.take(b'{')?;
        Ok(Members { is_first: true })
    }

    /// Reads a value. Of an array or an object, only that it is one.
    pub(crate) fn value(&mut self) -> Result<Value<'j>> {
        match self.peek()? {
            b'"' => self.text().map(Value::Text),
            b'-' | b'0'..=b'9' => self.number(),
            b'n' => self.word("null", Value::Null),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'[' => self.skip().map(|()| Value::Array),
            b'{' => self.skip().map(|()| Value::Object),
            _ => Err(self.wrong()),
        }
    }

    fn word(&mut self, word: &str, value: Value<'j>) -> Result<Value<'j>> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.wrong());
        }
        self.at += word.len();
        Ok(value)
    }

    /// Leaves out a value.
    pub(crate) fn skip(&mut self) -> Result<()> {
        self.by_serde::<IgnoredAny>().map(drop)
    }

    /// Reads a value with all that it holds.
    pub(crate) fn tree(&mut self) -> Result<Tree> {
        self.by_serde()
    }

    fn by_serde<T: DeserializeOwned>(&mut self) -> Result<T> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let Some(Ok(value)) = values.next() else {
            return Err(self.wrong());
        };
        self.at += values.byte_offset();
        Ok(value)
    }

    /// Reads a text.
    pub(crate) fn text(&mut self) -> Result<Cow<'j, str>> {
        self.take(b'"')?;
        let begin = self.at;
        if self.special()? == b'"' {
            let text = self.text.get(begin..self.at).ok_or(self.wrong())?;
            self.at += 1;
            return Ok(text.into());
        }
        self.at = begin - 1;
        self.by_serde::<String>().map(Cow::Owned)
    }

    /// Moves to the next byte in a text that does not stand for itself: its end or an escape.
    fn special(&mut self) -> Result<u8> {
        while let Some(eight) = self.eight() {
            let found = specials(eight);
            if found != 0 {
                self.at += found.trailing_zeros() as usize / 8;
                break;
            }
            self.at += 8;
        }
        while let Some(byte) = self.byte() {
            match byte {
                b'"' | b'\\' => return Ok(byte),
                ..b' ' => break,
                _ => self.at += 1,
            }
        }
        Err(self.wrong())
    }

    /// The next eight bytes, the first one the lowest.
    fn eight(&self) -> Option<u64> {
        let bytes = self.text.as_bytes().get(self.at..self.at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    fn number(&mut self) -> Result<Value<'j>> {
        /// Numbers of so many digits are doubles, and so are the powers of ten up to it.
        const EXACT_DIGITS: usize = 15;
        const POWERS: [f64; EXACT_DIGITS + 1] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
        ];
        let begin = self.at;
        let is_negative = self.byte() == Some(b'-');
        self.at += usize::from(is_negative);
        let starts_with_zero = self.byte() == Some(b'0');
        let mut units = 0;
        let digits = self.digits(&mut units)?;
        if starts_with_zero && digits > 1 {
            return Err(self.wrong());
        }
        let mut places = 0;
        if self.byte() == Some(b'.') {
            self.at += 1;
            places = self.digits(&mut units)?;
        }
        let is_whole = places == 0;
        let has_exponent = matches!(self.byte(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits(&mut 0)?;
        }
        let is_short = digits + places <= EXACT_DIGITS && !has_exponent;
        if is_short && let (Ok(units), Some(power)) = (i64::try_from(units), POWERS.get(places)) {
            let units = if is_negative { -units } else { units };
            if is_whole && (units != 0 || !is_negative) {
                return Ok(Value::Integer(units));
            }
            #[allow(clippy::cast_precision_loss, reason = "of fifteen digits")]
            let number = units.unsigned_abs() as f64 / power;
            return Ok(Value::Real(if is_negative { -number } else { number }));
        }
        let written = self.text.get(begin..self.at).unwrap_or_default();
        let whole = || {
            let signed = written.parse().ok().map(Value::Integer);
            signed.or_else(|| written.parse().ok().map(Value::Unsigned))
        };
        let number = || Some(Value::Real(written.parse().ok()?));
        let value = if is_whole && !has_exponent {
            whole().or_else(number)
        } else {
            number()
        };
        match value {
            Some(Value::Real(number)) if !number.is_finite() => Err(self.wrong()),
            Some(value) => Ok(value),
            None => Err(self.wrong()),
        }
    }

    /// Reads digits, of which there must be one, to be the last ones of `number`. Their number.
    fn digits(&mut self, number: &mut u64) -> Result<usize> {
        let begin = self.at;
        while let Some(byte @ b'0'..=b'9') = self.byte() {
            *number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            self.at += 1;
        }
        match self.at - begin {
            0 => Err(self.wrong()),
            digits => Ok(digits),
        }
    }
}

/// The high bits of those bytes among eight that are `"`, `\` or below a space; above the lowest of
/// them, maybe others.
fn specials(eight: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let below = |bytes: u64, bound: u64| bytes.wrapping_sub(ONES * bound) & !bytes & HIGH;
    let is = |byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
    below(eight, b' '.into()) | is(b'"') | is(b'\\')
}

/// What is left of an array or an object that was entered.
pub(crate) struct Members {
    is_first: bool,
}

impl Members {
    /// Moves to the next one, if there is one before the byte that ends them all.
    fn advance(&mut self, json: &mut Json<'_>, end: u8) -> Result<bool> {
        let next = json.peek()?;
        if next == end {
            json.at += 1;
            return Ok(false);
        }
        if !std::mem::take(&mut self.is_first) {
            json.take(b',')?;
        }
        Ok(true)
    }

    /// Moves to the next element of an array.
    pub(crate) fn next_element(&mut self, json: &mut Json<'_>) -> Result<bool> {
        self.advance(json, b']')
    }

    /// Moves to the value of the next member of an object.
    pub(crate) fn next_name<'j>(&mut self, json: &mut Json<'j>) -> Result<Option<Cow<'j, str>>> {
        if !self.advance(json, b'}')? {
            return Ok(None);
        }
        let name = json.text()?;
        json.take(b':')?;
        Ok(Some(name))
    }

    /// As [`Members::next_name`], and quicker where it is the name that is expected.
    pub(crate) fn next_expected<'j>(
        &mut self,
        json: &mut Json<'j>,
        expected: Option<&Name>,
    ) -> Result<Option<Found<'j>>> {
        if !self.advance(json, b'}')? {
            return Ok(None);
        }
        let rest = json.text.as_bytes().get(json.at..).unwrap_or_default();
        let found = match expected {
            Some(name) if rest.starts_with(name.quoted.as_bytes()) => {
                json.at += name.quoted.len();
                Found::Expected
            }
            _ => Found::Other(json.text()?),
        };
        json.take(b':')?;
        Ok(Some(found))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
    use super::*;
    use proptest::prelude::*;

    /// Reads all of a text, piece by piece.
    fn read(text: &str) -> Result<Tree> {
        fn tree(json: &mut Json<'_>) -> Result<Tree> {
            match json.peek()? {
                b'[' => {
                    let (mut members, mut list) = (json.array()?, Vec::new());
                    while members.next_element(json)? {
                        list.push(tree(json)?);
                    }
                    Ok(list.into())
                }
                b'{' => {
                    let (mut members, mut map) = (json.object()?, serde_json::Map::new());
                    let expected = Name::new("a\"ü");
                    while let Some(name) = members.next_expected(json, Some(&expected))? {
                        let name = match name {
                            Found::Expected => expected.as_str().into(),
                            Found::Other(name) => name,
                        };
                        map.insert(name.into_owned(), tree(json)?);
                    }
                    Ok(map.into())
                }
                _ => Ok(match json.value()? {
                    Value::Null => Tree::Null,
                    Value::Bool(value) => value.into(),
                    Value::Integer(number) => number.into(),
                    Value::Unsigned(number) => number.into(),
                    Value::Real(number) => number.into(),
                    Value::Text(text) => text.into(),
                    Value::Array | Value::Object => unreachable!("they are entered"),
                }),
            }
        }
        let mut json = Json::new(text);
        let read = tree(&mut json)?;
        json.end()?;
        Ok(read)
    }

    fn is_read_as_serde_reads_it(text: &str) {
        let expected = serde_json::from_str::<Tree>(text).ok();
        assert_eq!(read(text).ok(), expected, "{text}");
        let skipped = Json::new(text).skip_all();
        let can_be_skipped = serde_json::from_str::<IgnoredAny>(text).is_ok();
        assert_eq!(skipped.is_ok(), can_be_skipped, "{text}");
    }

    impl Json<'_> {
        fn skip_all(mut self) -> Result<()> {
            self.peek()?;
            self.skip()?;
            self.end()
        }
    }

    #[test]
    fn numbers_are_what_they_are() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "0.0",
            "00",
            "01",
            "-01",
            "-",
            "1.",
            ".5",
            "1e5",
            "1E+5",
            "1e-5",
            "1e",
            "1e+",
            "1.5e3",
            "0e0",
            "1e400",
            "-1e400",
            "1e-400",
            "+1",
            "0x1",
            "1_0",
            "999999999999999",
            "9999999999999999",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "18446744073709551616",
            "0.1",
            "615.0",
            "-10.66",
            "123456789.123456",
            "1234567890.123456",
            "0.000000000000001",
            "0.0000000000000001",
            "1.7976931348623157e308",
            "4.9e-324",
            "nul",
            "null",
            "true",
            "false",
            "truest",
            "",
        ] {
            is_read_as_serde_reads_it(text);
            is_read_as_serde_reads_it(&format!(" [{text} , {text}]\n"));
        }
        assert_eq!(Json::new("-0").value(), Ok(Value::Real(-0.0)));
        // Rounded correctly, which serde_json is not always.
        let mut long = Json::new("8.988465674311582e307");
        assert_eq!(long.value(), Ok(Value::Real(8.988_465_674_311_582e307)));
    }

    #[test]
    fn texts_end_where_they_end() {
        for text in [
            r#""""#,
            r#"""#,
            r#""a"#,
            r#""\""#,
            r#""\\""#,
            r#""ab\"cdefghi\\""#,
            r#""\u00e9""#,
            r#""\ud83d\ude00""#,
            r#""\ud83d""#,
            r#""\x""#,
            "\"a\nb\"",
            "\"\u{7f}\u{80}\"",
            "\"12345678\u{1f}\"",
            "\"1234567ü\"",
            "\"12345678901234567890\"",
            "'a'",
        ] {
            is_read_as_serde_reads_it(text);
            is_read_as_serde_reads_it(&format!("{{{text}:{text},\"a\\\"ü\" :1}}"));
        }
    }

    #[test]
    fn commas_and_brackets_are_where_they_belong() {
        for text in [
            "[]",
            "{}",
            "[ ]",
            "{ }",
            "[,]",
            "[1,]",
            "[1 2]",
            "[1,,2]",
            "[",
            "]",
            "{",
            "}",
            "[}",
            "{]",
            "{,}",
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            r#"{"a":}"#,
            r"{1:2}",
            r#"{"a":1"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":[{"b":{}}],"c":null}"#,
            "1 2",
            "[] []",
            "[1]x",
            "\u{a0}1",
        ] {
            is_read_as_serde_reads_it(text);
        }
    }

    #[test]
    fn a_place_has_a_line_and_a_column() {
        let body = "{\"a\":1,\n  x}";
        let mut json = Json::new(body);
        let mut members = json.object().unwrap();
        members.next_name(&mut json).unwrap();
        json.skip().unwrap();
        let wrong = members.next_name(&mut json).unwrap_err();
        assert_eq!(wrong.position(body.as_bytes()), (2, 3));
        assert_eq!(Wrong { at: 0 }.position(b""), (1, 1));
    }

    /// Trees of JSON.
    fn trees() -> impl Strategy<Value = Tree> {
        let leaf = prop_oneof![
            Just(Tree::Null),
            any::<bool>().prop_map(Tree::from),
            any::<i64>().prop_map(Tree::from),
            (-2_000_000_i64..2_000_000, 0..5)
                .prop_map(|(units, places)| { Tree::from(units as f64 / 10_f64.powi(places)) }),
            any::<f64>().prop_map(Tree::from),
            ".{0,20}".prop_map(Tree::from),
            "[ -~\\\\\"]{0,20}".prop_map(Tree::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let name = prop_oneof![Just("a\"ü".to_owned()), ".{0,9}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::from),
                prop::collection::vec((name, inner), 0..6)
                    .prop_map(|members| Tree::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tree in trees(), is_pretty: bool) {
            let text = if is_pretty {
                serde_json::to_string_pretty(&tree).unwrap()
            } else {
                tree.to_string()
            };
            prop_assert_eq!(read(&text), Ok(tree));
        }

        #[test]
        fn what_is_broken_is_refused_as_by_serde(tree in trees(), at: prop::sample::Index, other in "[\\[\\]{}:,\"\\\\ 0a-]?") {
            let text = tree.to_string();
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let at = places[at.index(places.len())];
            let behind = at + text[at..].chars().next().map_or(0, char::len_utf8);
            let broken = format!("{}{other}{}", &text[..at], &text[behind..]);
            let is_right = serde_json::from_str::<Tree>(&broken).is_ok();
            prop_assert_eq!(read(&broken).is_ok(), is_right, "{}", broken);
        }

        #[test]
        fn specials_are_found(bytes: [u8; 8]) {
            let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
            let expected = bytes.iter().position(is_special);
            let found = specials(u64::from_le_bytes(bytes));
            prop_assert_eq!((found != 0).then(|| found.trailing_zeros() as usize / 8), expected);
        }
    }
}
