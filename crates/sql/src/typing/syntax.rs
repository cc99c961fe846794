//! What the parser found, in words: what cannot stand where it is, and what is expected there. The
//! grammar says so itself: it is asked what can follow the text before.

use sqlite3_parser::lexer::sql::ParserError as GrammarError;
use sqlite3_parser::lexer::sql::{Error as ParserError, Parser, TokenType};
use sqlite3_parser::{Bump, FallibleIterator as _};

use super::failure::{Failure, Problem};
use super::literals::literal;
use super::source::{Source, span};

/// What can follow an unfinished statement, with what it is called; the first that fits is meant.
/// `1` and `x` stand for any expression and any name, which are called by their place; words that
/// can be names, too, come behind them.
const CANDIDATES: [(&str, &str); 15] = [
    ("JOIN", "JOIN"),
    ("THEN", "THEN"),
    ("1", ""),
    ("x", ""),
    ("END", "END"),
    ("WHEN", "WHEN"),
    ("BY", "BY"),
    ("SELECT", "SELECT"),
    ("AS", "AS"),
    (", 1", "',' or ')'"),
    (")", "')'"),
    ("(", "'('"),
    ("AND", "AND"),
    ("LIKE 1", "IN, LIKE or BETWEEN"),
    ("LAST", "FIRST or LAST"),
];

/// Words that begin clauses, as they may have been meant.
const CLAUSES: [&str; 16] = [
    "BETWEEN",
    "DESC",
    "EXCEPT",
    "FROM",
    "GROUP",
    "HAVING",
    "INNER",
    "INTERSECT",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "OFFSET",
    "ORDER",
    "UNION",
    "WHERE",
];

/// The error for a statement that the parser does not take; `numbered` is the text that it was
/// given.
pub(super) fn wrong(source: &Source, numbered: &str, error: &ParserError) -> Failure {
    let ParserError::ParserError(error, Some(place)) = error else {
        return Problem::syntax(format!("Wrong syntax: {error}.")).into();
    };
    let place = span(numbered, place.line, place.column).start;
    let before = numbered.get(..place).unwrap_or(numbered);
    let (message, place) = match error {
        GrammarError::SyntaxError(found)
            if !found.is_empty() && source.is_written(source.original_offset(place), found) =>
        {
            (unexpected(numbered, place, found), place)
        }
        GrammarError::SyntaxError(_) | GrammarError::UnexpectedEof => {
            (too_early(before), end_of_tokens(before))
        }
        GrammarError::Custom(message) => (format!("Wrong syntax: {message}."), place),
    };
    let start = source.original_offset(place);
    Problem::syntax(message).at(start..start).into()
}

fn too_early(before: &str) -> String {
    match expected(before) {
        Some(what) => format!("The statement ends where {what} is expected."),
        None => "The statement ends too early.".to_owned(),
    }
}

fn unexpected(sql: &str, place: usize, found: &str) -> String {
    let before = sql.get(..place).unwrap_or(sql);
    let shown = literal(found);
    if found == "&" && before.ends_with('&') {
        return "&& cannot stand here. Did you mean AND?".to_owned();
    }
    if let Some(what) = expected(before) {
        return format!("{shown} cannot stand here; {what} is expected.");
    }
    match misspelt(sql, place, found) {
        Some((word, meant)) => {
            format!("{shown} cannot stand here. Did you mean {meant} in place of {word}?")
        }
        None => format!("{shown} cannot stand here.{}", hint(sql, place)),
    }
}

/// What is usually wrong where a token cannot stand and nothing has to follow the text before it.
fn hint(sql: &str, place: usize) -> &'static str {
    let before = sql.get(..place).and_then(last_kind);
    let rest = sql.get(place..).unwrap_or_default();
    let found = Source::tokens_of(rest).first().map(|token| token.kind);
    match (before, found) {
        (
            _,
            Some(
                TokenType::TK_FROM
                | TokenType::TK_WHERE
                | TokenType::TK_GROUP
                | TokenType::TK_HAVING
                | TokenType::TK_ORDER,
            ),
        ) => {
            " The clauses follow each other as SELECT, FROM, WHERE, GROUP BY, HAVING, ORDER BY, \
             LIMIT."
        }
        (
            Some(
                TokenType::TK_ID | TokenType::TK_STRING | TokenType::TK_INTEGER | TokenType::TK_RP,
            ),
            Some(
                TokenType::TK_ID
                | TokenType::TK_STRING
                | TokenType::TK_INTEGER
                | TokenType::TK_FLOAT
                | TokenType::TK_LP,
            ),
        ) => " Is a comma or an operator missing before it?",
        _ => "",
    }
}

/// What has to follow a text; `None` where nothing has to, or the text is wrong itself.
fn expected(before: &str) -> Option<&'static str> {
    if !accepts(before) || is_complete(before) {
        return None;
    }
    let fits = |candidate: &&(&str, &str)| accepts(&format!("{before}\n{}", candidate.0));
    let (candidate, name) = CANDIDATES.iter().find(fits)?;
    Some(match *candidate {
        "1" => expression_after(before),
        "x" => name_after(before),
        _ => name,
    })
}

/// What an expression is called that has to follow a text.
fn expression_after(before: &str) -> &'static str {
    match last_kind(before) {
        Some(TokenType::TK_AND) if is_range(before) => "a value",
        Some(
            TokenType::TK_WHERE
            | TokenType::TK_HAVING
            | TokenType::TK_ON
            | TokenType::TK_AND
            | TokenType::TK_OR
            | TokenType::TK_NOT,
        ) => "a condition",
        Some(
            TokenType::TK_SELECT
            | TokenType::TK_DISTINCT
            | TokenType::TK_ALL
            | TokenType::TK_BY
            | TokenType::TK_COMMA,
        ) => "a column or an expression",
        Some(TokenType::TK_LIMIT | TokenType::TK_OFFSET) => "a number",
        Some(TokenType::TK_CASE) => "WHEN",
        _ => "a value",
    }
}

/// Whether the AND at the end is that of a BETWEEN.
fn is_range(before: &str) -> bool {
    let and = Source::tokens_of(before).pop();
    let range = and.and_then(|and| before.get(..and.place.start));
    range.and_then(expected) == Some("AND")
}

/// What a name is called that has to follow a text.
fn name_after(before: &str) -> &'static str {
    match last_kind(before) {
        Some(TokenType::TK_FROM | TokenType::TK_JOIN | TokenType::TK_COMMA) => "a table",
        Some(TokenType::TK_IN) => "a list in parentheses",
        Some(TokenType::TK_DOT) => "a column",
        _ => "a name",
    }
}

/// A word that is near to one that begins a clause, with which the statement could go on: the one
/// that was found, or the one before it.
fn misspelt<'s>(sql: &'s str, place: usize, found: &str) -> Option<(&'s str, &'static str)> {
    const NEAR: usize = 2;
    let end = place + found.len();
    let words = Source::tokens_of(sql.get(..end)?);
    let mut near = words.iter().rev().take(2).filter_map(|token| {
        let word = sql.get(token.place.clone())?;
        let upper = word.to_ascii_uppercase();
        let distance = |clause: &&&str| strsim::damerau_levenshtein(clause, &upper);
        let meant = CLAUSES
            .iter()
            .filter(|clause| **clause != upper && distance(clause) <= NEAR)
            .min_by_key(distance)?;
        let (head, tail) = (
            sql.get(..token.place.start)?,
            sql.get(token.place.end..end)?,
        );
        accepts(&format!("{head}{meant}{tail}")).then_some((word, *meant))
    });
    near.next()
}

fn last_kind(before: &str) -> Option<TokenType> {
    Source::tokens_of(before).last().map(|token| token.kind)
}

/// Where the last token of a text ends.
fn end_of_tokens(text: &str) -> usize {
    let last = Source::tokens_of(text).pop();
    last.map_or(text.len(), |token| token.place.end)
}

/// Whether a text is a statement, or the beginning of one.
fn accepts(text: &str) -> bool {
    match parse(text) {
        Err(ParserError::ParserError(GrammarError::SyntaxError(found), _)) => found.is_empty(),
        Err(ParserError::ParserError(GrammarError::UnexpectedEof, _)) | Ok(()) => true,
        Err(_) => false,
    }
}

fn is_complete(text: &str) -> bool {
    parse(text).is_ok()
}

fn parse(text: &str) -> Result<(), ParserError> {
    let arena = Bump::new();
    Parser::new(&arena, text.as_bytes()).next().map(|_| ())
}
