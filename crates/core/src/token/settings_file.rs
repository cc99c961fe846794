//! The settings file: tokens as plain `key=value` lines.
//!
//! The format is the one of the established provider, so that either driver can take a file over:
//!
//! | key | value |
//! |---|---|
//! | `oauthaccesstoken`, `_persist_oauthaccesstoken` | the access token, twice |
//! | `_persist_oauthrefreshtoken` | the refresh token |
//! | `_persist_oauthexpiresin` | seconds the access token lives |
//! | `_persist_oauthtokentimestamp` | when it was asked for, milliseconds since 1970 |
//! | `_apilink_tokentype`, `_apilink_scope`, `_apilink_seed`, `_apilink_expiresin` | what this library adds |
//!
//! Keys are compared without case; the first `=` splits; blanks around key and value are not part
//! of them; a blank value counts as no value. Of lines that repeat a key the first with a value
//! counts, and `_persist_oauthaccesstoken` counts before `oauthaccesstoken`. Every other line is
//! kept as it is and where it is, comments (`#`, `;`), line ends and a byte order mark included.

use std::fmt;
use std::time::{Duration, SystemTime};

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::{Lineage, TokenSet};

/// The largest settings file that is read or written, in bytes.
pub const MAX_LEN: usize = 1024 * 1024;

/// The longest life of an access token that is told apart, in seconds (317 years). Longer ones
/// count as this long, so that adding a life to a time never overflows.
pub const MAX_EXPIRES_IN: u64 = 10_000_000_000;

/// The latest time that is told apart, in milliseconds since 1970: the end of the year 9999.
pub const MAX_TIMESTAMP: u64 = 253_402_300_799_999;

const BYTE_ORDER_MARK: &str = "\u{feff}";
const DEFAULT_TOKEN_TYPE: &str = "Bearer";

/// A settings file in memory: its lines, known and unknown.
#[derive(Default)]
pub struct SettingsFile {
    byte_order_mark: bool,
    lines: Vec<Line>,
}

struct Line {
    text: Zeroizing<String>,
    end: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    AccessToken,
    PersistAccessToken,
    RefreshToken,
    ExpiresIn,
    Timestamp,
    TokenType,
    Scope,
    Seed,
    ExactExpiresIn,
}

/// Why the content of a settings file cannot be used, or cannot be written. The text (`Display`)
/// continues a sentence that begins with the file's name. It holds no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// It is, or would become, larger than [`MAX_LEN`].
    TooLarge,
    /// It begins with `encrypted:`.
    Encrypted,
    /// It is not UTF-8.
    NotUtf8,
    /// It holds a NUL byte.
    Nul,
    /// It has content, and no line of it is a `key=value` line.
    NoKeyValueLine,
    /// A number is expected and there is something else.
    NotANumber {
        /// The key of the line.
        key: &'static str,
        /// The number of the line, from 1.
        line: usize,
    },
    /// A value holds a control character.
    ControlCharacter {
        /// The key of the line.
        key: &'static str,
        /// The number of the line, from 1.
        line: usize,
    },
    /// A new value holds a line break or another control character, or begins or ends with a
    /// blank: a line cannot hold it.
    Unwritable {
        /// The key the value is for.
        key: &'static str,
    },
}

impl SettingsFile {
    /// Reads the content of a settings file. No content, or nothing but blanks, is a file without
    /// lines to speak of.
    ///
    /// # Errors
    /// The [`Defect`] of the file as a whole; single values are looked at by
    /// [`SettingsFile::tokens`].
    pub fn parse(content: &[u8]) -> Result<Self, Defect> {
        if content.len() > MAX_LEN {
            return Err(Defect::TooLarge);
        }
        if is_encrypted(content) {
            return Err(Defect::Encrypted);
        }
        if content.contains(&0) {
            return Err(Defect::Nul);
        }
        let text = std::str::from_utf8(content).map_err(|_| Defect::NotUtf8)?;
        let (byte_order_mark, text) = match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let file = Self {
            byte_order_mark,
            lines: text.split_inclusive('\n').map(Line::read).collect(),
        };
        if file.is_unrecognisable() {
            Err(Defect::NoKeyValueLine)
        } else {
            Ok(file)
        }
    }

    /// The tokens in the file; `None` where there is neither an access token nor a refresh token.
    ///
    /// A missing line means that the value is not known. A life or a timestamp of 0 says that the
    /// access token has expired: its life is then 0.
    ///
    /// # Errors
    /// [`Defect::NotANumber`] and [`Defect::ControlCharacter`], with the line.
    pub fn tokens(&self) -> Result<Option<TokenSet>, Defect> {
        let access_token = match self.text(Key::PersistAccessToken)? {
            Some(token) => Some(token),
            None => self.text(Key::AccessToken)?,
        };
        let refresh_token = self.text(Key::RefreshToken)?;
        let timestamp = self.number(Key::Timestamp)?.map(Decimal::as_milliseconds);
        let expires_in = if timestamp == Some(Duration::ZERO) {
            Some(Duration::ZERO)
        } else {
            self.expires_in()?
        };
        let token_type = self.text(Key::TokenType)?.unwrap_or(DEFAULT_TOKEN_TYPE);
        let scope = self.text(Key::Scope)?;
        let lineage = self.text(Key::Seed)?;
        if access_token.is_none() && refresh_token.is_none() {
            return Ok(None);
        }
        Ok(Some(TokenSet {
            access_token: access_token.map(SecretString::from),
            token_type: token_type.to_owned(),
            refresh_token: refresh_token.map(SecretString::from),
            scope: scope.map(str::to_owned),
            issued_at: timestamp.map(|since| SystemTime::UNIX_EPOCH + since),
            expires_in,
            lineage: lineage.map(Lineage::of_words).unwrap_or_default(),
        }))
    }

    /// Puts `tokens` into the file in place of those that were in it.
    ///
    /// # Errors
    /// [`Defect::Unwritable`]; the file is then unchanged.
    pub fn set_tokens(&mut self, tokens: &TokenSet) -> Result<(), Defect> {
        self.replace_known_lines(new_values(tokens)?);
        Ok(())
    }

    /// Removes the tokens and all that is known about them.
    pub fn clear_tokens(&mut self) {
        self.replace_known_lines(Vec::new());
    }

    /// The content to write.
    ///
    /// # Errors
    /// [`Defect::TooLarge`]: it could not be read again.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Defect> {
        let mark = if self.byte_order_mark {
            BYTE_ORDER_MARK
        } else {
            ""
        };
        let parts = || {
            let lines = self
                .lines
                .iter()
                .flat_map(|line| [line.text.as_str(), line.end]);
            std::iter::once(mark).chain(lines)
        };
        let len = parts().map(str::len).sum();
        if len > MAX_LEN {
            return Err(Defect::TooLarge);
        }
        // One allocation of the right size: growing would leave copies of secrets behind.
        let mut content = Zeroizing::new(Vec::with_capacity(len));
        for part in parts() {
            content.extend_from_slice(part.as_bytes());
        }
        Ok(content)
    }

    /// Whether there is content that does not look like a settings file. Comments alone do.
    fn is_unrecognisable(&self) -> bool {
        let mut content = self
            .lines
            .iter()
            .filter(|line| !line.is_blank_or_comment())
            .peekable();
        content.peek().is_some() && !content.any(|line| line.key_and_value().is_some())
    }

    /// Whether a line that was elsewhere before would now say something about the whole file.
    fn begins_misleadingly(&self) -> bool {
        let mut lines = self.lines.iter().map(|line| line.text.as_str());
        let has_mark = lines
            .clone()
            .next()
            .is_some_and(|line| line.starts_with(BYTE_ORDER_MARK));
        let content = lines.find(|line| !line.trim_ascii().is_empty());
        (has_mark && !self.byte_order_mark)
            || content.is_some_and(|line| begins_encrypted(line.as_bytes()))
    }

    fn expires_in(&self) -> Result<Option<Duration>, Defect> {
        let whole = self.number(Key::ExpiresIn)?.map(Decimal::as_seconds);
        let exact = self.number(Key::ExactExpiresIn)?.map(Decimal::as_seconds);
        // Where the seconds differ, another driver has renewed the token and left our line alone.
        Ok(match (whole, exact) {
            (Some(whole), Some(exact)) if whole.as_secs() == exact.as_secs() => Some(exact),
            (whole, _) => whole,
        })
    }

    fn number(&self, key: Key) -> Result<Option<Decimal>, Defect> {
        self.find(key)
            .map(|(line, value)| {
                Decimal::parse(value).ok_or(Defect::NotANumber {
                    key: key.name(),
                    line,
                })
            })
            .transpose()
    }

    fn text(&self, key: Key) -> Result<Option<&str>, Defect> {
        match self.find(key) {
            Some((line, value)) if value.contains(char::is_control) => {
                Err(Defect::ControlCharacter {
                    key: key.name(),
                    line,
                })
            }
            found => Ok(found.map(|(_, value)| value)),
        }
    }

    /// The first line with a value for `key`: its number and the value.
    fn find(&self, key: Key) -> Option<(usize, &str)> {
        self.lines.iter().zip(1..).find_map(|(line, number)| {
            let (name, value) = line.key_and_value()?;
            (Key::of(name) == Some(key) && !value.is_empty()).then_some((number, value))
        })
    }

    fn replace_known_lines(&mut self, mut values: Vec<(Key, Zeroizing<String>)>) {
        let line_end = self.line_end();
        self.lines.retain_mut(|line| {
            let Some(key) = line.known_key() else {
                return true;
            };
            let Some(index) = values.iter().position(|(wanted, _)| *wanted == key) else {
                return false;
            };
            let (_, value) = values.remove(index);
            *line = Line::new(key, &value, line.end);
            true
        });
        for (key, value) in &values {
            self.append(Line::new(*key, value, line_end));
        }
        // What stays must be read as what it was, also where it comes first only now.
        if self.is_unrecognisable() || self.begins_misleadingly() {
            self.lines
                .insert(0, Line::new(Key::AccessToken, "", line_end));
        }
    }

    fn append(&mut self, line: Line) {
        let line_end = self.line_end();
        if let Some(last) = self.lines.last_mut().filter(|last| last.end.is_empty()) {
            last.end = line_end;
        }
        self.lines.push(line);
    }

    /// The line end of the file: the one of its first line.
    fn line_end(&self) -> &'static str {
        self.lines
            .first()
            .map(|line| line.end)
            .filter(|end| !end.is_empty())
            .unwrap_or("\n")
    }
}

impl fmt::Debug for SettingsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsFile")
            .field("lines", &self.lines.len())
            .finish_non_exhaustive()
    }
}

impl Line {
    fn new(key: Key, value: &str, end: &'static str) -> Self {
        Self {
            text: Zeroizing::new([key.name(), "=", value].concat()),
            end,
        }
    }

    fn read(line: &str) -> Self {
        let (text, end) = if let Some(text) = line.strip_suffix("\r\n") {
            (text, "\r\n")
        } else if let Some(text) = line.strip_suffix('\n') {
            (text, "\n")
        } else {
            (line, "")
        };
        Self {
            text: Zeroizing::new(text.to_owned()),
            end,
        }
    }

    fn is_blank_or_comment(&self) -> bool {
        let text = self.text.trim_start();
        text.is_empty() || text.starts_with(['#', ';'])
    }

    fn key_and_value(&self) -> Option<(&str, &str)> {
        if self.is_blank_or_comment() {
            return None;
        }
        let (key, value) = self.text.split_once('=')?;
        let key = key.trim();
        (!key.is_empty()).then_some((key, value.trim()))
    }

    fn known_key(&self) -> Option<Key> {
        Key::of(self.key_and_value()?.0)
    }
}

impl Key {
    const ALL: [Self; 9] = [
        Self::AccessToken,
        Self::PersistAccessToken,
        Self::RefreshToken,
        Self::ExpiresIn,
        Self::Timestamp,
        Self::TokenType,
        Self::Scope,
        Self::Seed,
        Self::ExactExpiresIn,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "oauthaccesstoken",
            Self::PersistAccessToken => "_persist_oauthaccesstoken",
            Self::RefreshToken => "_persist_oauthrefreshtoken",
            Self::ExpiresIn => "_persist_oauthexpiresin",
            Self::Timestamp => "_persist_oauthtokentimestamp",
            Self::TokenType => "_apilink_tokentype",
            Self::Scope => "_apilink_scope",
            Self::Seed => "_apilink_seed",
            Self::ExactExpiresIn => "_apilink_expiresin",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|key| key.name().eq_ignore_ascii_case(name))
    }
}

/// A number as other drivers may write it: decimal digits, perhaps with a fraction. Numbers below
/// zero are taken as zero: both say that a token has expired.
#[derive(Clone, Copy)]
struct Decimal {
    whole: u64,
    nanos: u32,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        if !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        if negative {
            return Some(Self { whole: 0, nanos: 0 });
        }
        let nanos = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
        Some(Self {
            // Digits alone can only fail by being too many.
            whole: whole.parse().unwrap_or(u64::MAX),
            nanos: nanos.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')),
        })
    }

    fn as_seconds(self) -> Duration {
        Duration::new(self.whole, self.nanos).min(Duration::from_secs(MAX_EXPIRES_IN))
    }

    fn as_milliseconds(self) -> Duration {
        Duration::from_millis(self.whole.min(MAX_TIMESTAMP))
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_encrypted(content: &[u8]) -> bool {
    begins_encrypted(
        content
            .strip_prefix(BYTE_ORDER_MARK.as_bytes())
            .unwrap_or(content),
    )
}

fn begins_encrypted(content: &[u8]) -> bool {
    const PREFIX: &[u8] = b"encrypted:";
    let start = content.trim_ascii_start().get(..PREFIX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// The lines that `tokens` make, in the order in which they are added to a new file.
fn new_values(tokens: &TokenSet) -> Result<Vec<(Key, Zeroizing<String>)>, Defect> {
    let access_token = tokens
        .access_token
        .as_ref()
        .map(ExposeSecret::expose_secret);
    let refresh_token = tokens
        .refresh_token
        .as_ref()
        .map(ExposeSecret::expose_secret);
    let token_type = Some(tokens.token_type.trim()).filter(|kind| *kind != DEFAULT_TOKEN_TYPE);
    let scope = tokens.scope.as_deref().map(str::trim);
    let lineage = tokens.lineage.words();
    let expires_in = tokens.expires_in.map(whole_seconds);
    let exact_expires_in = tokens.expires_in.and_then(with_fraction);
    let timestamp = tokens.issued_at.map(timestamp);
    let values = [
        (Key::AccessToken, access_token),
        (Key::PersistAccessToken, access_token),
        (Key::RefreshToken, refresh_token),
        (Key::ExpiresIn, expires_in.as_deref()),
        (Key::Timestamp, timestamp.as_deref()),
        (Key::TokenType, token_type),
        (Key::Scope, scope),
        (Key::Seed, lineage.as_deref()),
        (Key::ExactExpiresIn, exact_expires_in.as_deref()),
    ];
    let present = values
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.filter(|v| !v.is_empty())?)));
    present
        .map(|(key, value)| writable(key, value).map(|value| (key, value)))
        .collect()
}

fn writable(key: Key, value: &str) -> Result<Zeroizing<String>, Defect> {
    if value.contains(char::is_control) || value.trim() != value {
        return Err(Defect::Unwritable { key: key.name() });
    }
    Ok(Zeroizing::new(value.to_owned()))
}

/// Rounded down: another driver must not think that the token lives longer than it does.
fn whole_seconds(life: Duration) -> String {
    life.as_secs().min(MAX_EXPIRES_IN).to_string()
}

fn with_fraction(life: Duration) -> Option<String> {
    let fraction = life.subsec_nanos();
    (fraction != 0 && life.as_secs() < MAX_EXPIRES_IN)
        .then(|| format!("{}.{fraction:09}", life.as_secs()))
}

fn timestamp(time: SystemTime) -> String {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    since.as_millis().min(u128::from(MAX_TIMESTAMP)).to_string()
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DELETE: &str =
            "Delete the file and log in again, or name another file in OAuthSettingsLocation";
        match self {
            Self::TooLarge => write!(
                f,
                "is larger than {MAX_LEN} bytes, so it is not a settings file. Name another file \
                 in OAuthSettingsLocation."
            ),
            Self::Encrypted => f.write_str(
                "is encrypted, and only the driver that wrote it can read it. Let that driver \
                 write it as plain text (its property Other='EncryptOauthSettings=false'), or name \
                 another file in OAuthSettingsLocation and log in once.",
            ),
            Self::NotUtf8 => write!(
                f,
                "is not UTF-8 text. Save it as UTF-8 if an editor wrote it. {DELETE} if it is \
                 damaged."
            ),
            Self::Nul => write!(
                f,
                "holds NUL bytes: it is damaged, or was saved as UTF-16. Save it as UTF-8 if an \
                 editor wrote it. {DELETE} if it is damaged."
            ),
            Self::NoKeyValueLine => write!(
                f,
                "has no line of the form key=value: it is cut off, damaged, or not a settings \
                 file. {DELETE}."
            ),
            Self::NotANumber { key, line } => {
                write!(
                    f,
                    "is damaged: in line {line}, the value of {key} is not a number. {DELETE}."
                )
            }
            Self::ControlCharacter { key, line } => write!(
                f,
                "is damaged: in line {line}, the value of {key} holds a control character. {DELETE}."
            ),
            Self::Unwritable { key } => write!(
                f,
                "was not written: the new value of {key} holds a line break or another control \
                 character, or begins or ends with a blank. The authorization server sent a value \
                 that a settings file cannot hold; use OAuthSettingsLocation=memory://ID."
            ),
        }
    }
}

impl std::error::Error for Defect {}

#[cfg(test)]
mod tests;
