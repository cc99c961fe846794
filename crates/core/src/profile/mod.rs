//! The profile of a service: its regions, OAuth habits, paging and rate limits, as data.
//!
//! Version 1 of the format is described in `docs/profiles.md`. The profile of Clio is built in.

mod file;
mod rules;
mod table_rules;
pub mod tables;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use serde_json::Value as Json;

use crate::error::{Diagnostic, Result};
use crate::process::PerProcess;
use file::Source;
use tables::{CustomFieldsProfile, Table};

/// The version of the profile format that this library reads.
pub const FORMAT: u32 = 1;

/// The key that marks a file as a profile of ours, and holds its format version.
const FORMAT_KEY: &str = "apilink_profile";

/// The stem for which the built-in profile stands in.
const BUILT_IN_STEM: &str = "Clio";

/// The extension that may be left out of the Profile property.
const EXTENSION: &str = ".apip";

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

impl PagingProfile {
    /// The URL of the page after a reply; `None` after the last.
    ///
    /// # Errors
    /// What stands there, where that is no text: the list has no end that could be trusted.
    pub fn next_page<'r>(&self, reply: &'r Json) -> std::result::Result<Option<&'r str>, &'r Json> {
        match reply.pointer(&self.next_pointer) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(url)) => Ok(Some(url.as_str()).filter(|url| !url.is_empty())),
            Some(other) => Err(other),
        }
    }
}

/// Where error replies hold their parts: JSON Pointers, tried in order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorsProfile {
    /// Where the kind of an error is.
    pub type_pointers: Vec<String>,
    /// Where the text of an error is.
    pub message_pointers: Vec<String>,
    /// The HTTP status that a kind of error has, for errors that come with a status of success.
    #[serde(default)]
    pub statuses: BTreeMap<String, u16>,
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
        let source = Source {
            profile: text.to_owned(),
            tables: None,
        };
        Self::from_source(&source).map_err(|problem| file::invalid(path, &problem))
    }

    fn from_source(source: &Source) -> std::result::Result<Self, String> {
        let mut profile: Self = parse(&source.profile)?;
        if let Some(text) = &source.tables {
            if !matches!(&profile.tables, Tables::Read(tables) if tables.is_empty()) {
                return Err(format!(
                    "{} has tables too; one place must do",
                    file::TABLES
                ));
            }
            let tables: Vec<Table> = serde_json::from_str(file::without_bom(text))
                .map_err(|error| format!("{}: {error}", file::TABLES))?;
            profile.tables = Tables::Read(tables);
        }
        profile.check()?;
        Ok(profile)
    }

    /// Checks tables that are to be a part of a profile.
    ///
    /// # Errors
    /// The JSON path of the first thing that is wrong, and what is wanted there.
    pub fn check_tables(tables: &[Table]) -> std::result::Result<(), String> {
        table_rules::check(tables)
    }

    /// The files that the built-in profile was made from, with their names.
    #[must_use]
    pub fn built_in_files() -> [(&'static str, &'static str); 2] {
        [
            (file::PROFILE, BUILT_IN_PROFILE),
            (file::TABLES, BUILT_IN_TABLES),
        ]
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
        let built_in = |warning| Selection {
            profile: Self::built_in_clio(),
            warning,
        };
        let Some(path) = file::find(named)? else {
            return if file::is_built_in(named) {
                Ok(built_in(None))
            } else {
                Err(file::not_found(named))
            };
        };
        match file::read(&path)? {
            Some(source) => Self::from_source(&source)
                .map(|profile| Selection {
                    profile: Arc::new(profile),
                    warning: None,
                })
                .map_err(|problem| file::invalid(&path, &problem)),
            None if file::is_built_in(&path) => Ok(built_in(Some(file::stands_in(&path)))),
            None => Err(file::foreign(&path)),
        }
    }
}

const BUILT_IN_PROFILE: &str = include_str!("../../../../profiles/clio/profile.json");
const BUILT_IN_TABLES: &str = include_str!("../../../../profiles/clio/tables.json");

#[allow(clippy::expect_used, reason = "compiled in, and read by a test")]
fn read_built_in() -> Arc<Profile> {
    let profile = Profile::from_json(BUILT_IN_PROFILE, Path::new("profiles/clio/profile.json"));
    let mut profile = profile.expect("the built-in profile is valid");
    profile.tables = Tables::BuiltIn(OnceLock::new());
    Arc::new(profile)
}

#[allow(clippy::expect_used, reason = "compiled in, and read by a test")]
fn read_built_in_tables() -> Vec<Table> {
    serde_json::from_str(BUILT_IN_TABLES).expect("the built-in tables are valid")
}

fn parse(text: &str) -> std::result::Result<Profile, String> {
    #[derive(Deserialize)]
    struct Version {
        apilink_profile: u32,
    }

    let text = file::without_bom(text);
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

#[cfg(test)]
mod tests;
