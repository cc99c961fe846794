//! What must be true of a profile, with the JSON path of what is not.

use std::collections::HashSet;

use url::Url;

use super::{
    ApiProfile, ErrorsProfile, HeaderField, OAuthProfile, PagingProfile, Profile, RateLimitProfile,
    RetryProfile, Tables, table_rules,
};
use crate::region;

/// A condition that a profile must meet, the JSON path it is about, and what is wanted there.
pub(super) type Rule<'a> = (bool, String, &'a str);

impl Profile {
    pub(super) fn check(&self) -> std::result::Result<(), String> {
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
        if let Some((_, place, wanted)) = rules.into_iter().flatten().find(|(met, _, _)| !met) {
            return Err(format!("{place} must be {wanted}"));
        }
        match &self.tables {
            Tables::Read(tables) => {
                table_rules::check(tables)?;
                table_rules::check_custom_fields(self.custom_fields.as_ref(), tables)
            }
            // They are checked by a test.
            Tables::BuiltIn(_) => Ok(()),
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
        for (order, member) in [
            (&self.ascending, "ascending"),
            (&self.descending, "descending"),
        ] {
            let met = order
                .as_ref()
                .is_none_or(|order| order.matches("{}").count() == 1);
            rules.push((met, format!("/paging/{member}"), "a text with one \"{}\""));
        }
        for (name, member) in [
            (&self.fields_parameter, "fields_parameter"),
            (&self.offset_parameter, "offset_parameter"),
        ] {
            let met = name.as_ref().is_none_or(|name| !name.is_empty());
            rules.push((met, format!("/paging/{member}"), "the name of a parameter"));
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
        let pointers = lists
            .into_iter()
            .flat_map(|(list, what)| list.iter().enumerate().map(move |item| (item, what)))
            .map(|((index, pointer), what)| {
                (
                    is_pointer(pointer),
                    format!("/errors/{what}_pointers/{index}"),
                    JSON_POINTER,
                )
            });
        let statuses = self.statuses.iter().map(|(kind, status)| {
            (
                (400..600).contains(status),
                format!("/errors/statuses/{kind}"),
                "an HTTP status from 400 to 599",
            )
        });
        pointers.chain(statuses).collect()
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
pub(super) fn is_plain_path(text: &str) -> bool {
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
