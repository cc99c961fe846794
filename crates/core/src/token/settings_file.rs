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

use super::{Seed, TokenSet};

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
        let seed = self.text(Key::Seed)?;
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
            seed: seed.map(|seed| Seed(seed.to_owned())),
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
    let seed = tokens.seed.as_ref().map(|seed| seed.0.as_str());
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
        (Key::Seed, seed),
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
                 write it as plain text (its option EncryptOauthSettings=false), or name another \
                 file in OAuthSettingsLocation and log in once.",
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use proptest::prelude::*;

    use super::*;

    const COMPLETE: &str = "oauthaccesstoken=at\n\
                            _persist_oauthaccesstoken=at\n\
                            _persist_oauthrefreshtoken=rt\n\
                            _persist_oauthexpiresin=2592000\n\
                            _persist_oauthtokentimestamp=1700000000123\n";

    fn tokens(content: &str) -> Option<TokenSet> {
        SettingsFile::parse(content.as_bytes())
            .unwrap()
            .tokens()
            .unwrap()
    }

    fn some_tokens(content: &str) -> TokenSet {
        tokens(content).unwrap()
    }

    fn defect(content: &[u8]) -> Defect {
        SettingsFile::parse(content)
            .and_then(|file| file.tokens())
            .unwrap_err()
    }

    fn text(file: &SettingsFile) -> String {
        String::from_utf8(file.to_bytes().unwrap().to_vec()).unwrap()
    }

    fn updated(content: &str, tokens: &TokenSet) -> String {
        let mut file = SettingsFile::parse(content.as_bytes()).unwrap();
        file.set_tokens(tokens).unwrap();
        text(&file)
    }

    fn cleared(content: &str) -> String {
        let mut file = SettingsFile::parse(content.as_bytes()).unwrap();
        file.clear_tokens();
        text(&file)
    }

    fn exposed(secret: Option<&SecretString>) -> Option<&str> {
        secret.map(ExposeSecret::expose_secret)
    }

    /// All fields, comparable.
    fn fields(tokens: &TokenSet) -> impl PartialEq + fmt::Debug + use<> {
        (
            exposed(tokens.access_token.as_ref()).map(str::to_owned),
            exposed(tokens.refresh_token.as_ref()).map(str::to_owned),
            (
                tokens.token_type.clone(),
                tokens.scope.clone(),
                tokens.seed.clone(),
            ),
            (tokens.issued_at, tokens.expires_in),
        )
    }

    #[test]
    fn a_file_of_the_established_provider_is_understood() {
        let tokens = some_tokens(COMPLETE);
        assert_eq!(exposed(tokens.access_token.as_ref()), Some("at"));
        assert_eq!(exposed(tokens.refresh_token.as_ref()), Some("rt"));
        assert_eq!(tokens.token_type, "Bearer");
        assert_eq!(tokens.expires_in, Some(Duration::from_hours(720)));
        let since = tokens
            .issued_at
            .unwrap()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!(since.as_millis(), 1_700_000_000_123);
        assert_eq!((tokens.scope, tokens.seed), (None, None));
    }

    #[test]
    fn what_is_written_is_what_the_established_provider_writes() {
        assert_eq!(updated("", &some_tokens(COMPLETE)), COMPLETE);
    }

    #[test]
    fn keys_have_no_case_and_blanks_around_are_no_part() {
        let tokens =
            some_tokens("  OAuthAccessToken = a=b== \r\n_PERSIST_OAuthRefreshToken=\tr\r\n");
        assert_eq!(exposed(tokens.access_token.as_ref()), Some("a=b=="));
        assert_eq!(exposed(tokens.refresh_token.as_ref()), Some("r"));
    }

    #[test]
    fn missing_lines_are_unknown_values() {
        let only_refresh = some_tokens("_persist_oauthrefreshtoken=r");
        assert!(only_refresh.access_token.is_none());
        assert_eq!(
            (only_refresh.expires_in, only_refresh.issued_at),
            (None, None)
        );
        let only_access = some_tokens("oauthaccesstoken=a\n_persist_oauthexpiresin=\n");
        assert!(only_access.refresh_token.is_none());
        assert_eq!(only_access.expires_in, None);
    }

    #[test]
    fn without_any_token_there_is_nothing() {
        for content in [
            "",
            "\n \r\n\t",
            "\u{feff}",
            "# mine\n; and mine\n",
            "theme=dark",
            "oauthaccesstoken=\n_persist_oauthrefreshtoken=   \n_persist_oauthexpiresin=5",
        ] {
            assert!(tokens(content).is_none(), "{content:?}");
        }
    }

    #[test]
    fn of_repeated_keys_the_first_with_a_value_counts_and_one_is_kept() {
        let content = "oauthaccesstoken=\noauthaccesstoken=plain\n_persist_oauthrefreshtoken=1\n\
                       _persist_oauthrefreshtoken=2\n_persist_oauthaccesstoken=persisted";
        let tokens = some_tokens(content);
        assert_eq!(exposed(tokens.access_token.as_ref()), Some("persisted"));
        assert_eq!(exposed(tokens.refresh_token.as_ref()), Some("1"));
        assert_eq!(
            updated(content, &tokens),
            "oauthaccesstoken=persisted\n_persist_oauthrefreshtoken=1\n\
             _persist_oauthaccesstoken=persisted"
        );
        let plain = some_tokens("_persist_oauthaccesstoken= \noauthaccesstoken=plain");
        assert_eq!(exposed(plain.access_token.as_ref()), Some("plain"));
    }

    #[test]
    fn a_life_or_a_timestamp_of_zero_means_expired() {
        for (life, timestamp) in [
            ("0", "1700000000000"),
            ("3600", "0"),
            ("-1", "5"),
            ("", "0"),
        ] {
            let tokens = some_tokens(&format!(
                "oauthaccesstoken=a\n_persist_oauthexpiresin={life}\n\
                 _persist_oauthtokentimestamp={timestamp}"
            ));
            assert_eq!(
                tokens.expires_in,
                Some(Duration::ZERO),
                "{life:?} {timestamp:?}"
            );
        }
    }

    #[test]
    fn enormous_numbers_neither_fail_nor_overflow() {
        let nines = "9".repeat(400);
        let tokens = some_tokens(&format!(
            "oauthaccesstoken=a\n_persist_oauthexpiresin={nines}\n\
             _persist_oauthtokentimestamp={nines}"
        ));
        assert_eq!(tokens.expires_in, Some(Duration::from_secs(MAX_EXPIRES_IN)));
        let end = tokens
            .issued_at
            .unwrap()
            .checked_add(tokens.expires_in.unwrap());
        assert!(end.is_some_and(|end| end > SystemTime::now()));
    }

    #[test]
    fn a_fraction_of_a_second_is_kept_beside_the_whole_seconds() {
        let mut tokens = some_tokens(COMPLETE);
        tokens.expires_in = Some(Duration::from_millis(1500));
        let content = updated(COMPLETE, &tokens);
        assert!(
            content.contains("\n_persist_oauthexpiresin=1\n"),
            "{content}"
        );
        assert!(
            content.ends_with("\n_apilink_expiresin=1.500000000\n"),
            "{content}"
        );
        assert_eq!(some_tokens(&content).expires_in, tokens.expires_in);
        // Another driver has renewed the token and does not know our line.
        let renewed = content.replace("_oauthexpiresin=1\n", "_oauthexpiresin=3600\n");
        assert_eq!(
            some_tokens(&renewed).expires_in,
            Some(Duration::from_hours(1))
        );
    }

    #[test]
    fn numbers_of_other_writers_are_read() {
        for (text, life) in [
            ("3600.0", 3_600_000),
            ("0.25", 250),
            ("007", 7000),
            (" 8 ", 8000),
        ] {
            let tokens = some_tokens(&format!(
                "oauthaccesstoken=a\n_persist_oauthexpiresin={text}"
            ));
            assert_eq!(
                tokens.expires_in,
                Some(Duration::from_millis(life)),
                "{text}"
            );
        }
    }

    #[test]
    fn each_defect_is_told_apart() {
        assert_eq!(defect(b"encrypted:AbCd=="), Defect::Encrypted);
        assert_eq!(
            defect(b"\xef\xbb\xbf\r\n Encrypted:\xff\0"),
            Defect::Encrypted
        );
        assert_eq!(defect(b"oauthaccesstoken=\xff"), Defect::NotUtf8);
        assert_eq!(defect(b"oauthaccesstoken=a\0"), Defect::Nul);
        assert_eq!(defect(b"o\0a\0u\0t\0h\0=\0"), Defect::Nul);
        assert_eq!(defect(&vec![b'\n'; MAX_LEN + 1]), Defect::TooLarge);
        for cut_off in [
            "oauthaccessto",
            "=value",
            "# comment\nnothing\n",
            "{\"a\": 1}",
        ] {
            assert_eq!(
                defect(cut_off.as_bytes()),
                Defect::NoKeyValueLine,
                "{cut_off}"
            );
        }
        for number in [
            "soon", "1e3", "0x10", "1,5", "1.", ".5", "--1", "-", "NaN", "+1", "١",
        ] {
            assert_eq!(
                defect(format!("a=b\n_persist_oauthexpiresin={number}\n").as_bytes()),
                Defect::NotANumber {
                    key: "_persist_oauthexpiresin",
                    line: 2
                },
                "{number}"
            );
        }
        assert_eq!(
            defect(b"_persist_oauthtokentimestamp=yesterday"),
            Defect::NotANumber {
                key: "_persist_oauthtokentimestamp",
                line: 1
            }
        );
        assert_eq!(
            defect(b"oauthaccesstoken=a\r_persist_oauthrefreshtoken=b\r"),
            Defect::ControlCharacter {
                key: "oauthaccesstoken",
                line: 1
            }
        );
    }

    #[test]
    fn a_defect_says_what_to_do_and_shows_no_value() {
        let text = defect(b"_persist_oauthexpiresin=CANARY").to_string();
        assert!(
            text.contains("line 1") && text.contains("log in again"),
            "{text}"
        );
        assert!(!text.contains("CANARY"), "{text}");
        let file = SettingsFile::parse(b"oauthaccesstoken=CANARY").unwrap();
        assert!(!format!("{file:?}").contains("CANARY"));
    }

    #[test]
    fn unknown_lines_stay_as_they_are_and_where_they_are() {
        let content = "\u{feff}# mine\r\n\r\n  Theme = dark \r\noauthaccesstoken=old\r\n\
                       no key here\n_apilink_future=1\r\nlast = one";
        let mut tokens = some_tokens(content);
        tokens.access_token = Some("new".into());
        tokens.scope = Some("a b".into());
        assert_eq!(
            updated(content, &tokens),
            "\u{feff}# mine\r\n\r\n  Theme = dark \r\noauthaccesstoken=new\r\n\
             no key here\n_apilink_future=1\r\nlast = one\r\n\
             _persist_oauthaccesstoken=new\r\n_apilink_scope=a b\r\n"
        );
    }

    #[test]
    fn what_is_no_longer_known_disappears() {
        let mut tokens = some_tokens(COMPLETE);
        tokens.expires_in = None;
        tokens.issued_at = None;
        tokens.refresh_token = None;
        assert_eq!(
            updated(COMPLETE, &tokens),
            "oauthaccesstoken=at\n_persist_oauthaccesstoken=at\n"
        );
    }

    #[test]
    fn clearing_leaves_what_is_not_ours_and_can_be_read_again() {
        assert_eq!(cleared(COMPLETE), "");
        assert_eq!(cleared(&format!("# mine\n{COMPLETE}a=b")), "# mine\na=b");
        let stranger = cleared("not a pair\noauthaccesstoken=a\n");
        assert_eq!(stranger, "oauthaccesstoken=\nnot a pair\n");
        assert!(tokens(&stranger).is_none());
        for unknown in [
            "encrypted: a=b",
            "\n encrypted:c",
            "\u{feff}oauthaccesstoken=d",
        ] {
            let cleared = cleared(&format!("oauthaccesstoken=a\n{unknown}"));
            assert_eq!(cleared, format!("oauthaccesstoken=\n{unknown}"));
            assert!(tokens(&cleared).is_none());
        }
    }

    #[test]
    fn values_that_a_line_cannot_hold_are_refused() {
        for value in ["a\nb", "a\rb", "a\0b", " a", "a\t", "\u{85}"] {
            let mut tokens = some_tokens(COMPLETE);
            tokens.refresh_token = Some(value.into());
            let mut file = SettingsFile::parse(COMPLETE.as_bytes()).unwrap();
            let refused = file.set_tokens(&tokens).unwrap_err();
            assert_eq!(
                refused,
                Defect::Unwritable {
                    key: "_persist_oauthrefreshtoken"
                }
            );
            assert_eq!(text(&file), COMPLETE, "{value:?}");
        }
    }

    #[test]
    fn a_file_that_could_not_be_read_again_is_not_written() {
        let mut file = SettingsFile::default();
        let mut tokens = some_tokens(COMPLETE);
        tokens.access_token = Some("x".repeat(MAX_LEN / 2).into());
        file.set_tokens(&tokens).unwrap();
        assert_eq!(file.to_bytes().unwrap_err(), Defect::TooLarge);
    }

    fn a_value() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("[!-~\u{e9}\u{4e2d}]([ -~\u{e9}\u{2028}]{0,40}[!-~])?")
    }

    prop_compose! {
        fn a_token_set()(
            access_token in a_value(),
            refresh_token in a_value(),
            token_type in a_value(),
            scope in a_value(),
            seed in a_value(),
            issued_at in proptest::option::of(1..=MAX_TIMESTAMP),
            expires_in in proptest::option::of((0..MAX_EXPIRES_IN, 0..1_000_000_000_u32)),
        ) -> TokenSet {
            TokenSet {
                access_token: access_token.map(SecretString::from),
                token_type: token_type.unwrap_or_else(|| "Bearer".into()),
                refresh_token: refresh_token.map(SecretString::from),
                scope,
                issued_at: issued_at
                    .map(|since| SystemTime::UNIX_EPOCH + Duration::from_millis(since)),
                expires_in: expires_in.map(|(seconds, nanos)| Duration::new(seconds, nanos)),
                seed: seed.map(Seed),
            }
        }
    }

    fn a_file() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            proptest::sample::select(Key::ALL.map(Key::name).to_vec()).prop_map(str::to_owned),
            "[a-z #;=]{0,8}",
            "[ \u{feff}]{0,2}(encrypted:|oauthaccesstoken)?",
        ];
        let line = (
            key,
            "[ =]{0,2}",
            "[ -~\u{e9}]{0,8}",
            prop_oneof!["\n", "\r\n"],
        )
            .prop_map(|(key, equals, value, end)| [key, equals, value, end].concat());
        proptest::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
    }

    fn unknown_lines(file: &SettingsFile) -> Vec<String> {
        let unknown = file.lines.iter().filter(|line| line.known_key().is_none());
        unknown
            .map(|line| [line.text.as_str(), line.end].concat())
            .collect()
    }

    proptest! {
        #[test]
        fn any_tokens_come_back_from_any_file(tokens in a_token_set(), content in a_file()) {
            let mut file = SettingsFile::parse(content.as_bytes()).unwrap_or_default();
            let before = unknown_lines(&file);
            file.set_tokens(&tokens).unwrap();
            let after = text(&file);
            let has_token = tokens.access_token.is_some() || tokens.refresh_token.is_some();
            if has_token {
                prop_assert_eq!(fields(&some_tokens(&after)), fields(&tokens));
            }
            let after = SettingsFile::parse(after.as_bytes()).unwrap();
            prop_assert_eq!(before, unknown_lines(&after));
        }

        #[test]
        fn clearing_leaves_no_token(tokens in a_token_set(), content in a_file()) {
            let mut file = SettingsFile::parse(content.as_bytes()).unwrap_or_default();
            file.set_tokens(&tokens).unwrap();
            file.clear_tokens();
            let after = text(&file);
            prop_assert!(SettingsFile::parse(after.as_bytes()).unwrap().tokens().unwrap().is_none());
        }

        #[test]
        fn any_bytes_are_read_or_refused(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(file) = SettingsFile::parse(&content) {
                prop_assert_eq!(file.to_bytes().unwrap().to_vec(), content);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(content in "(_persist_oauthexpiresin|[a-z]{0,3})=\\PC{0,20}\n?") {
            if let Ok(file) = SettingsFile::parse(content.as_bytes()) {
                let _ = file.tokens();
                prop_assert_eq!(text(&file), content);
            }
        }
    }
}
