//! The authorization server: consent page, codes, tokens.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::clock::unix_now;
use crate::counters::Counters;
use crate::http::{Reply, Request, escape_html};
use crate::options::{ClientAuth, Options};
use crate::query::Parameters;
use crate::random::secret;

/// A code is good for ten minutes, once.
const CODE_LIFE: Duration = Duration::from_secs(600);

/// Clio's page for programs that cannot listen for a redirect.
const APPROVAL_PATH: &str = "/oauth/approval";
const APPROVAL_HOSTS: [&str; 4] = [
    "app.clio.com",
    "ca.app.clio.com",
    "eu.app.clio.com",
    "au.app.clio.com",
];

/// A person who can sign in.
#[derive(Debug, Clone)]
pub struct Person {
    /// The id of the user.
    pub id: i64,
    /// The full name.
    pub name: String,
    /// The email address.
    pub email: String,
}

struct Code {
    user: i64,
    redirect_uri: String,
    challenge: Option<String>,
    issued: Duration,
}

struct Access {
    user: i64,
    end: Duration,
}

/// Codes and tokens.
#[derive(Default)]
pub struct Authorizations {
    codes: HashMap<String, Code>,
    access: HashMap<String, Access>,
    /// The user of each refresh token.
    refresh: HashMap<String, i64>,
}

/// The tokens of a token reply. Not shown by `Debug`.
#[derive(Clone)]
pub struct Grant {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// How long the access token lives.
    pub life: Duration,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grant")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

impl Authorizations {
    /// The user of a living access token.
    pub fn user_of(&self, token: &str) -> Option<i64> {
        let found = self.access.get(token)?;
        (unix_now() < found.end).then_some(found.user)
    }

    /// Gives out an access token and a refresh token.
    pub fn grant(&mut self, user: i64, life: Duration) -> Grant {
        let refresh_token = format!("sr-{}", secret(20));
        self.refresh.insert(refresh_token.clone(), user);
        self.access_token(user, refresh_token, life)
    }

    fn access_token(&mut self, user: i64, refresh_token: String, life: Duration) -> Grant {
        let access_token = format!("sa-{}", secret(20));
        let now = unix_now();
        // Long runs with short tokens should not pile them up.
        self.access.retain(|_, access| access.end + CODE_LIFE > now);
        self.access.insert(
            access_token.clone(),
            Access {
                user,
                end: now + life,
            },
        );
        Grant {
            access_token,
            refresh_token,
            life,
        }
    }

    /// Ends the life of every access token; refresh tokens stay good.
    pub fn expire_all(&mut self) {
        self.access.clear();
    }

    /// Revokes everything, as a user does who removes the application.
    pub fn revoke_all(&mut self) {
        *self = Self::default();
    }
}

/// A request to authorize, as the consent page carries it.
struct Asked {
    redirect_uri: String,
    state: Option<String>,
    redirect_on_decline: bool,
    challenge: Option<String>,
    parameters: Vec<(String, String)>,
}

/// The authorization server's part in a request.
pub struct Server<'a> {
    /// What the sandbox was started with.
    pub options: &'a Options,
    /// Codes and tokens.
    pub authorizations: &'a mut Authorizations,
    /// Where what happens is counted.
    pub counters: &'a mut Counters,
    /// The people who can sign in; the first does so unless another is chosen.
    pub people: &'a [Person],
}

impl Server<'_> {
    /// `GET /oauth/authorize`: the consent page.
    pub fn consent_page(&mut self, request: &Request) -> Reply {
        let parameters = Parameters::parse(request.query.as_bytes());
        match self.asked(&parameters) {
            Ok(asked) => {
                self.counters.consent.shown += 1;
                Reply::html(
                    200,
                    consent_html(&asked, &self.options.client_id, self.people),
                )
            }
            Err(why) => error_page(&why),
        }
    }

    /// `POST /oauth/authorize`: the person's answer.
    pub fn decision(&mut self, request: &Request) -> Reply {
        let parameters = Parameters::parse(&request.body);
        let asked = match self.asked(&parameters) {
            Ok(asked) => asked,
            Err(why) => return error_page(&why),
        };
        let mut answer: Vec<(&str, &str)> = Vec::new();
        let code;
        match parameters.get("decision") {
            Some("approve") => {
                self.counters.consent.approved += 1;
                let Some(user) = self.signed_in(parameters.get("user")) else {
                    return error_page("There is no such user.");
                };
                code = secret(20);
                let issued = unix_now();
                let redirect_uri = asked.redirect_uri.clone();
                let challenge = asked.challenge.clone();
                let entry = Code {
                    user,
                    redirect_uri,
                    challenge,
                    issued,
                };
                self.authorizations.codes.insert(code.clone(), entry);
                answer.push(("code", &code));
            }
            Some("decline") => {
                self.counters.consent.declined += 1;
                let shown_there = is_approval(&asked.redirect_uri);
                if !asked.redirect_on_decline && !shown_there {
                    return error_page("You declined access to the application.");
                }
                answer.push(("error", "access_denied"));
            }
            _ => return error_page("The form was sent without a decision."),
        }
        if let Some(state) = &asked.state {
            answer.push(("state", state));
        }
        Reply::redirect(302, &with_query(&asked.redirect_uri, &answer))
    }

    fn signed_in(&self, chosen: Option<&str>) -> Option<i64> {
        let found = match chosen {
            None | Some("") => self.people.first(),
            Some(text) => self.people.iter().find(|person| {
                person.email.eq_ignore_ascii_case(text) || person.id.to_string() == text
            }),
        };
        found.map(|person| person.id)
    }

    fn asked(&self, parameters: &Parameters) -> Result<Asked, String> {
        let get = |name| {
            parameters
                .get(name)
                .filter(|value: &&str| !value.is_empty())
        };
        match get("client_id") {
            None => return Err("The client_id is missing.".to_owned()),
            Some(id) if id != self.options.client_id => {
                return Err("No application with this client_id is known.".to_owned());
            }
            Some(_) => {}
        }
        let redirect_uri = get("redirect_uri").ok_or("The redirect_uri is missing.")?;
        if !self.redirect_is_allowed(redirect_uri) {
            return Err("The redirect_uri is not one of those of the application.".to_owned());
        }
        match get("response_type") {
            Some("code") => {}
            None => return Err("The response_type is missing; it must be code.".to_owned()),
            Some(_) => return Err("The response_type must be code.".to_owned()),
        }
        let challenge = get("code_challenge").map(str::to_owned);
        if challenge.is_some() && get("code_challenge_method") != Some("S256") {
            return Err("The code_challenge_method must be S256.".to_owned());
        }
        if challenge.is_none() && self.options.require_pkce {
            return Err("A code_challenge is required.".to_owned());
        }
        Ok(Asked {
            redirect_uri: redirect_uri.to_owned(),
            state: parameters.get("state").map(str::to_owned),
            redirect_on_decline: get("redirect_on_decline") == Some("true"),
            challenge,
            parameters: parameters
                .iter()
                .filter(|(name, _)| !matches!(*name, "decision" | "user"))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    /// Exactly one of the allowed ones, apart from query parameters, which Clio lets pass.
    /// Without a list, any loopback address is allowed.
    fn redirect_is_allowed(&self, uri: &str) -> bool {
        let bare = uri.split('?').next().unwrap_or_default();
        is_approval(uri)
            || if self.options.redirect_uris.is_empty() {
                host_of(bare).is_some_and(is_loopback)
            } else {
                self.options
                    .redirect_uris
                    .iter()
                    .any(|allowed| uri == allowed || bare == allowed)
            }
    }

    /// `POST /oauth/token`.
    pub fn token(&mut self, request: &Request) -> Reply {
        let parameters = Parameters::parse(&request.body);
        let form = request
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !form {
            return refusal(400, "invalid_request", "The body must be form-encoded.");
        }
        if !self.client_is_known(request, &parameters) {
            self.counters.tokens.invalid_client += 1;
            return refusal(401, "invalid_client", "The client id or secret is wrong.")
                .with("www-authenticate", "Basic realm=\"clio-sandbox\"");
        }
        let outcome = match parameters.get("grant_type") {
            Some("authorization_code") => self.exchange(&parameters),
            Some("refresh_token") => self.refresh(&parameters),
            Some(_) => Err((
                "unsupported_grant_type",
                "This grant type is not supported.",
            )),
            None => Err(("invalid_request", "The grant_type is missing.")),
        };
        match outcome {
            Ok(members) => Reply::json(200, Value::Object(members).to_string())
                .with("cache-control", "no-store"),
            Err((error, description)) => refusal(400, error, description),
        }
    }

    fn client_is_known(&self, request: &Request, parameters: &Parameters) -> bool {
        let is = |id: Option<&str>, secret: Option<&str>| {
            id == Some(self.options.client_id.as_str())
                && secret == Some(self.options.client_secret.as_str())
        };
        let in_body = is(parameters.get("client_id"), parameters.get("client_secret"));
        let in_header = || {
            let text = request.header("authorization")?.strip_prefix("Basic ")?;
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(text)
                .ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (id, secret) = text.split_once(':')?;
            Some(is(Some(&form_decode(id)), Some(&form_decode(secret))))
        };
        match self.options.client_auth {
            ClientAuth::Body => in_body,
            ClientAuth::Basic => in_header().unwrap_or(false),
            ClientAuth::Either => in_body || in_header().unwrap_or(false),
        }
    }

    fn exchange(&mut self, parameters: &Parameters) -> Outcome {
        let code = parameters.get("code").unwrap_or_default();
        // Removed whatever comes of it: a code is good for one attempt.
        let found = self.authorizations.codes.remove(code).filter(|found| {
            unix_now() < found.issued + CODE_LIFE
                && parameters.get("redirect_uri") == Some(found.redirect_uri.as_str())
                && challenge_holds(found.challenge.as_deref(), parameters.get("code_verifier"))
        });
        let Some(found) = found else {
            self.counters.tokens.invalid_code += 1;
            return Err((
                "invalid_grant",
                "The code is invalid, expired or used, or belongs to another redirect_uri.",
            ));
        };
        self.counters.tokens.authorization_code += 1;
        let grant = self
            .authorizations
            .grant(found.user, self.options.token_life);
        let mut members = members(&grant);
        members.insert("refresh_token".to_owned(), grant.refresh_token.into());
        Ok(members)
    }

    fn refresh(&mut self, parameters: &Parameters) -> Outcome {
        let token = parameters.get("refresh_token").unwrap_or_default();
        let Some(user) = self.authorizations.refresh.get(token).copied() else {
            self.counters.tokens.invalid_refresh += 1;
            return Err(("invalid_grant", "The refresh token is invalid or revoked."));
        };
        self.counters.tokens.refresh_token += 1;
        let life = self.options.token_life;
        if self.options.rotate_refresh_tokens {
            self.authorizations.refresh.remove(token);
            let grant = self.authorizations.grant(user, life);
            let mut members = members(&grant);
            members.insert("refresh_token".to_owned(), grant.refresh_token.into());
            Ok(members)
        } else {
            // As documented: the refresh token comes only if it changed.
            let grant = self
                .authorizations
                .access_token(user, token.to_owned(), life);
            Ok(members(&grant))
        }
    }

    /// `POST /oauth/deauthorize`: revokes the access token in the form.
    pub fn deauthorize(&mut self, request: &Request) -> Reply {
        let living = |token: &str| self.authorizations.user_of(token).is_some();
        if !request.bearer().is_some_and(living) {
            return refusal(
                401,
                "invalid_token",
                "The access token is missing or not valid.",
            )
            .with(
                "www-authenticate",
                "Bearer realm=\"clio-sandbox\", error=\"invalid_token\"",
            );
        }
        let parameters = Parameters::parse(&request.body);
        match parameters.get("token") {
            Some(token) => {
                if self.authorizations.access.remove(token).is_some() {
                    self.counters.tokens.revoked += 1;
                }
                Reply::empty(200)
            }
            None => refusal(400, "invalid_request", "The token is missing."),
        }
    }
}

type Outcome = Result<Map<String, Value>, (&'static str, &'static str)>;

/// The members of a token reply without the refresh token.
pub fn members(grant: &Grant) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("token_type".to_owned(), "bearer".into());
    members.insert("access_token".to_owned(), grant.access_token.clone().into());
    // Whole seconds, rounded down: the token lives at least that long.
    members.insert("expires_in".to_owned(), grant.life.as_secs().into());
    members
}

fn refusal(status: u16, error: &str, description: &str) -> Reply {
    let body = json!({ "error": error, "error_description": description });
    Reply::json(status, body.to_string()).with("cache-control", "no-store")
}

fn challenge_holds(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, _) => true,
        (Some(challenge), Some(verifier)) => {
            let digest = Sha256::digest(verifier.as_bytes());
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest) == challenge
        }
        (Some(_), None) => false,
    }
}

fn form_decode(text: &str) -> String {
    let pair = format!("x={text}");
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn host_of(uri: &str) -> Option<&str> {
    let rest = uri
        .strip_prefix("http://")
        .or_else(|| uri.strip_prefix("https://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    if authority.contains('@') {
        return None;
    }
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether a redirect goes to the approval page: Clio's, of whatever region, or our own.
fn is_approval(uri: &str) -> bool {
    let bare = uri.split('?').next().unwrap_or_default();
    bare.ends_with(APPROVAL_PATH)
        && host_of(bare).is_some_and(|host| APPROVAL_HOSTS.contains(&host) || is_loopback(host))
}

fn with_query(uri: &str, answer: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(answer)
        .finish();
    if is_approval(uri) {
        // Our own page stands in for Clio's.
        return format!("{APPROVAL_PATH}?{query}");
    }
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}{query}")
}

/// `GET /oauth/approval`: shows the code or the error, in the title too, to be copied.
pub fn approval_page(request: &Request) -> Reply {
    let parameters = Parameters::parse(request.query.as_bytes());
    let (status, title) = match (parameters.get("code"), parameters.get("error")) {
        (Some(code), _) => (200, format!("Success code={code}")),
        (None, Some(error)) => (200, format!("Failure error={error}")),
        (None, None) => return error_page("There is neither a code nor an error here."),
    };
    let title = escape_html(&title);
    Reply::html(
        status,
        page(
            &title,
            &format!("<p>Copy this to your program:</p><pre>{title}</pre>"),
        ),
    )
}

fn error_page(why: &str) -> Reply {
    let why = escape_html(why);
    Reply::html(
        400,
        page(
            "Authorization failed",
            &format!("<p class=\"error\">{why}</p>"),
        ),
    )
}

fn consent_html(asked: &Asked, client_id: &str, people: &[Person]) -> String {
    use std::fmt::Write as _;
    let mut hidden = String::new();
    for (name, value) in &asked.parameters {
        let (name, value) = (escape_html(name), escape_html(value));
        // Writing to a String cannot fail, here and below.
        let _ = write!(
            hidden,
            "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"
        );
    }
    let mut choices = String::new();
    for person in people {
        let (id, name, email) = (
            person.id,
            escape_html(&person.name),
            escape_html(&person.email),
        );
        let _ = write!(
            choices,
            "<option value=\"{id}\">{name} &lt;{email}&gt;</option>"
        );
    }
    let client = escape_html(client_id);
    let back = escape_html(asked.redirect_uri.split('?').next().unwrap_or_default());
    page(
        "Authorize application",
        &format!(
            "<p>The application <b>{client}</b> asks to read and change the data of your firm \
             in your name.</p>\
             <form method=\"post\" action=\"/oauth/authorize\">{hidden}\
             <p><label>Signed in as <select name=\"user\">{choices}</select></label></p>\
             <p><button name=\"decision\" value=\"approve\">Approve</button> \
             <button name=\"decision\" value=\"decline\" class=\"plain\">Decline</button></p>\
             </form><p class=\"small\">You will return to {back}</p>"
        ),
    )
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>\
         body{{font:16px/1.5 system-ui,sans-serif;background:#f3f5f8;color:#1c2733;margin:0}}\
         main{{max-width:28rem;margin:12vh auto;background:#fff;padding:2rem;border-radius:8px;\
         box-shadow:0 1px 6px #0002}}h1{{font-size:1.3rem;margin-top:0}}\
         button{{font:inherit;padding:.5rem 1.2rem;border:0;border-radius:4px;background:#0a6ed1;\
         color:#fff;cursor:pointer}}button.plain{{background:#e3e8ee;color:#1c2733}}\
         select{{font:inherit;max-width:100%}}.small{{font-size:.8rem;color:#5d6b7a;\
         overflow-wrap:anywhere}}.error{{color:#b3261e}}pre{{overflow-wrap:anywhere;\
         white-space:pre-wrap}}</style></head><body><main><h1>{title}</h1>{body}\
         <p class=\"small\">This is clio-sandbox, not Clio.</p></main></body></html>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_recognized() {
        let loopback = |uri| host_of(uri).is_some_and(is_loopback);
        assert!(loopback("http://localhost:33333"));
        assert!(loopback("http://127.0.0.1:1/callback"));
        assert!(loopback("http://[::1]:8080/"));
        assert!(!loopback("http://127.0.0.1@evil.example/"));
        assert!(!loopback("http://localhost.evil.example/"));
        assert!(!loopback("ftp://localhost/"));
    }

    #[test]
    fn the_approval_page_is_recognized() {
        assert!(is_approval("https://eu.app.clio.com/oauth/approval"));
        assert!(is_approval("http://127.0.0.1:9/oauth/approval"));
        assert!(!is_approval("https://evil.example/oauth/approval"));
    }

    #[test]
    fn a_verifier_must_fit_its_challenge() {
        // The example of RFC 7636, appendix B.
        let challenge = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let verifier = Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert!(challenge_holds(challenge, verifier));
        assert!(!challenge_holds(challenge, Some("other")));
        assert!(!challenge_holds(challenge, None));
        assert!(challenge_holds(None, verifier));
    }
}
