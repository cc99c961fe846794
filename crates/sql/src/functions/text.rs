//! Functions of text. Positions count characters, from 1.

use apilink_core::Result;
use rusqlite::types::{Value, ValueRef};

use super::arguments::{Arguments, LARGEST_TEXT};
use super::{Scalar, scalar};

/// The functions of this module.
pub(super) const SCALARS: &[Scalar] = &[
    scalar("ascii", 1, ascii),
    scalar("bit_length", 1, |a| length(a, |text| text.len() * 8)),
    scalar("char", -1, char),
    scalar("char_length", 1, |a| length(a, |text| text.chars().count())),
    scalar("character_length", 1, |a| {
        length(a, |text| text.chars().count())
    }),
    scalar("len", 1, |a| {
        length(a, |text| text.trim_end_matches(' ').chars().count())
    }),
    scalar("datalength", 1, |a| length(a, str::len)),
    scalar("difference", 2, difference),
    scalar("apilink_insert", 4, insert),
    scalar("insert", 4, insert),
    scalar("stuff", 4, insert),
    scalar("lcase", 1, lower),
    scalar("lower", 1, lower),
    scalar("ucase", 1, upper),
    scalar("upper", 1, upper),
    scalar("apilink_left", 2, left),
    scalar("left", 2, left),
    scalar("apilink_right", 2, right),
    scalar("right", 2, right),
    scalar("locate", 2, locate),
    scalar("locate", 3, locate),
    scalar("charindex", 2, locate),
    scalar("charindex", 3, locate),
    scalar("position", 2, locate),
    scalar("lpad", 2, pad_left),
    scalar("lpad", 3, pad_left),
    scalar("rpad", 2, pad_right),
    scalar("rpad", 3, pad_right),
    scalar("repeat", 2, repeat),
    scalar("replicate", 2, repeat),
    scalar("reverse", 1, |a| {
        Ok(Value::Text(a.text(0).chars().rev().collect()))
    }),
    scalar("soundex", 1, |a| {
        let code = soundex(&a.text(0));
        Ok(Value::Text(code.into_iter().map(char::from).collect()))
    }),
    scalar("space", 1, space),
    scalar("substr", 2, substring),
    scalar("substr", 3, substring),
    scalar("substring", 2, substring),
    scalar("substring", 3, substring),
];

#[expect(clippy::unnecessary_wraps, reason = "the type of all functions")]
fn ascii(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let first = arguments.text(0).chars().next();
    Ok(Value::Integer(
        first.map_or(0, |first| u32::from(first).into()),
    ))
}

fn char(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let character = |index| {
        let code = u32::try_from(arguments.integer(index)?).ok();
        code.and_then(char::from_u32)
            .ok_or_else(|| arguments.out_of_range())
    };
    let text: Result<String> = (0..arguments.count()).map(character).collect();
    text.map(Value::Text)
}

fn length(arguments: &Arguments<'_, '_>, measure: fn(&str) -> usize) -> Result<Value> {
    if let (ValueRef::Blob(bytes), "datalength") = (arguments.value(0), arguments.function()) {
        return integer(arguments, bytes.len());
    }
    integer(arguments, measure(&arguments.text(0)))
}

fn integer(arguments: &Arguments<'_, '_>, number: usize) -> Result<Value> {
    i64::try_from(number)
        .map(Value::Integer)
        .map_err(|_| arguments.out_of_range())
}

#[expect(clippy::unnecessary_wraps, reason = "the type of all functions")]
fn lower(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let text = arguments.text(0);
    Ok(Value::Text(if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars()
            .map(|character| single(character, character.to_lowercase()))
            .collect()
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "the type of all functions")]
fn upper(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let text = arguments.text(0);
    Ok(Value::Text(if text.is_ascii() {
        text.to_ascii_uppercase()
    } else {
        text.chars()
            .map(|character| single(character, character.to_uppercase()))
            .collect()
    }))
}

/// The other case of a character, where that is one character too: a text keeps its length, which
/// is that of its type.
fn single(character: char, mut other: impl ExactSizeIterator<Item = char>) -> char {
    if other.len() == 1 {
        other.next().unwrap_or(character)
    } else {
        character
    }
}

/// A number of characters; what is negative counts as none.
fn characters(arguments: &Arguments<'_, '_>, index: usize) -> Result<usize> {
    Ok(usize::try_from(arguments.integer(index)?.max(0)).unwrap_or(usize::MAX))
}

/// Where so many characters end, in bytes.
fn offset(text: &str, characters: usize) -> usize {
    text.char_indices()
        .nth(characters)
        .map_or(text.len(), |(offset, _)| offset)
}

fn left(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let text = arguments.text(0);
    let kept = text.split_at(offset(&text, characters(arguments, 1)?)).0;
    Ok(Value::Text(kept.to_owned()))
}

fn right(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let text = arguments.text(0);
    let dropped = text
        .chars()
        .count()
        .saturating_sub(characters(arguments, 1)?);
    let kept = text.split_at(offset(&text, dropped)).1;
    Ok(Value::Text(kept.to_owned()))
}

/// `INSERT(text, start, length, new)`: replaces `length` characters from `start` on.
fn insert(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let text = arguments.text(0);
    let start = characters(arguments, 1)?.saturating_sub(1);
    let (before, rest) = text.split_at(offset(&text, start));
    let after = rest.split_at(offset(rest, characters(arguments, 2)?)).1;
    Ok(Value::Text(format!("{before}{}{after}", arguments.text(3))))
}

/// `LOCATE(sought, text[, start])`: where the first one begins; 0 if there is none.
fn locate(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let (sought, text) = (arguments.text(0), arguments.text(1));
    let start = if arguments.count() > 2 {
        characters(arguments, 2)?.saturating_sub(1)
    } else {
        0
    };
    let (before, rest) = text.split_at(offset(&text, start));
    match rest.find(sought.as_ref()) {
        None => Ok(Value::Integer(0)),
        Some(found) => {
            let skipped = before.chars().count() + rest.split_at(found).0.chars().count();
            integer(arguments, skipped + 1)
        }
    }
}

/// `SUBSTRING(text, start[, length])`: a negative start counts from the end, and a length that is
/// negative is none.
fn substring(arguments: &Arguments<'_, '_>) -> Result<Value> {
    if let ValueRef::Blob(bytes) = arguments.value(0) {
        let (skipped, kept) = part(arguments, bytes.len())?;
        return Ok(Value::Blob(
            bytes.iter().skip(skipped).take(kept).copied().collect(),
        ));
    }
    let text = arguments.text(0);
    let (skipped, kept) = part(arguments, text.chars().count())?;
    Ok(Value::Text(text.chars().skip(skipped).take(kept).collect()))
}

/// How many of `count` characters are before the part that is asked for, and how many are in it.
/// As in `SQLite`, the place before the first is counted, too: `SUBSTRING('abc', 0, 2)` is `a`.
fn part(arguments: &Arguments<'_, '_>, count: usize) -> Result<(usize, usize)> {
    let count = i128::try_from(count).unwrap_or(i128::MAX);
    let start = i128::from(arguments.integer(1)?);
    let first = if start < 0 { count + start } else { start - 1 };
    let end = if arguments.count() > 2 {
        first + i128::from(arguments.integer(2)?.max(0))
    } else {
        count
    };
    let (first, end) = (first.clamp(0, count), end.clamp(0, count));
    let size = |number: i128| usize::try_from(number).unwrap_or(0);
    Ok((size(first), size(end - first)))
}

fn repeat(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let text = arguments.text(0);
    repeated(arguments, &text, characters(arguments, 1)?)
}

fn space(arguments: &Arguments<'_, '_>) -> Result<Value> {
    repeated(arguments, " ", characters(arguments, 0)?)
}

fn repeated(arguments: &Arguments<'_, '_>, text: &str, count: usize) -> Result<Value> {
    if text.len().saturating_mul(count) > LARGEST_TEXT {
        return Err(arguments.out_of_range());
    }
    Ok(Value::Text(text.repeat(count)))
}

/// What fills a text up to the length asked for; nothing if the text is cut.
fn padding(arguments: &Arguments<'_, '_>) -> Result<(String, String)> {
    let text = arguments.text(0);
    let size = characters(arguments, 1)?;
    if size > LARGEST_TEXT / 4 {
        return Err(arguments.out_of_range());
    }
    let filler = if arguments.count() > 2 {
        arguments.text(2)
    } else {
        " ".into()
    };
    let missing = size.saturating_sub(text.chars().count());
    let kept = text.split_at(offset(&text, size)).0.to_owned();
    Ok((filler.chars().cycle().take(missing).collect(), kept))
}

fn pad_left(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let (padding, text) = padding(arguments)?;
    Ok(Value::Text(padding + &text))
}

fn pad_right(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let (padding, text) = padding(arguments)?;
    Ok(Value::Text(text + &padding))
}

/// In how many of the four characters of their SOUNDEX codes two texts agree.
fn difference(arguments: &Arguments<'_, '_>) -> Result<Value> {
    let (left, right) = (soundex(&arguments.text(0)), soundex(&arguments.text(1)));
    let equal = left.iter().zip(right).filter(|(l, r)| **l == *r).count();
    integer(arguments, equal)
}

/// American Soundex: letters of one sound beside each other count once, also with H or W between
/// them. `?000` for a text without letters.
fn soundex(text: &str) -> [u8; 4] {
    let mut code = *b"?000";
    let mut letters = text.chars().map(base_letter).skip_while(Option::is_none);
    let Some(first) = letters.next().flatten() else {
        return code;
    };
    let mut previous = soundex_digit(first);
    let digits = letters.filter_map(|letter| {
        let digit = match letter {
            Some(b'H' | b'W') => return None,
            Some(letter) => soundex_digit(letter),
            None => 0,
        };
        let is_new = digit > 0 && digit != previous;
        previous = digit;
        is_new.then_some(b'0' + digit)
    });
    for (place, letter) in code.iter_mut().zip(std::iter::once(first).chain(digits)) {
        *place = letter;
    }
    code
}

/// A letter in upper case, without its accent.
fn base_letter(letter: char) -> Option<u8> {
    Some(match letter {
        _ if letter.is_ascii_alphabetic() => u8::try_from(letter).ok()?.to_ascii_uppercase(),
        'À'..='Æ' | 'à'..='æ' | 'Ā'..='ą' => b'A',
        'Ç' | 'ç' | 'Ć'..='č' => b'C',
        'Ð' | 'ð' | 'Ď'..='đ' => b'D',
        'È'..='Ë' | 'è'..='ë' | 'Ē'..='ě' => b'E',
        'Ĝ'..='ģ' => b'G',
        'Ĥ'..='ħ' => b'H',
        'Ì'..='Ï' | 'ì'..='ï' | 'Ĩ'..='ĳ' => b'I',
        'Ĵ' | 'ĵ' => b'J',
        'Ķ'..='ĸ' => b'K',
        'Ĺ'..='ł' => b'L',
        'Ñ' | 'ñ' | 'Ń'..='ŋ' => b'N',
        'Ò'..='Ö' | 'Ø' | 'ò'..='ö' | 'ø' | 'Ō'..='œ' => b'O',
        'Ŕ'..='ř' => b'R',
        'ß' | 'Ś'..='š' | 'Ș' | 'ș' => b'S',
        'Þ' | 'þ' | 'Ţ'..='ŧ' | 'Ț' | 'ț' => b'T',
        'Ù'..='Ü' | 'ù'..='ü' | 'Ũ'..='ų' => b'U',
        'Ŵ' | 'ŵ' => b'W',
        'Ý' | 'ý' | 'ÿ' | 'Ŷ'..='Ÿ' => b'Y',
        'Ź'..='ž' => b'Z',
        _ => return None,
    })
}

fn soundex_digit(letter: u8) -> u8 {
    match letter {
        b'B' | b'F' | b'P' | b'V' => 1,
        b'C' | b'G' | b'J' | b'K' | b'Q' | b'S' | b'X' | b'Z' => 2,
        b'D' | b'T' => 3,
        b'L' => 4,
        b'M' | b'N' => 5,
        b'R' => 6,
        _ => 0,
    }
}
