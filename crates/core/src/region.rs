//! Regions and origins: which hosts may ever see a secret.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::error::{Diagnostic, Result};
use crate::profile::{Profile, RegionEntry};
use crate::secret::named;

/// The name of a region that is a server on this machine.
pub const LOCAL: &str = "local";

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The region's name in the profile, or [`LOCAL`].
    pub name: String,
    /// The one origin that sees the token.
    pub origin: Origin,
}

/// Scheme, host and port of an http or https URL (RFC 6454 §4).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin(Url);

impl Origin {
    /// The origin of a URL; `None` if it is neither http nor https.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        url.join("/").ok().and_then(|mut root| {
            root.set_username("").ok()?;
            root.set_password(None).ok()?;
            Some(Self(root))
        })
    }

    /// Whether a URL lies on this origin.
    #[must_use]
    pub fn is_origin_of(&self, url: &Url) -> bool {
        Self::of(url).as_ref() == Some(self)
    }

    /// The URL of a path (with its query, if it has one) on this origin. Whatever the path is, the
    /// result is on this origin; a fragment is left out.
    #[must_use]
    pub fn join(&self, path: &str) -> Url {
        let path = path.split_once('#').map_or(path, |(before, _)| before);
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let mut url = self.0.clone();
        url.set_path(path);
        url.set_query(query);
        url
    }

    /// Whether the origin is this machine: `localhost`, 127.0.0.0/8 or `::1`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// The host, an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port, also where it is the scheme's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }
}

/// `https://app.clio.com`, as in an `Origin` header (RFC 6454 §6.2).
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Region {
    /// Reads a value of the Region property: a region's name, alias or host (with or without
    /// `https://`), or `http://` with a loopback host and a port.
    ///
    /// # Errors
    /// HY024 naming what is allowed. Nothing else is ever accepted, because the client secret and
    /// the tokens are sent there.
    pub fn parse(value: &str, profile: &Profile) -> Result<Self> {
        let region = match profile.regions.iter().find(|entry| is_called(entry, value)) {
            Some(entry) => Self::of_entry(entry),
            None => local_server(value).map(|origin| Self {
                name: LOCAL.to_owned(),
                origin,
            }),
        };
        region.ok_or_else(|| refusal(profile, value))
    }

    fn of_entry(entry: &RegionEntry) -> Option<Self> {
        let url = Url::parse(&format!("https://{}/", entry.host)).ok()?;
        Some(Self {
            name: entry.name.clone(),
            origin: Origin::of(&url)?,
        })
    }
}

/// Whether `value` is the name, an alias or the host of a region.
///
/// Texts are compared as a whole and never parsed as a URL, so that no trick of URL syntax can
/// make another host look like a region's.
fn is_called(entry: &RegionEntry, value: &str) -> bool {
    let host = strip_prefix_ignoring_case(value, "https://").unwrap_or(value);
    let host = host.strip_suffix('/').unwrap_or(host);
    let mut names = std::iter::once(&entry.name).chain(&entry.aliases);
    names.any(|name| name.eq_ignore_ascii_case(value)) || entry.host.eq_ignore_ascii_case(host)
}

/// The origin of `http://HOST:PORT` with a loopback host, read by a grammar of its own that is
/// narrower than that of URLs.
fn local_server(value: &str) -> Option<Origin> {
    let authority = strip_prefix_ignoring_case(value, "http://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = authority.rsplit_once(':')?;
    let port = parse_port(port)?;
    if !is_loopback_host(host) {
        return None;
    }
    let url = Url::parse(&format!("http://{host}:{port}/")).ok()?;
    Origin::of(&url)
}

fn parse_port(text: &str) -> Option<u16> {
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

fn is_loopback_host(host: &str) -> bool {
    let ipv6 = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse()
            .is_ok_and(|address: Ipv4Addr| address.is_loopback())
        || ipv6.is_some_and(|text| text.parse().is_ok_and(|a: Ipv6Addr| a.is_loopback()))
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn refusal(profile: &Profile, value: &str) -> Diagnostic {
    let regions: Vec<String> = profile.regions.iter().map(describe).collect();
    Diagnostic::invalid_value(format!(
        "Region: {} is not a region of {}, and nothing was sent to it. Allowed are {}; for \
         a server on this machine also http://localhost:PORT, http://127.0.0.1:PORT and \
         http://[::1]:PORT.",
        named(value),
        profile.name,
        regions.join(", "),
    ))
}

fn describe(entry: &RegionEntry) -> String {
    let mut names = entry.aliases.clone();
    names.push(entry.host.clone());
    format!("{} ({})", entry.name, names.join(", "))
}

/// Checks the URL of an OAuth endpoint given in the property `property`.
///
/// # Errors
/// HY024 unless it is an https URL, or an http one on a loopback host, without user information
/// and fragment.
pub fn check_oauth_url(property: &str, text: &str) -> Result<Url> {
    oauth_url(text).map_err(|problem| {
        Diagnostic::invalid_value(format!(
            "{property}: {problem}. Give an https URL, or an http URL on localhost, 127.0.0.1 or \
             [::1], without user name, password and fragment. Nothing was sent to it."
        ))
    })
}

fn oauth_url(text: &str) -> std::result::Result<Url, &'static str> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    if text.contains(odd) {
        return Err("the URL holds a blank, a control character or a backslash");
    }
    let after_scheme = strip_prefix_ignoring_case(text, "https://")
        .or_else(|| strip_prefix_ignoring_case(text, "http://"))
        .ok_or("the value does not begin with https://")?;
    let authority = after_scheme
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default();
    if authority.contains('@') {
        return Err("the URL holds a user name or a password");
    }
    if text.contains('#') {
        return Err("the URL has a fragment");
    }
    let url = Url::parse(text).map_err(|_| "the value is not a URL")?;
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(
            "http is allowed on this machine only, because the client secret is sent there",
        );
    }
    Ok(url)
}

/// Whether the host of a URL is this machine: `localhost`, 127.0.0.0/8 or `::1`.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn parse(value: &str) -> Result<Region> {
        Region::parse(value, &Profile::built_in_clio())
    }

    fn origin(value: &str) -> String {
        parse(value).unwrap().origin.to_string()
    }

    #[test]
    fn names_aliases_and_hosts_are_accepted_in_any_case() {
        for (values, expected) in [
            (
                ["US", "united states", "app.clio.com"],
                "https://app.clio.com",
            ),
            (
                ["ca", "Canada", "CA.app.clio.com"],
                "https://ca.app.clio.com",
            ),
            (
                ["EU", "EUROPE", "https://eu.app.clio.com"],
                "https://eu.app.clio.com",
            ),
            (
                ["au", "Australia", "HTTPS://AU.APP.CLIO.COM/"],
                "https://au.app.clio.com",
            ),
        ] {
            for value in values {
                assert_eq!(origin(value), expected, "{value}");
            }
        }
        assert_eq!(parse("https://ca.app.clio.com").unwrap().name, "CA");
    }

    #[test]
    fn local_servers_need_http_and_a_port() {
        assert_eq!(origin("http://localhost:8080"), "http://localhost:8080");
        assert_eq!(origin("HTTP://LocalHost:8080/"), "http://localhost:8080");
        assert_eq!(origin("http://127.0.0.1:1"), "http://127.0.0.1:1");
        assert_eq!(origin("http://127.8.9.10:65535"), "http://127.8.9.10:65535");
        assert_eq!(origin("http://[::1]:9/"), "http://[::1]:9");
        assert_eq!(origin("http://[0:0:0:0:0:0:0:1]:9"), "http://[::1]:9");
        let local = parse("http://localhost:80").unwrap();
        assert_eq!((local.name.as_str(), local.origin.port()), (LOCAL, 80));
        assert!(local.origin.is_loopback());
    }

    #[test]
    fn a_short_plain_value_is_named() {
        let error = parse("UK").unwrap_err();
        assert!(error.message.contains("\"UK\" is not a region"), "{error}");
    }

    #[test]
    fn everything_else_is_refused_without_being_quoted() {
        for value in [
            "http://localhost",
            "http://localhost:",
            "http://localhost:0",
            "http://localhost:65536",
            "http://localhost:+80",
            "http://localhost:80 ",
            " http://localhost:80",
            "http://localhost:80//",
            "http://localhost:80/x",
            "http://localhost:80?x",
            "http://localhost:80#x",
            "http://localhost:1@evil.example",
            "http://localhost:1@evil.example:80",
            "http://evil.example#@localhost:80",
            "http://evil.example\\@localhost:80",
            "http://127.0.0.1.evil.example:80",
            "http://localhost.evil.example:80",
            "http://localhost.:80",
            "http://x.localhost:80",
            "http://0x7f.1:80",
            "http://127.1:80",
            "http://0127.0.0.1:80",
            "http://2130706433:80",
            "http://0.0.0.0:80",
            "http://[::]:80",
            "http://[::ffff:127.0.0.1]:80",
            "http://[::1%25eth0]:80",
            "http://10.0.0.1:80",
            "http://evil.example:80",
            "http://app.clio.com",
            "http://app.clio.com:80",
            "http:/localhost:80",
            "http:localhost:80",
            "//localhost:80",
            "localhost:80",
            "https://localhost:80",
            "https://127.0.0.1:443",
            "https://app.clio.com:8443",
            "https://app.clio.com.",
            "app.clio.com.",
            "https://app.clio.com//",
            "https://app.clio.com/x",
            "https://app.clio.com?x",
            "https://app.clio.com#x",
            "https://user@app.clio.com",
            "https://app.clio.com@evil.example",
            "https://app.clio.com\\.evil.example",
            "https://app.clio\t.com",
            "https://app.\nclio.com",
            "https://app.clio.com%2eevil.example",
            "https://\u{430}pp.clio.com",
            "https://app\u{3002}clio.com",
            "https://app.clio.com.evil.example",
            "evil-app.clio.com",
            "ftp://app.clio.com",
            "USA",
            "",
        ] {
            let error = parse(value).unwrap_err();
            assert!(error.message.contains("ca.app.clio.com"), "{value}");
            assert!(
                value.is_empty() || !error.message.contains("evil"),
                "{value}"
            );
        }
    }

    #[test]
    fn an_origin_is_kept_whatever_the_path() {
        let origin = Region::parse("US", &Profile::built_in_clio())
            .unwrap()
            .origin;
        assert_eq!(
            origin.join("/api/v4/a?b=c").as_str(),
            "https://app.clio.com/api/v4/a?b=c"
        );
        for path in [
            "//evil.example/x",
            "https://evil.example",
            "\\\\evil.example",
            "@evil.example",
        ] {
            assert!(origin.is_origin_of(&origin.join(path)), "{path}");
        }
        for other in [
            "http://app.clio.com/",
            "https://app.clio.com:8443/",
            "https://app.clio.com.evil.example/",
            "https://app.clio.com@evil.example/",
        ] {
            assert!(!origin.is_origin_of(&Url::parse(other).unwrap()), "{other}");
        }
        assert!(origin.is_origin_of(&Url::parse("https://APP.clio.com:443/x").unwrap()));
        assert!(Origin::of(&Url::parse("file:///etc/passwd").unwrap()).is_none());
    }

    #[test]
    fn oauth_urls_are_https_or_loopback() {
        for good in [
            "https://login.example/authorize?tenant=1",
            "https://login.example:8443/authorize",
            "http://localhost/authorize",
            "http://127.0.0.1:8080/token",
            "http://[::1]:8080/token",
        ] {
            assert!(
                check_oauth_url("OAuthAccessTokenURL", good).is_ok(),
                "{good}"
            );
        }
        for bad in [
            "http://login.example/token",
            "http://localhost:1@evil.example/token",
            "https://user:secret@login.example/token",
            "https://@login.example/token",
            "https://login.example/token#x",
            "https:\\\\login.example/token",
            "https://login.example\t/token",
            "https:login.example",
            "https:///login.example",
            "http://localhost.evil.example/",
            "ftp://localhost/",
            "localhost",
            "https://",
            "",
        ] {
            let refused = check_oauth_url("OAuthAccessTokenURL", bad);
            // The url crate reads `https:///host` as `https://host`; that is still https.
            if bad == "https:///login.example" {
                assert!(refused.is_ok_and(|url| url.host_str() == Some("login.example")));
                continue;
            }
            let message = refused.unwrap_err().message;
            assert!(message.starts_with("OAuthAccessTokenURL: "), "{bad}");
            assert!(!message.contains("secret@"), "{message}");
        }
    }

    fn is_allowed(origin: &Origin) -> bool {
        let hosts = [
            "app.clio.com",
            "ca.app.clio.com",
            "eu.app.clio.com",
            "au.app.clio.com",
        ];
        let remote = origin.scheme() == "https" && origin.port() == 443;
        (remote && hosts.contains(&origin.host()))
            || (origin.scheme() == "http" && origin.is_loopback())
    }

    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("http://"),
            Just("https://"),
            Just("HTTP://"),
            Just("localhost"),
            Just("127.0.0.1"),
            Just("[::1]"),
            Just(":80"),
            Just(":"),
            Just("@"),
            Just("/"),
            Just("\\"),
            Just("#"),
            Just("?"),
            Just("."),
            Just("app.clio.com"),
            Just("eu."),
            Just("evil.example"),
            Just("\t"),
            Just("\n"),
            Just("%2e"),
            Just("\u{3002}"),
            Just("US"),
            Just("0"),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn no_text_leads_to_a_foreign_host(value in prop_oneof![any::<String>(), pieces()]) {
            if let Ok(region) = parse(&value) {
                prop_assert!(is_allowed(&region.origin), "{}", region.origin);
                // What others would make of the same text is the same place.
                if value.contains("://") {
                    prop_assert_eq!(Origin::of(&Url::parse(&value).unwrap()), Some(region.origin));
                }
            }
        }

        #[test]
        fn no_oauth_url_leads_to_plain_http(value in prop_oneof![any::<String>(), pieces()]) {
            if let Ok(url) = check_oauth_url("OAuthAccessTokenURL", &value) {
                prop_assert!(url.scheme() == "https" || is_loopback(&url));
                prop_assert!(url.username().is_empty() && url.password().is_none());
            }
        }

        #[test]
        fn joining_never_leaves_the_origin(path in any::<String>()) {
            let origin = parse("http://127.0.0.1:8080").unwrap().origin;
            prop_assert!(origin.is_origin_of(&origin.join(&path)));
        }
    }
}
