//! The profile of a service: its regions, OAuth habits, paging and rate limits, as data.
//!
//! Version 1 of the format is described in `docs/profiles.md`. The profile of Clio is built in.

pub mod tables;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use url::Url;

use crate::error::{Diagnostic, Result, SqlState};
use crate::process::PerProcess;
use crate::region;
use tables::{CustomFieldsProfile, Table};

/// The version of the profile format that this library reads.
pub const FORMAT: u32 = 1;

/// The key that marks a file as a profile of ours, and holds its format version.
const FORMAT_KEY: &str = "apilink_profile";

/// The stem for which the built-in profile stands in.
const BUILT_IN_STEM: &str = "Clio";

/// The extension that may be left out of the Profile property.
const EXTENSION: &str = ".apip";

/// A larger file is not a profile.
const MAX_FILE_SIZE: u64 = 4 << 20;

/// A service, as data. Values are checked when a profile is read: paths begin with `/`, hosts are
/// host names, and the default region exists.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// `apilink_profile`: the version of the format, [`FORMAT`].
    #[serde(rename = "apilink_profile")]
    pub format: u32,
    /// The name of the service, for messages and for the name of the token file. Letters, digits,
    /// blanks, `-`, `_` and `.`.
    pub name: String,
    /// The regions of the service, at least one.
    pub regions: Vec<RegionEntry>,
    /// The name of the region that is used when none is given.
    pub default_region: String,
    /// How tokens are obtained.
    pub oauth: OAuthProfile,
    /// Where the API is and what it wants to be told.
    pub api: ApiProfile,
    /// How the service announces its rate limit.
    pub rate_limit: RateLimitProfile,
    /// What is tried again, and how often.
    pub retry: RetryProfile,
    /// How lists are read page by page.
    pub paging: PagingProfile,
    /// Where error replies hold their parts.
    pub errors: ErrorsProfile,
    /// The fields that accounts have added, if the service has such.
    #[serde(default)]
    pub custom_fields: Option<CustomFieldsProfile>,
    /// The tables; see [`Profile::tables`].
    #[serde(default)]
    tables: Tables,
}

/// Where a profile has its tables.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Vec<Table>")]
enum Tables {
    /// They were read with the profile.
    Read(Vec<Table>),
    /// They are built in, and read when they are first asked for: a program that never asks does
    /// not pay for them.
    BuiltIn(OnceLock<Vec<Table>>),
}

impl Default for Tables {
    fn default() -> Self {
        Self::Read(Vec::new())
    }
}

impl From<Vec<Table>> for Tables {
    fn from(tables: Vec<Table>) -> Self {
        Self::Read(tables)
    }
}

/// One region of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionEntry {
    /// Its short name, as in `Region=US`.
    pub name: String,
    /// Other names for it. Compared without case, like the name.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Its host name, with `:PORT` if it is not 443. It is reached by https.
    pub host: String,
}

/// How tokens are obtained. Paths are on the region's host.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuthProfile {
    /// The authorization endpoint (RFC 6749 §3.1).
    pub authorization_path: String,
    /// The token endpoint (RFC 6749 §3.2).
    pub token_path: String,
    /// The revocation endpoint (RFC 7009), if there is one.
    #[serde(default)]
    pub revocation_path: Option<String>,
    /// What authorizes a revocation.
    #[serde(default)]
    pub revocation_authorization: RevocationAuthorization,
    /// A page that shows the code to the person, usable as redirect URI on machines without a
    /// browser, if there is one.
    #[serde(default)]
    pub out_of_band_path: Option<String>,
    /// More parameters of the authorization request.
    #[serde(default)]
    pub authorization_parameters: BTreeMap<String, String>,
    /// How the client proves who it is to the token endpoint.
    pub client_authentication: ClientAuthentication,
    /// Whether a proof key is sent.
    pub pkce: Pkce,
    /// How many seconds before its end a token is refreshed. At most a tenth of the token's life
    /// is used.
    pub refresh_margin_seconds: u64,
    /// The scope that is asked for when the Scope property is not given.
    #[serde(default)]
    pub default_scope: Option<String>,
}

/// How the client proves who it is to the token endpoint (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuthentication {
    /// `client_id` and `client_secret` in the form.
    Body,
    /// An `Authorization: Basic` header.
    Basic,
}

/// What authorizes a revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevocationAuthorization {
    /// The client, as at the token endpoint (RFC 7009 §2.1). The refresh token is revoked if there
    /// is one, and the access token with it.
    #[default]
    Client,
    /// The access token, which is the one that is revoked.
    Token,
}

/// The proof key for code exchange (RFC 7636).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Pkce {
    /// No proof key.
    #[serde(rename = "off")]
    Off,
    /// `code_challenge_method=S256`; a client secret is then optional.
    S256,
}

/// Where the API is and what it wants to be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiProfile {
    /// The path below which relative request paths lie, without a `/` at its end. Empty: the root.
    pub base_path: String,
    /// A header that pins the version of the API, if the service has one.
    #[serde(default)]
    pub version_header: Option<HeaderField>,
    /// What relative request paths end with, if they do not already.
    #[serde(default)]
    pub path_suffix: Option<String>,
    /// The request that tells who is logged in, if there is one.
    #[serde(default)]
    pub identity: Option<IdentityProfile>,
}

/// A header with its value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderField {
    /// The name of the header.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The request that tells who is logged in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProfile {
    /// Its path, relative to [`ApiProfile::base_path`].
    pub path: String,
    /// The value of its `fields` parameter.
    pub fields: String,
}

/// How the service announces its rate limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitProfile {
    /// The length of a window in seconds, 1 to 86,400.
    pub window_seconds: u64,
    /// The header with the number of requests allowed in a window.
    pub limit_header: String,
    /// The header with the number of requests left in this window.
    pub remaining_header: String,
    /// The header with the Unix time in seconds at which the next window begins.
    pub reset_header: String,
}

/// What is tried again, and how often.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryProfile {
    /// The HTTP statuses after which a request is sent again.
    pub statuses: Vec<u16>,
    /// How many times a request is sent in all, 1 to 20.
    pub attempts: u32,
    /// The wait before the second attempt in milliseconds; it doubles with each further one.
    pub base_milliseconds: u64,
    /// The longest wait in milliseconds, at most 600,000.
    pub cap_milliseconds: u64,
}

/// How lists are read page by page. Pointers are JSON Pointers (RFC 6901).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PagingProfile {
    /// Where a reply holds the URL of the next page.
    pub next_pointer: String,
    /// Where a reply holds the number of all records.
    pub records_pointer: String,
    /// Where a reply holds its records.
    pub data_pointer: String,
    /// The parameter that asks for a page size.
    pub page_size_parameter: String,
    /// The page size to ask for, at least 1.
    pub page_size: u32,
    /// The parameter that names a page.
    pub token_parameter: String,
    /// The parameter that asks for an order.
    pub order_parameter: String,
    /// The order in which a list can be read to its end.
    pub order_value: String,
    /// The parameter that names the wanted fields, with those of an object in braces:
    /// `id,client{id,name}`.
    #[serde(default)]
    pub fields_parameter: Option<String>,
    /// The parameter that says how many records to leave out at the beginning.
    #[serde(default)]
    pub offset_parameter: Option<String>,
    /// The number of records that can be reached by [`PagingProfile::offset_parameter`].
    #[serde(default)]
    pub offset_end: u64,
    /// How an ascending order is written, with `{}` for its name.
    #[serde(default)]
    pub ascending: Option<String>,
    /// How a descending order is written, with `{}` for its name.
    #[serde(default)]
    pub descending: Option<String>,
}

/// Where error replies hold their parts: JSON Pointers, tried in order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorsProfile {
    /// Where the kind of an error is.
    pub type_pointers: Vec<String>,
    /// Where the text of an error is.
    pub message_pointers: Vec<String>,
}

/// What the Profile property chose.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The profile.
    pub profile: Arc<Profile>,
    /// 01000, if the built-in profile stands in for a file that is there.
    pub warning: Option<Diagnostic>,
}

impl Profile {
    /// The built-in profile of Clio Manage.
    #[must_use]
    pub fn built_in_clio() -> Arc<Self> {
        static BUILT_IN: PerProcess<Arc<Profile>> = PerProcess::new(read_built_in);
        Arc::clone(&BUILT_IN.get())
    }

    /// The tables of the service, sorted by name in the built-in profile.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        match &self.tables {
            Tables::Read(tables) => tables,
            Tables::BuiltIn(tables) => tables.get_or_init(read_built_in_tables),
        }
    }

    /// Reads a profile. `path` is the file it came from, for messages.
    ///
    /// # Errors
    /// HY024 for text that is not JSON, for unknown, missing or ill-typed members (with line and
    /// column), and for values that are not allowed (with the JSON path).
    pub fn from_json(text: &str, path: &Path) -> Result<Self> {
        let profile: Self = parse(text).map_err(|problem| invalid(path, &problem))?;
        profile.check().map_err(|problem| invalid(path, &problem))?;
        Ok(profile)
    }

    /// Whether a value of the Profile property is the bare name of the built-in profile. It is never
    /// a file then: the working directory may hold files of others, and a profile says where
    /// secrets go.
    pub(crate) fn is_built_in_name(value: &str) -> bool {
        value.trim().eq_ignore_ascii_case(BUILT_IN_STEM)
    }

    /// Finds the profile that the Profile property names: a file, a file without its extension
    /// `.apip`, or a directory. Where there is none and the stem is `Clio`, the built-in profile is
    /// it, whatever directory is named, with `/` or `\`; also where there is a file of that stem
    /// in a foreign format, with a warning.
    ///
    /// # Errors
    /// HY024 if there is no such profile, or if it cannot be read or is not valid.
    pub fn select(named: &Path) -> Result<Selection> {
        let Some(path) = find(named)? else {
            return if is_built_in(named) {
                Ok(Selection {
                    profile: Self::built_in_clio(),
                    warning: None,
                })
            } else {
                Err(not_found(named))
            };
        };
        match read(&path)? {
            Some(text) => Self::from_json(&text, &path).map(|profile| Selection {
                profile: Arc::new(profile),
                warning: None,
            }),
            None if is_built_in(&path) => Ok(Selection {
                profile: Self::built_in_clio(),
                warning: Some(stands_in(&path)),
            }),
            None => Err(foreign(&path)),
        }
    }
}

#[allow(clippy::expect_used, reason = "compiled in, and read by a test")]
fn read_built_in() -> Arc<Profile> {
    let text = include_str!("../../../../profiles/clio/profile.json");
    let profile = Profile::from_json(text, Path::new("profiles/clio/profile.json"));
    let mut profile = profile.expect("the built-in profile is valid");
    profile.tables = Tables::BuiltIn(OnceLock::new());
    Arc::new(profile)
}

#[allow(clippy::expect_used, reason = "compiled in, and read by a test")]
fn read_built_in_tables() -> Vec<Table> {
    let text = include_str!("../../../../profiles/clio/tables.json");
    serde_json::from_str(text).expect("the built-in tables are valid")
}

/// The file that `named` means, if there is one.
fn find(named: &Path) -> Result<Option<PathBuf>> {
    let mut with_extension = named.as_os_str().to_owned();
    with_extension.push(EXTENSION);
    let with_extension = PathBuf::from(with_extension);
    for candidate in [named, &with_extension] {
        if kind(candidate)?.is_some_and(|kind| !kind.is_dir()) {
            return Ok(Some(candidate.to_owned()));
        }
    }
    if kind(named)?.is_some() {
        find_in_directory(named)
    } else {
        Ok(None)
    }
}

/// The type of a file; `None` if there is no such file.
fn kind(path: &Path) -> Result<Option<fs::FileType>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.file_type())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// `profile.json`, or the only `.apip` file of a directory.
fn find_in_directory(directory: &Path) -> Result<Option<PathBuf>> {
    let own = directory.join("profile.json");
    if kind(&own)?.is_some() {
        return Ok(Some(own));
    }
    let entries = fs::read_dir(directory).map_err(|error| unreadable(directory, &error))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("apip"))
        })
        .collect();
    if found.len() > 1 {
        return Err(Diagnostic::invalid_value(format!(
            "Profile: {} holds several profiles. Name one of the files in it.",
            quoted(directory)
        )));
    }
    Ok(found.pop())
}

/// Whether the built-in profile answers to this name. Both separators count everywhere, because
/// the same connection string is used on every platform.
fn is_built_in(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let name = text
        .trim_end_matches(['/', '\\'])
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default();
    let stem = match name.split_at_checked(name.len().saturating_sub(EXTENSION.len())) {
        Some((stem, extension)) if extension.eq_ignore_ascii_case(EXTENSION) => stem,
        _ => name,
    };
    stem.eq_ignore_ascii_case(BUILT_IN_STEM)
}

/// The text of a profile of ours; `None` for a file in another format.
fn read(path: &Path) -> Result<Option<String>> {
    let bytes = read_bounded(path).map_err(|error| unreadable(path, &error))?;
    Ok(String::from_utf8(bytes).ok().filter(|text| is_ours(text)))
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe or a device could keep the caller waiting for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE_SIZE)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a text means to be a profile of ours. A mistake in the JSON must not make it look like
/// a foreign one, so this does not parse it.
fn is_ours(text: &str) -> bool {
    let begins_as_object = without_bom(text).trim_start().starts_with('{');
    begins_as_object && text.contains(&format!("\"{FORMAT_KEY}\""))
}

fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn parse(text: &str) -> std::result::Result<Profile, String> {
    #[derive(Deserialize)]
    struct Version {
        apilink_profile: u32,
    }

    let text = without_bom(text);
    // First, so that a newer format is named as such and not by its unknown members.
    let version: Version = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if version.apilink_profile != FORMAT {
        return Err(format!(
            "/{FORMAT_KEY} is {}, and this version of apilink reads format {FORMAT}",
            version.apilink_profile
        ));
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// A path for a message. It is left out where it holds a `=`: then a `;` may be missing in the
/// connection string, and what follows may be a secret.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.contains('=') {
        return "the path (which holds a =; is there a ; missing before it?)".to_owned();
    }
    format!("\"{}\"", text.replace(char::is_control, "?"))
}

fn invalid(path: &Path, problem: &str) -> Diagnostic {
    Diagnostic::invalid_value(format!("Profile {}: {problem}.", quoted(path)))
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::invalid_value(format!(
        "Profile: {} could not be read: {error}.",
        quoted(path)
    ))
}

fn not_found(path: &Path) -> Diagnostic {
    Diagnostic::invalid_value(format!(
        "Profile: there is no file at {}. Name a file in apilink's profile format, or write \
         Profile=Clio for the built-in profile.",
        quoted(path)
    ))
}

fn foreign(path: &Path) -> Diagnostic {
    Diagnostic::invalid_value(format!(
        "Profile: {} is not in apilink's profile format, a JSON object with the key \
         \"{FORMAT_KEY}\". Profiles in other formats are not read; the profile of Clio is built \
         in: write Profile=Clio.",
        quoted(path)
    ))
}

fn stands_in(path: &Path) -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_WARNING,
        format!(
            "Profile: {} is not in apilink's profile format. The built-in profile of Clio is used \
             in its place.",
            quoted(path)
        ),
    )
}

/// A condition that a profile must meet, the JSON path it is about, and what is wanted there.
type Rule<'a> = (bool, String, &'a str);

impl Profile {
    fn check(&self) -> std::result::Result<(), String> {
        let rules = [
            self.own_rules(),
            self.region_rules(),
            self.oauth.rules(),
            self.api.rules(),
            self.rate_limit.rules(),
            self.retry.rules(),
            self.paging.rules(),
            self.errors.rules(),
        ];
        match rules.into_iter().flatten().find(|(met, _, _)| !met) {
            Some((_, place, wanted)) => Err(format!("{place} must be {wanted}")),
            None => Ok(()),
        }
    }

    fn own_rules(&self) -> Vec<Rule<'static>> {
        let default_exists = self
            .regions
            .iter()
            .any(|region| region.name == self.default_region);
        vec![
            (
                is_name(&self.name),
                "/name".into(),
                "1 to 64 letters, digits, blanks, \"-\", \"_\" or \".\", beginning with a letter \
                 or digit",
            ),
            (
                !self.regions.is_empty(),
                "/regions".into(),
                "a list with at least one region",
            ),
            (
                default_exists,
                "/default_region".into(),
                "the name of one of the regions",
            ),
        ]
    }

    fn region_rules(&self) -> Vec<Rule<'static>> {
        let mut seen = HashSet::new();
        let mut rules = Vec::new();
        for (index, region) in self.regions.iter().enumerate() {
            let place = |member: &str| format!("/regions/{index}/{member}");
            rules.push((
                is_name(&region.name),
                place("name"),
                "letters, digits and blanks",
            ));
            rules.push((
                !region.name.eq_ignore_ascii_case(region::LOCAL),
                place("name"),
                "another name than \"local\", which is kept for servers on this machine",
            ));
            rules.push((
                is_host(&region.host),
                place("host"),
                "a host name, as in app.clio.com",
            ));
            let names = std::iter::once(&region.name)
                .chain(&region.aliases)
                .chain([&region.host]);
            for name in names {
                let fresh = seen.insert(name.to_ascii_lowercase());
                rules.push((
                    fresh,
                    place("name"),
                    "unlike the names and hosts of other regions",
                ));
            }
        }
        rules
    }
}

impl OAuthProfile {
    fn rules(&self) -> Vec<Rule<'static>> {
        const PATH: &str = "a path that begins with a single \"/\", without query";
        let set_by_us = [
            "response_type",
            "client_id",
            "redirect_uri",
            "state",
            "scope",
            "code_challenge",
            "code_challenge_method",
        ];
        let parameters = &self.authorization_parameters;
        vec![
            (
                is_path(&self.authorization_path),
                "/oauth/authorization_path".into(),
                PATH,
            ),
            (is_path(&self.token_path), "/oauth/token_path".into(), PATH),
            (
                is_path_or_none(self.revocation_path.as_ref()),
                "/oauth/revocation_path".into(),
                PATH,
            ),
            (
                is_path_or_none(self.out_of_band_path.as_ref()),
                "/oauth/out_of_band_path".into(),
                PATH,
            ),
            (
                parameters
                    .keys()
                    .all(|key| !key.is_empty() && !set_by_us.contains(&key.as_str())),
                "/oauth/authorization_parameters".into(),
                "free of empty names and of the parameters that apilink sets itself",
            ),
            (
                self.refresh_margin_seconds <= 86_400,
                "/oauth/refresh_margin_seconds".into(),
                "0 to 86400",
            ),
        ]
    }
}

impl ApiProfile {
    fn rules(&self) -> Vec<Rule<'static>> {
        let base_path = &self.base_path;
        let mut rules = vec![(
            base_path.is_empty() || (is_path(base_path) && !base_path.ends_with('/')),
            "/api/base_path".into(),
            "empty, or a path that begins with a single \"/\" and does not end with one",
        )];
        if let Some(HeaderField { name, value }) = &self.version_header {
            rules.push((
                is_header(name),
                "/api/version_header/name".into(),
                "a header name",
            ));
            rules.push((
                http::HeaderValue::from_str(value).is_ok(),
                "/api/version_header/value".into(),
                "a header value",
            ));
        }
        if let Some(suffix) = &self.path_suffix {
            let plain = !suffix.is_empty() && is_plain_path(suffix) && !suffix.contains('/');
            rules.push((
                plain,
                "/api/path_suffix".into(),
                "text as in \".json\", without \"/\"",
            ));
        }
        if let Some(identity) = &self.identity {
            let relative = !identity.path.is_empty() && !identity.path.starts_with('/');
            rules.push((
                relative && is_plain_path(&identity.path),
                "/api/identity/path".into(),
                "a path without \"/\" at its beginning and without query",
            ));
        }
        rules
    }
}

impl RateLimitProfile {
    fn rules(&self) -> Vec<Rule<'static>> {
        let header = |name: &str, member: &str| -> Rule<'static> {
            (
                is_header(name),
                format!("/rate_limit/{member}"),
                "a header name",
            )
        };
        vec![
            (
                (1..=86_400).contains(&self.window_seconds),
                "/rate_limit/window_seconds".into(),
                "1 to 86400",
            ),
            header(&self.limit_header, "limit_header"),
            header(&self.remaining_header, "remaining_header"),
            header(&self.reset_header, "reset_header"),
        ]
    }
}

impl RetryProfile {
    fn rules(&self) -> Vec<Rule<'static>> {
        vec![
            (
                self.statuses
                    .iter()
                    .all(|status| (500..=599).contains(status)),
                "/retry/statuses".into(),
                "a list of HTTP statuses from 500 to 599",
            ),
            (
                (1..=20).contains(&self.attempts),
                "/retry/attempts".into(),
                "1 to 20",
            ),
            (
                self.base_milliseconds <= self.cap_milliseconds,
                "/retry/base_milliseconds".into(),
                "at most /retry/cap_milliseconds",
            ),
            (
                self.cap_milliseconds <= 600_000,
                "/retry/cap_milliseconds".into(),
                "at most 600000",
            ),
        ]
    }
}

impl PagingProfile {
    fn rules(&self) -> Vec<Rule<'static>> {
        let pointers = [
            (&self.next_pointer, "next_pointer"),
            (&self.records_pointer, "records_pointer"),
            (&self.data_pointer, "data_pointer"),
        ];
        let names = [
            (&self.page_size_parameter, "page_size_parameter"),
            (&self.token_parameter, "token_parameter"),
            (&self.order_parameter, "order_parameter"),
        ];
        let mut rules = vec![(
            (1..=100_000).contains(&self.page_size),
            "/paging/page_size".into(),
            "1 to 100000",
        )];
        for (value, member) in pointers {
            rules.push((is_pointer(value), format!("/paging/{member}"), JSON_POINTER));
        }
        for (value, member) in names {
            rules.push((
                !value.is_empty(),
                format!("/paging/{member}"),
                "the name of a parameter",
            ));
        }
        rules
    }
}

impl ErrorsProfile {
    fn rules(&self) -> Vec<Rule<'static>> {
        let lists = [
            (&self.type_pointers, "type"),
            (&self.message_pointers, "message"),
        ];
        lists
            .into_iter()
            .flat_map(|(list, what)| list.iter().enumerate().map(move |item| (item, what)))
            .map(|((index, pointer), what)| {
                (
                    is_pointer(pointer),
                    format!("/errors/{what}_pointers/{index}"),
                    JSON_POINTER,
                )
            })
            .collect()
    }
}

const JSON_POINTER: &str = "a JSON Pointer, as in \"/meta/records\"";

fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || " -_.".contains(c))
}

/// A host name in the form in which URLs hold it, with a port if that is not 443.
fn is_host(text: &str) -> bool {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || ".:-".contains(c));
    let written = format!("https://{}/", text.to_ascii_lowercase());
    plain && !text.ends_with('.') && Url::parse(&written).is_ok_and(|url| url.as_str() == written)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && !text.starts_with("//") && is_plain_path(text)
}

fn is_path_or_none(text: Option<&String>) -> bool {
    text.is_none_or(|text| is_path(text))
}

/// Text that means itself in the path of a URL.
fn is_plain_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"?#\\".contains(c);
    text.chars().all(plain)
        && text
            .split('/')
            .all(|segment| !matches!(segment, "." | ".."))
}

fn is_pointer(text: &str) -> bool {
    text.is_empty() || text.starts_with('/')
}

fn is_header(text: &str) -> bool {
    http::HeaderName::from_bytes(text.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests;
