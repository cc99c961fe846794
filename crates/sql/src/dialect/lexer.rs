//! The tokens of SQL, as `SQLite` divides it, and the braces of ODBC's escapes.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword or a name without quotes.
    Word,
    /// `"…"`, `[…]` or `` `…` ``.
    QuotedName,
    /// `'…'`
    Text,
    /// `x'…'`
    Bytes,
    /// A number.
    Number,
    /// `?`
    Parameter,
    /// `?3`, `:name`, `@name`, `$name`
    NamedParameter,
    /// `(` or `{`
    Open,
    /// `)` or `}`
    Close,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `;`
    Semicolon,
    /// Everything else, characters that SQL does not know included.
    Operator,
    /// A quote, a square bracket or a comment that is not closed.
    Unclosed,
}

/// A token and where it is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Divides a text into tokens. Blanks and comments are what lies between them.
pub(crate) fn tokens(sql: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        bytes: sql.as_bytes(),
        position: 0,
    };
    let mut tokens = Vec::with_capacity(sql.len() / 4);
    while let Some(token) = lexer.next_token() {
        tokens.push(token);
    }
    tokens
}

struct Lexer<'s> {
    bytes: &'s [u8],
    position: usize,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.position + ahead).copied()
    }

    fn skip_while(&mut self, condition: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&condition) {
            self.position += 1;
        }
    }

    /// Goes behind the next `end`; to the end of the text, and `false`, if there is none.
    fn skip_behind(&mut self, end: &[u8]) -> bool {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let found = rest.windows(end.len()).position(|window| window == end);
        self.position += found.map_or(rest.len(), |found| found + end.len());
        found.is_some()
    }

    fn skip_blanks(&mut self) {
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b' ' | b'\t' | b'\n' | b'\r' | b'\x0C'), _) => self.position += 1,
                (Some(b'-'), Some(b'-')) => {
                    self.skip_while(|byte| byte != b'\n');
                }
                (Some(b'/'), Some(b'*')) => {
                    let start = self.position;
                    self.position += 2;
                    if !self.skip_behind(b"*/") {
                        self.position = start;
                        return;
                    }
                }
                // A byte order mark.
                (Some(0xEF), Some(0xBB)) if self.peek(2) == Some(0xBF) => self.position += 3,
                _ => return,
            }
        }
    }

    fn next_token(&mut self) -> Option<Token> {
        self.skip_blanks();
        let start = self.position;
        let first = self.peek(0)?;
        let kind = self.scan(first);
        Some(Token {
            kind,
            start,
            end: self.position,
        })
    }

    /// Goes behind the token that begins here.
    fn scan(&mut self, first: u8) -> TokenKind {
        match (first, self.peek(1)) {
            (b'\'', _) => self.quoted(b'\'', TokenKind::Text),
            (b'"' | b'`', _) => self.quoted(first, TokenKind::QuotedName),
            // Closed ones are between the tokens.
            (b'/', Some(b'*')) => {
                self.position = self.bytes.len();
                TokenKind::Unclosed
            }
            (b'[', _) => {
                if self.skip_behind(b"]") {
                    TokenKind::QuotedName
                } else {
                    TokenKind::Unclosed
                }
            }
            (b'x' | b'X', Some(b'\'')) => {
                self.position += 1;
                self.quoted(b'\'', TokenKind::Bytes)
            }
            (b'0'..=b'9', _) | (b'.', Some(b'0'..=b'9')) => self.number(),
            (b'?', _) => self.question_mark(),
            (b':' | b'@' | b'$', Some(next)) if is_word(next) => {
                self.position += 1;
                self.skip_while(is_word);
                TokenKind::NamedParameter
            }
            _ if is_word(first) => {
                self.skip_while(is_word);
                TokenKind::Word
            }
            _ => self.operator(first),
        }
    }

    /// A quote inside is doubled.
    fn quoted(&mut self, quote: u8, kind: TokenKind) -> TokenKind {
        self.position += 1;
        loop {
            if !self.skip_behind(&[quote]) {
                return TokenKind::Unclosed;
            }
            if self.peek(0) != Some(quote) {
                return kind;
            }
            self.position += 1;
        }
    }

    /// Letters directly behind a number belong to the token: `SQLite` says that it is wrong.
    fn number(&mut self) -> TokenKind {
        loop {
            self.skip_while(|byte| is_word(byte) || byte == b'.');
            let has_exponent = self
                .position
                .checked_sub(1)
                .and_then(|last| self.bytes.get(last))
                .is_some_and(|last| matches!(last, b'e' | b'E'));
            let is_signed = matches!(self.peek(0), Some(b'+' | b'-'))
                && self.peek(1).is_some_and(|byte| byte.is_ascii_digit());
            if !(has_exponent && is_signed) {
                return TokenKind::Number;
            }
            self.position += 1;
        }
    }

    fn question_mark(&mut self) -> TokenKind {
        self.position += 1;
        let start = self.position;
        self.skip_while(|byte| byte.is_ascii_digit());
        if self.position == start {
            TokenKind::Parameter
        } else {
            TokenKind::NamedParameter
        }
    }

    fn operator(&mut self, first: u8) -> TokenKind {
        let length = match (first, self.peek(1), self.peek(2)) {
            (b'-', Some(b'>'), Some(b'>')) => 3,
            (b'-', Some(b'>'), _)
            | (b'<', Some(b'=' | b'>' | b'<'), _)
            | (b'>', Some(b'=' | b'>'), _)
            | (b'=' | b'!', Some(b'='), _)
            | (b'|', Some(b'|'), _) => 2,
            _ => 1,
        };
        self.position += length;
        match first {
            b'(' | b'{' => TokenKind::Open,
            b')' | b'}' => TokenKind::Close,
            b',' => TokenKind::Comma,
            b'.' => TokenKind::Dot,
            b';' => TokenKind::Semicolon,
            _ => TokenKind::Operator,
        }
    }
}

/// Whether a byte can be within a name. Every byte of a character beyond ASCII can.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}
