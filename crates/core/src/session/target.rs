//! From what a request names to a URL that may be asked.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::error::{Diagnostic, Result};
use crate::http::{Request, Target};
use crate::region::{self, Origin};
use crate::settings::Settings;

/// What is escaped in a query. Braces, brackets and commas stay: that is how the service's own
/// examples write `fields=id,client{name}` and `ids[]=1`.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'{')
    .remove(b'}')
    .remove(b'[')
    .remove(b']')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b':')
    .remove(b'*');

/// The URL of a request to the API, with the query of the request and of `CustomUrlParams`.
pub(super) fn api_url(settings: &Settings, request: &Request, text: &str) -> Result<Url> {
    let mut url = resolve(settings, text)?;
    let mut query = url.query().unwrap_or_default().to_owned();
    for (name, value) in request.query() {
        append(&mut query, name, value);
    }
    for (name, value) in &settings.custom_url_params {
        // The URL of a next page repeats what was asked.
        if !url.query_pairs().any(|(known, _)| known == *name) {
            append(&mut query, name, value);
        }
    }
    if url.query() != Some(query.as_str()) {
        url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
    }
    Ok(url)
}

fn append(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.extend(utf8_percent_encode(name, QUERY));
    query.push('=');
    query.extend(utf8_percent_encode(value, QUERY));
}

fn resolve(settings: &Settings, text: &str) -> Result<Url> {
    let origin = &settings.region.origin;
    let text = text.trim();
    // What is not quite a URL must not go out as a path: it may hold a secret.
    let is_absolute = Url::parse(text).map_or_else(|_| has_scheme(text), |url| url.has_host());
    let url = if is_absolute {
        text.to_owned()
    } else if text.starts_with('/') {
        format!("{origin}{text}")
    } else {
        let api = &settings.profile.api;
        format!(
            "{origin}{}/{}",
            api.base_path,
            with_suffix(text, api.path_suffix.as_deref())
        )
    };
    let url = Url::parse(&url).map_err(|_| {
        Diagnostic::invalid_value(
            "The URL of the request is not valid. Give a path below the API's base such as \
             matters, or an absolute URL of the region.",
        )
    })?;
    if !origin.is_origin_of(&url) || !url.username().is_empty() || url.password().is_some() {
        return Err(foreign(&url, origin));
    }
    Ok(url)
}

fn has_scheme(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["http://", "https://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

/// Adds the profile's suffix to the path, unless its last part has a suffix of its own.
fn with_suffix(text: &str, suffix: Option<&str>) -> String {
    let Some(suffix) = suffix else {
        return text.to_owned();
    };
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let last = path.rsplit('/').next().unwrap_or_default();
    if last.is_empty() || last.contains('.') {
        return text.to_owned();
    }
    format!("{path}{suffix}{rest}")
}

fn foreign(url: &Url, origin: &Origin) -> Diagnostic {
    Diagnostic::invalid_value(format!(
        "The request names {}, and the token may go to {origin} only. Give a path below the API's \
         base; for a signed URL that the service handed out, prepare a signed request.",
        Origin::of(url).map_or_else(|| "another host".into(), |other| other.to_string())
    ))
}

/// The URL of a signed request or of a redirect to another host: https, or plain http on loopback
/// where the region is there too.
pub(super) fn signed_url(settings: &Settings, text: &str) -> Result<Url> {
    let url = Url::parse(text.trim()).map_err(|_| {
        Diagnostic::invalid_value("The signed URL is not an absolute URL. Give it as received.")
    })?;
    let is_local =
        settings.region.origin.is_loopback() && url.scheme() == "http" && region::is_loopback(&url);
    if (url.scheme() == "https" && url.has_host()) || is_local {
        return Ok(url);
    }
    Err(Diagnostic::invalid_value(
        "The signed URL does not begin with https://, and would be sent without protection.",
    ))
}

/// The URL of a request.
pub(super) fn url_of(settings: &Settings, request: &Request) -> Result<Url> {
    match request.target() {
        Target::Api(text) => api_url(settings, request, text),
        Target::Signed(text) => {
            let mut url = signed_url(settings, text)?;
            if !request.query().is_empty() {
                let mut query = url.query().unwrap_or_default().to_owned();
                for (name, value) in request.query() {
                    append(&mut query, name, value);
                }
                url.set_query(Some(&query));
            }
            Ok(url)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &str) -> Settings {
        let string = format!("AuthScheme=None;ProfileSettings='Region=US';{more}");
        Settings::parse(&string).unwrap().0
    }

    fn url(text: &str) -> Result<String> {
        let request = Request::get(text);
        url_of(&settings(""), &request).map(|url| url.to_string())
    }

    #[test]
    fn paths_are_below_the_base_and_absolute_ones_on_the_origin() {
        assert_eq!(
            url("matters").unwrap(),
            "https://app.clio.com/api/v4/matters.json"
        );
        assert_eq!(
            url("matters/1?fields=id,client{name}").unwrap(),
            "https://app.clio.com/api/v4/matters/1.json?fields=id,client{name}"
        );
        assert_eq!(url("a.json").unwrap(), "https://app.clio.com/api/v4/a.json");
        assert_eq!(url("/api/v4/a").unwrap(), "https://app.clio.com/api/v4/a");
        assert_eq!(
            url("https://app.clio.com/x").unwrap(),
            "https://app.clio.com/x"
        );
    }

    #[test]
    fn the_token_cannot_be_led_to_another_host() {
        for text in [
            "https://evil.example/api",
            "http://app.clio.com/api",
            "https://app.clio.com:444/",
            "https://user@app.clio.com/",
            "https://app.clio.com@evil.example/",
            "HTTPS://EVIL.EXAMPLE/",
            "https://[app.clio.com/x?sig=1",
            "Http://app.clio.com:port/",
            "https:\\\\evil.example",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
        for text in [
            "//evil.example/x",
            "/\\evil.example/x",
            "\\\\evil.example",
            "@evil.example",
            ":x@evil.example",
            "/@evil.example",
            "..//evil.example",
        ] {
            let url = url(text).unwrap();
            assert!(
                url.starts_with("https://app.clio.com/"),
                "{text} became {url}"
            );
        }
    }

    #[test]
    fn query_parameters_are_escaped_as_the_service_writes_them() {
        let mut request = Request::get("matters?limit=2");
        request.add_query("fields", "id,client{name}");
        request.add_query("ids[]", "7");
        request.add_query("query", "Müller & Söhne+1");
        request.add_query("open_date[]", ">=2020-01-01");
        let settings = settings("CustomUrlParams='a=b&limit=9'");
        assert_eq!(
            url_of(&settings, &request).unwrap().query().unwrap(),
            "limit=2&fields=id,client{name}&ids[]=7&query=M%C3%BCller%20%26%20S%C3%B6hne%2B1\
             &open_date[]=%3E%3D2020-01-01&a=b"
        );
    }

    #[test]
    fn signed_urls_are_protected_and_carry_nothing_of_the_connection() {
        let settings = settings("CustomUrlParams='a=b'");
        let signed = |text: &str| {
            let request = Request::new("PUT", Target::Signed(text.into())).unwrap();
            url_of(&settings, &request).map(|url| url.to_string())
        };
        assert_eq!(
            signed("https://s3.example/k?sig=1").unwrap(),
            "https://s3.example/k?sig=1"
        );
        for text in [
            "http://s3.example/",
            "http://127.0.0.1:1/",
            "ftp://a/",
            "k",
            "file:///a",
        ] {
            assert!(signed(text).is_err(), "{text}");
        }
    }
}
