//! The text of a statement as tokens: nesting, numbered parameters, places, and the texts of the
//! columns of each SELECT, which the syntax tree does not keep.

use std::ops::Range;

use sqlite3_parser::lexer::Scanner;
use sqlite3_parser::lexer::sql::{Error as LexerError, TokenType, Tokenizer};

use super::failure::{Outcome, Problem};
use crate::dialect::Positions;

/// How deep brackets and CASE may be nested. The parser and the analysis need stack for each level.
pub(super) const MAX_NESTING: usize = 100;

/// The largest number of a parameter, as in `SQLite`.
const MAX_PARAMETER: usize = 32_766;

/// A token and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenType,
    pub(super) place: Range<usize>,
}

/// The tokens of a statement.
pub(super) struct Source<'s> {
    pub(super) sql: &'s str,
    written: Option<Written<'s>>,
    tokens: Vec<Token>,
    /// The positions of SELECT and LIMIT in `tokens`.
    selects: Vec<usize>,
    limits: Vec<usize>,
}

/// The text that a statement was made of by [`crate::dialect`].
#[derive(Clone, Copy, Debug)]
pub struct Written<'s> {
    /// The text.
    pub sql: &'s str,
    /// Where the parts of the statement come from.
    pub positions: &'s Positions,
}

/// The statement with its parameters numbered as `SQLite` numbers them.
pub(super) struct Numbered {
    pub(super) sql: String,
    /// The name of each parameter, with its sign.
    pub(super) names: Vec<Option<String>>,
}

impl<'s> Source<'s> {
    /// Splits a statement into tokens.
    pub(super) fn new(sql: &'s str) -> Outcome<Self> {
        let (tokens, error) = scan(sql);
        if let Some(error) = error {
            return Err(unreadable(sql, &error));
        }
        let at = |kind| {
            tokens
                .iter()
                .enumerate()
                .filter(move |(_, token)| token.kind == kind)
                .map(|(at, _)| at)
                .collect()
        };
        let source = Self {
            sql,
            written: None,
            selects: at(TokenType::TK_SELECT),
            limits: at(TokenType::TK_LIMIT),
            tokens,
        };
        source.check_nesting()?;
        Ok(source)
    }

    /// The same, of a text that was made of another one.
    pub(super) fn with_names_of(mut self, written: Written<'s>) -> Self {
        self.written = Some(written);
        self
    }

    /// The tokens of a text, up to what cannot be read.
    pub(super) fn tokens_of(sql: &str) -> Vec<Token> {
        scan(sql).0
    }

    fn check_nesting(&self) -> Outcome<()> {
        let mut depth = 0_usize;
        for token in &self.tokens {
            match token.kind {
                TokenType::TK_LP | TokenType::TK_CASE => depth += 1,
                TokenType::TK_RP | TokenType::TK_END => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_NESTING {
                return Err(Problem::syntax(format!(
                    "Brackets and CASE are nested more than {MAX_NESTING} deep."
                ))
                .at(token.place.clone())
                .into());
            }
        }
        Ok(())
    }

    fn text(&self, token: &Token) -> &'s str {
        self.sql.get(token.place.clone()).unwrap_or_default()
    }

    /// Where a second statement begins, if there is one.
    pub(super) fn second_statement(&self) -> Option<Range<usize>> {
        let is_end = |token: &&Token| token.kind == TokenType::TK_SEMI;
        self.tokens
            .iter()
            .skip_while(is_end)
            .skip_while(|token| !is_end(token))
            .find(|token| !is_end(token))
            .map(|token| token.place.clone())
    }

    /// Gives each parameter its number.
    pub(super) fn numbered(&self) -> Outcome<Numbered> {
        let mut sql = String::with_capacity(self.sql.len() + 16);
        let mut names: Vec<Option<String>> = Vec::new();
        let mut copied = 0;
        let parameters = |token: &&Token| token.kind == TokenType::TK_VARIABLE;
        for token in self.tokens.iter().filter(parameters) {
            let number =
                number_of(self.text(token), &mut names).ok_or_else(|| self.bad_parameter(token))?;
            sql.push_str(self.sql.get(copied..token.place.start).unwrap_or_default());
            sql.push('?');
            sql.push_str(&number.to_string());
            copied = token.place.end;
        }
        sql.push_str(self.sql.get(copied..).unwrap_or_default());
        Ok(Numbered { sql, names })
    }

    /// The text with a literal in place of each parameter.
    pub(super) fn with_literals(&self, literals: &[String]) -> Outcome<String> {
        let mut sql = String::with_capacity(self.sql.len() + 64);
        let mut names: Vec<Option<String>> = Vec::new();
        let mut copied = 0;
        let parameters = |token: &&Token| token.kind == TokenType::TK_VARIABLE;
        for token in self.tokens.iter().filter(parameters) {
            let literal = number_of(self.text(token), &mut names)
                .and_then(|number| literals.get(number.checked_sub(1)?))
                .ok_or_else(|| self.bad_parameter(token))?;
            sql.push_str(self.sql.get(copied..token.place.start).unwrap_or_default());
            sql.push_str(literal);
            copied = token.place.end;
        }
        sql.push_str(self.sql.get(copied..).unwrap_or_default());
        Ok(sql)
    }

    /// Where an offset into the numbered text stands in the text as it was given.
    pub(super) fn original_offset(&self, numbered: usize) -> usize {
        let mut names = Vec::new();
        let (mut original, mut reached) = (0, 0);
        for token in self
            .tokens
            .iter()
            .filter(|token| token.kind == TokenType::TK_VARIABLE)
        {
            let start = reached + token.place.start - original;
            if start >= numbered {
                break;
            }
            let digits = number_of(self.text(token), &mut names).map_or(0, |n| n.to_string().len());
            original = token.place.end;
            reached = start + 1 + digits;
        }
        (original + numbered.saturating_sub(reached)).min(self.sql.len())
    }

    fn bad_parameter(&self, token: &Token) -> super::Failure {
        Problem::syntax(format!(
            "The number of the parameter {} is not between 1 and {MAX_PARAMETER}.",
            self.text(token)
        ))
        .at(token.place.clone())
        .into()
    }

    /// Where these tokens stand one after another for the first time; names are compared without
    /// their quotes and without regard to case.
    pub(super) fn find(&self, words: &[&str]) -> Option<Range<usize>> {
        let found = self
            .tokens
            .windows(words.len().max(1))
            .find(|window| self.are(window, words))?;
        Some(found.first()?.place.start..found.last()?.place.end)
    }

    /// Where an operator stands with its operands, which can have been rewritten: with both, or with
    /// one of them where there is only one such place.
    pub(super) fn find_operation(
        &self,
        left: &str,
        operator: &str,
        right: &str,
    ) -> Option<Range<usize>> {
        let both = [
            format!("{left} {operator} {right}"),
            format!("{right} {operator} {left}"),
        ];
        let one = [format!("{left} {operator}"), format!("{operator} {right}")];
        let first = |text: &String| self.places(text).into_iter().next();
        both.iter()
            .find_map(first)
            .or_else(|| one.iter().find_map(|text| self.find_only(text)))
    }

    /// Where a text stands, if it stands in one place only.
    pub(super) fn find_only(&self, text: &str) -> Option<Range<usize>> {
        match self.places(text).as_slice() {
            [place] => Some(place.clone()),
            _ => None,
        }
    }

    /// Where the tokens of a text stand one after another.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let tokens = Self::tokens_of(text);
        let words: Vec<String> = tokens
            .iter()
            .map(|token| unquoted(text.get(token.place.clone()).unwrap_or_default()))
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.tokens
            .windows(words.len().max(1))
            .filter(|window| self.are(window, &words))
            .filter_map(|window| Some(window.first()?.place.start..window.last()?.place.end))
            .collect()
    }

    fn are(&self, tokens: &[Token], words: &[&str]) -> bool {
        tokens
            .iter()
            .zip(words)
            .all(|(token, word)| unquoted(self.text(token)).eq_ignore_ascii_case(word))
    }

    /// Where a name first stands as that of a table.
    pub(super) fn find_table(&self, name: &str) -> Option<Range<usize>> {
        let begins = |kind| {
            matches!(
                kind,
                TokenType::TK_FROM
                    | TokenType::TK_JOIN
                    | TokenType::TK_COMMA
                    | TokenType::TK_DOT
                    | TokenType::TK_LP
                    | TokenType::TK_IN
            )
        };
        self.find_behind(name, begins)
    }

    /// Where a name first stands as that of a column: not behind a table's, and not as an alias.
    pub(super) fn find_column(&self, name: &str) -> Option<Range<usize>> {
        self.find_behind(name, |kind| {
            !matches!(
                kind,
                TokenType::TK_DOT
                    | TokenType::TK_AS
                    | TokenType::TK_FROM
                    | TokenType::TK_JOIN
                    | TokenType::TK_ID
                    | TokenType::TK_RP
            )
        })
    }

    /// Where a text last stands as a term of ORDER BY or GROUP BY.
    pub(super) fn find_term(&self, text: &str) -> Option<Range<usize>> {
        let begins = |kind| matches!(kind, TokenType::TK_BY | TokenType::TK_COMMA);
        let mut pairs = self.tokens.iter().zip(self.tokens.iter().skip(1)).rev();
        let (_, term) =
            pairs.find(|(before, term)| begins(before.kind) && self.text(term) == text)?;
        Some(term.place.clone())
    }

    /// Whether what stands at a place was written, and not inserted by [`crate::dialect`].
    pub(super) fn is_written(&self, place: usize, text: &str) -> bool {
        self.written.is_none_or(|written| {
            let original = written.positions.original(place);
            let there = written.sql.get(original..original + text.len());
            there.is_some_and(|there| there.eq_ignore_ascii_case(text))
        })
    }

    /// Where a name first stands behind a token that fits; or anywhere, if it stands behind none.
    fn find_behind(&self, name: &str, fits: impl Fn(TokenType) -> bool) -> Option<Range<usize>> {
        let found = self.tokens.windows(2).find_map(|window| match window {
            [before, token]
                if fits(before.kind) && self.are(std::slice::from_ref(token), &[name]) =>
            {
                Some(token.place.clone())
            }
            _ => None,
        });
        found.or_else(|| self.find(&[name]))
    }

    /// Whether the LIMIT with this number says `LIMIT offset, count`.
    pub(super) fn limit_has_comma(&self, limit: usize) -> bool {
        let Some(&start) = self.limits.get(limit) else {
            return false;
        };
        let mut depth = 0_i32;
        for token in self.tokens.iter().skip(start) {
            match token.kind {
                TokenType::TK_LP => depth += 1,
                TokenType::TK_RP => depth -= 1,
                TokenType::TK_COMMA if depth == 0 => return true,
                _ => {}
            }
            if depth < 0 {
                return false;
            }
        }
        false
    }

    /// Where the SELECT with this number stands.
    pub(super) fn select_place(&self, select: usize) -> Option<Range<usize>> {
        let token = self.tokens.get(*self.selects.get(select)?)?;
        Some(token.place.clone())
    }

    /// The text of a column of the SELECT with this number, as `SQLite` names the column; and the
    /// same in the text as it was written, where that is another one.
    pub(super) fn column_text(&self, select: usize, column: usize) -> (String, Option<String>) {
        let Some(&start) = self.selects.get(select) else {
            return (String::new(), None);
        };
        let place = self.column_place(start + 1, column);
        let text = as_name(self.sql.get(place.clone()).unwrap_or_default());
        let written = self.written.as_ref();
        let written = written.map(|written| as_name(written.positions.written(written.sql, place)));
        let other = written.filter(|written| *written != text);
        (text, other)
    }

    /// From the first token of a column to the token behind it, as `SQLite` takes it.
    fn column_place(&self, start: usize, column: usize) -> Range<usize> {
        let (mut depth, mut index) = (0_i32, 0);
        let mut first: Option<usize> = None;
        let mut before = TokenType::TK_SELECT;
        for token in self.tokens.iter().skip(start) {
            let here = token.place.start;
            let leading = first.is_none()
                && index == 0
                && matches!(token.kind, TokenType::TK_DISTINCT | TokenType::TK_ALL);
            if leading {
                continue;
            }
            let between = depth == 0 && token.kind == TokenType::TK_COMMA;
            if depth == 0 && ends_columns(token.kind, before) || between && index == column {
                return first.unwrap_or(here)..here;
            }
            match token.kind {
                TokenType::TK_LP => depth += 1,
                TokenType::TK_RP => depth -= 1,
                _ => {}
            }
            before = token.kind;
            if between {
                index += 1;
                first = None;
            } else {
                first = first.or(Some(here));
            }
        }
        let end = self.sql.len();
        first.unwrap_or(end)..end
    }
}

/// The tokens of a text, and why there are no more before its end.
fn scan(sql: &str) -> (Vec<Token>, Option<LexerError>) {
    let mut scanner = Scanner::new(Tokenizer::new());
    let mut tokens = Vec::with_capacity(sql.len() / 4);
    loop {
        match scanner.scan(sql.as_bytes()) {
            Ok((start, Some((_, kind)), end)) => tokens.push(Token {
                kind,
                place: start..end,
            }),
            Ok((_, None, _)) => return (tokens, None),
            Err(error) => return (tokens, Some(error)),
        }
    }
}

/// The text of an expression as the name of a column.
fn as_name(text: &str) -> String {
    text.trim_matches(|c: char| c.is_ascii_whitespace())
        .replace(|c: char| c.is_ascii_whitespace(), " ")
}

/// Whether a token outside brackets ends the list of columns.
fn ends_columns(kind: TokenType, before: TokenType) -> bool {
    match kind {
        // `a IS DISTINCT FROM b` is an expression.
        TokenType::TK_FROM => before != TokenType::TK_DISTINCT,
        TokenType::TK_RP
        | TokenType::TK_SEMI
        | TokenType::TK_WHERE
        | TokenType::TK_GROUP
        | TokenType::TK_HAVING
        | TokenType::TK_UNION
        | TokenType::TK_EXCEPT
        | TokenType::TK_INTERSECT
        | TokenType::TK_ORDER
        | TokenType::TK_LIMIT => true,
        _ => false,
    }
}

/// The number of a parameter; `names` grows to hold it.
fn number_of(text: &str, names: &mut Vec<Option<String>>) -> Option<usize> {
    let number = match text.strip_prefix('?') {
        Some("") => names.len() + 1,
        Some(digits) => digits.parse().ok()?,
        None => match names.iter().position(|name| name.as_deref() == Some(text)) {
            Some(at) => at + 1,
            None => names.len() + 1,
        },
    };
    if !(1..=MAX_PARAMETER).contains(&number) {
        return None;
    }
    if names.len() < number {
        names.resize(number, None);
    }
    if !text.starts_with('?') {
        *names.get_mut(number - 1)? = Some(text.to_owned());
    }
    Some(number)
}

/// A name without its quotes.
pub(super) fn unquoted(name: &str) -> String {
    let inner = |open: char, close: char| name.strip_prefix(open)?.strip_suffix(close);
    for quote in ['"', '`', '\''] {
        if let Some(inner) = inner(quote, quote) {
            let twice = [quote, quote].iter().collect::<String>();
            return inner.replace(&twice, quote.encode_utf8(&mut [0; 4]));
        }
    }
    inner('[', ']').unwrap_or(name).to_owned()
}

/// A name in double quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn unreadable(sql: &str, error: &LexerError) -> super::Failure {
    let (what, place) = match error {
        LexerError::UnterminatedLiteral(place) => ("A quote is opened and never closed", place),
        LexerError::UnterminatedBracket(place) => {
            ("A square bracket is opened and never closed", place)
        }
        LexerError::UnterminatedBlockComment(place) => {
            ("A comment is opened and never closed", place)
        }
        LexerError::BadVariableName(place)
            if place
                .as_ref()
                .is_some_and(|place| begins(sql, place.line, place.column, "::")) =>
        {
            ("A type is converted by CAST(value AS type)", place)
        }
        LexerError::BadVariableName(place)
            if place
                .as_ref()
                .is_some_and(|place| begins(sql, place.line, place.column, "#")) =>
        {
            ("The sign # has no meaning in SQL", place)
        }
        LexerError::BadVariableName(place) => ("A parameter has no name", place),
        LexerError::BadNumber(place) | LexerError::MalformedHexInteger(place) => {
            ("A number is not well formed", place)
        }
        LexerError::MalformedBlobLiteral(place) => (
            "The literal x'…' holds something else than pairs of hexadecimal digits",
            place,
        ),
        LexerError::ExpectedEqualsSign(place) => ("After ! only = can follow", place),
        LexerError::UnrecognizedToken(place) | LexerError::ParserError(_, place) => {
            ("A character has no meaning in SQL here", place)
        }
        _ => ("The statement cannot be read", &None),
    };
    let problem = Problem::syntax(format!("{what}."));
    match place {
        Some(place) => problem.at(span(sql, place.line, place.column)).into(),
        None => problem.into(),
    }
}

/// Whether a sign stands at a line and a column, as in [`span`]: `::` is the cast of other databases.
fn begins(sql: &str, line: usize, column: usize, sign: &str) -> bool {
    let rest = sql.get(span(sql, line, column).start..);
    rest.is_some_and(|rest| rest.starts_with(sign))
}

/// The character at a line and a column in bytes, both from 1.
pub(super) fn span(sql: &str, line: usize, column: usize) -> Range<usize> {
    let before: usize = sql
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let start = (before + column.saturating_sub(1)).min(sql.len());
    start..start
}
