//! `clio-sandbox-browser URL`: what a person with a browser does, for `BROWSER`.
//!
//! Opens the consent page, answers it, and follows the redirect to the program that waits for
//! it. `CLIO_SANDBOX_ANSWER` is `approve` (the default), `decline` or `ignore` (opens the page
//! and leaves). `CLIO_SANDBOX_USER` is the id or email address of who signs in; the page's first
//! choice if it is not set. Speaks plain HTTP only, which is all that loopback needs.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

/// A page that does not come is given up after this long.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: clio-sandbox-browser URL");
        return ExitCode::FAILURE;
    };
    let answer = std::env::var("CLIO_SANDBOX_ANSWER").unwrap_or_else(|_| "approve".to_owned());
    let user = std::env::var("CLIO_SANDBOX_USER").unwrap_or_default();
    match browse(&url, &answer, &user) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("clio-sandbox-browser: {why}");
            ExitCode::FAILURE
        }
    }
}

fn browse(url: &str, answer: &str, user: &str) -> Result<(), String> {
    let page = fetch("GET", url, "")?;
    if page.status != 200 {
        return Err(format!("the page answers with status {}", page.status));
    }
    if answer == "ignore" {
        return Ok(());
    }
    if !matches!(answer, "approve" | "decline") {
        return Err(format!(
            "CLIO_SANDBOX_ANSWER must be approve, decline or ignore: {answer}"
        ));
    }
    let form = Form::find(&page.body).ok_or("the page has no form")?;
    let mut fields = form_urlencoded::Serializer::new(String::new());
    fields
        .extend_pairs(&form.hidden)
        .append_pair("decision", answer);
    if !user.is_empty() {
        fields.append_pair("user", user);
    }
    let mut at = join(url, &form.action)?;
    let mut reply = fetch("POST", &at, &fields.finish())?;
    for _ in 0..5 {
        let Some(location) = reply.location.take() else {
            break;
        };
        at = join(&at, &location)?;
        reply = fetch("GET", &at, "")?;
    }
    // The answer is given; what the pages say about it is for a person to read.
    if reply.status >= 400 {
        eprintln!(
            "clio-sandbox-browser: the last page answers with status {}",
            reply.status
        );
    }
    Ok(())
}

struct Form {
    action: String,
    hidden: Vec<(String, String)>,
}

impl Form {
    fn find(page: &str) -> Option<Self> {
        let (_, form) = page.split_once("<form")?;
        let (form, _) = form.split_once("</form>")?;
        let hidden = form
            .split("<input")
            .skip(1)
            .filter(|input| attribute(input, "type").as_deref() == Some("hidden"))
            .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
            .collect();
        Some(Self {
            action: attribute(form, "action")?,
            hidden,
        })
    }
}

/// The value of an attribute of the tag that `text` starts in.
fn attribute(text: &str, name: &str) -> Option<String> {
    let tag = text.split('>').next()?;
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    Some(
        value
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&"),
    )
}

/// An absolute address from one that may be relative to `base`.
fn join(base: &str, address: &str) -> Result<String, String> {
    if !address.starts_with('/') {
        return Ok(address.to_owned());
    }
    let (host, _) = split(base)?;
    Ok(format!("http://{host}{address}"))
}

/// Host with port, and path with query.
fn split(url: &str) -> Result<(&str, &str), String> {
    let rest = url
        .strip_prefix("http://")
        .ok_or_else(|| "only http addresses can be opened".to_owned())?;
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Ok(rest.split_at(end))
}

struct Page {
    status: u16,
    location: Option<String>,
    body: String,
}

fn fetch(method: &str, url: &str, form: &str) -> Result<Page, String> {
    let (host, path) = split(url)?;
    // The address may hold a code: it is not named in full.
    let failed = |error: io::Error| format!("{method} at {host}: {error}");
    let address = if host.ends_with(']') || !host.contains(':') {
        format!("{host}:80")
    } else {
        host.to_owned()
    };
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let request = format!(
        "{method} {slash}{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: clio-sandbox-browser\r\n\
         Accept: text/html\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut reply = Vec::new();
    if let Err(error) = stream.read_to_end(&mut reply)
        // A program that has its answer may reset the connection.
        && reply.is_empty()
    {
        return Err(failed(error));
    }
    parse(&reply).ok_or_else(|| format!("{method} at {host}: the reply is not HTTP"))
}

fn parse(reply: &[u8]) -> Option<Page> {
    let reply = String::from_utf8_lossy(reply);
    let (head, body) = reply.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let location = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("location"))
        .map(|(_, value)| value.trim().to_owned());
    Some(Page {
        status,
        location,
        body: body.to_owned(),
    })
}
