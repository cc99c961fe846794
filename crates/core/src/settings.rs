//! What a connection string asks for, typed and validated.

mod given;
mod path;
mod transport;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[cfg(test)]
use etcetera::BaseStrategy as _;
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};

use crate::error::{Diagnostic, Result, SqlState};
use crate::profile::{Pkce, Profile};
use crate::region::{Region, check_oauth_url};
use crate::secret;
use given::Given;
use path::{expand_path, file_path};

/// Everything a connection string says, with defaults filled in. `Debug` shows no secret.
#[derive(Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own"
)]
pub struct Settings {
    /// The profile in force.
    pub profile: Arc<Profile>,
    /// The region, which fixes the one origin that may see the token.
    pub region: Region,
    /// How requests are authorized.
    pub auth_scheme: AuthScheme,
    /// What may be done to get or keep a token.
    pub initiate_oauth: InitiateOAuth,
    /// `OAuthClientId`; empty if not given.
    pub client_id: String,
    /// `OAuthClientSecret`, if given.
    pub client_secret: Option<SecretString>,
    /// `CallbackURL` exactly as written: it must equal what is registered with the service.
    pub callback_url: String,
    /// The token properties of the string.
    pub given: GivenToken,
    /// `OAuthSettingsLocation`.
    pub token_location: TokenLocation,
    /// `OAuthVerifier`: a bare code, or the whole redirected URL.
    pub verifier: Option<SecretString>,
    /// `PKCEVerifier` that belongs to the code in [`Settings::verifier`].
    pub pkce_verifier: Option<SecretString>,
    /// `State`, sent with the authorization request in place of a random one.
    pub state: Option<String>,
    /// `Scope`, sent with the authorization request.
    pub scope: Option<String>,
    /// Where the OAuth requests go.
    pub endpoints: OAuthEndpoints,
    /// How long an interactive login may take.
    pub login_timeout: Duration,
    /// Time-outs, proxies and TLS.
    pub transport: TransportSettings,
    /// `CustomHeaders`, sent with every request to the API.
    pub custom_headers: Vec<(http::HeaderName, http::HeaderValue)>,
    /// `CustomUrlParams`, added to every request to the API.
    pub custom_url_params: Vec<(String, String)>,
    /// The log file.
    pub log: LogSettings,
    /// `ConnectOnOpen`: prove the token with one API call when connecting.
    pub connect_on_open: bool,
    /// `Readonly`: refuse every request but GET, HEAD and OPTIONS.
    pub readonly: bool,
    /// `CustomFields=COLUMNS`: the account's own fields are columns.
    pub custom_fields: bool,
    /// `InvalidValues=NULL`: a value that does not fit its column is NULL.
    pub invalid_values_are_null: bool,
    /// `MaxRows`: the most rows of a result without aggregates and groups. `None`: all.
    pub max_rows: Option<u64>,
    /// `Pagesize`: the most records that a list is asked for at once. `None`: as many as it allows.
    pub page_size: Option<u32>,
    /// The properties that were given and do nothing, for the log.
    pub without_effect: Vec<String>,
    described: Vec<(&'static str, String)>,
}

/// `AuthScheme`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthScheme {
    /// Requests carry a bearer token.
    OAuth,
    /// Requests carry no authorization.
    None,
}

/// `InitiateOAuth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitiateOAuth {
    /// The given token is used as it is.
    Off,
    /// Tokens are refreshed; nobody is ever prompted.
    Refresh,
    /// Tokens are refreshed, and a login is started where there is none.
    GetAndRefresh,
}

/// The token properties of a connection string.
#[derive(Clone, Debug, Default)]
pub struct GivenToken {
    /// `OAuthAccessToken`.
    pub access_token: Option<SecretString>,
    /// `OAuthRefreshToken`.
    pub refresh_token: Option<SecretString>,
    /// `OAuthExpiresIn`.
    pub expires_in: Option<Duration>,
    /// `OAuthTokenTimestamp` (milliseconds since 1970 in the string).
    pub issued_at: Option<SystemTime>,
}

/// `OAuthSettingsLocation`: where tokens are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenLocation {
    /// A file of its own for each profile, region and client, under the user's configuration
    /// directory.
    Default,
    /// Exactly this file.
    File(PathBuf),
    /// `memory://ID`: shared by the connections of this process that name the same id.
    Memory(String),
}

/// Where the OAuth requests go, after `OAuthAuthorizationURL` and its like.
#[derive(Clone, Debug)]
pub struct OAuthEndpoints {
    /// The authorization endpoint (RFC 6749 §3.1).
    pub authorization: Url,
    /// The token endpoint for codes (RFC 6749 §3.2).
    pub token: Url,
    /// The token endpoint for refreshing; usually the same.
    pub refresh: Url,
    /// The revocation endpoint, where the profile has one.
    pub revocation: Option<Url>,
}

/// Time-outs, proxies and TLS.
#[derive(Clone, Debug)]
pub struct TransportSettings {
    /// `Timeout`: bounds connecting, and silence on the wire. `None` (0 in the string): no bound.
    pub timeout: Option<Duration>,
    /// How to reach the service.
    pub proxy: ProxySettings,
    /// Which server certificates are accepted.
    pub server_certificate: ServerCertificate,
    /// `SSLClientCert`: PEM text with a certificate chain and its private key.
    pub client_certificate: Option<SecretString>,
}

/// How to reach the service.
#[derive(Clone, Debug)]
pub enum ProxySettings {
    /// `ProxyAutoDetect=true`: as the system and the environment say.
    System,
    /// Straight to the service.
    Direct,
    /// Through a proxy or a firewall.
    Through {
        /// `http://HOST:PORT` (a proxy, or a `TUNNEL` firewall), `https://HOST:PORT` (a proxy that
        /// is spoken to by TLS) or `socks5h://HOST:PORT`.
        url: Url,
        /// User and password, if the proxy wants them.
        credentials: Option<(String, SecretString)>,
        /// Hosts that are reached directly.
        exceptions: Vec<String>,
    },
}

impl ProxySettings {
    /// The proxy or firewall of the connection string, as host and port. Its user and password are
    /// not part of its URL.
    pub(crate) fn named(&self) -> Option<String> {
        let Self::Through { url, .. } = self else {
            return None;
        };
        let port = url.port_or_known_default().unwrap_or_default();
        Some(format!("{}:{port}", url.host_str()?))
    }
}

/// `SSLServerCert`.
#[derive(Clone, Debug)]
pub enum ServerCertificate {
    /// Trust the system's certificate store.
    System,
    /// Trust exactly the certificates in this PEM text, as authorities or as the server's own.
    Pem(String),
    /// `*`: trust anything.
    Any,
}

/// The log file.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// `Logfile`, if there is to be one.
    pub file: Option<PathBuf>,
    /// `Verbosity`, 1 to 5.
    pub verbosity: u8,
    /// `MaxLogFileSize` in bytes, after which a new file is begun.
    pub max_file_size: u64,
    /// `MaxLogFileCount`: how many files are kept. `None`: all.
    pub max_file_count: Option<u32>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings ")?;
        f.debug_map()
            .entries(self.describe().iter().map(|(name, value)| (name, value)))
            .finish()
    }
}

impl Settings {
    /// Reads a connection string. The second part of the result are warnings (class 01) in the
    /// order in which they were found.
    ///
    /// Each value is checked for what it is. What must be given depends on what is done with the
    /// settings: see [`Settings::check_for_connect`], [`Settings::check_for_login`] and
    /// [`Settings::check_for_token_request`].
    ///
    /// Files are read: the profile, and certificates. Nothing is written, and nothing is sent.
    ///
    /// # Errors
    /// HY024 (HYC00 for what is not supported) naming the property, or the position in the string,
    /// and what to do about it. Values are never quoted, except the path of a profile.
    pub fn parse(connection_string: &str) -> Result<(Self, Vec<Diagnostic>)> {
        let mut warnings = Vec::new();
        let given = Given::read(connection_string, &mut warnings)?;
        let profile = profile(&given, &mut warnings)?;
        let region_name = given.get("Region").unwrap_or(&profile.default_region);
        let region = Region::parse(region_name, &profile)?;
        let mut settings = Self {
            auth_scheme: auth_scheme(&given),
            initiate_oauth: initiate_oauth(&given),
            client_id: given.text("OAuthClientId").unwrap_or_default().to_owned(),
            client_secret: given.secret("OAuthClientSecret"),
            callback_url: callback_url(&given)?,
            given: given_token(&given)?,
            token_location: token_location(&given)?,
            verifier: given.secret("OAuthVerifier"),
            pkce_verifier: pkce_verifier(&given)?,
            state: given.text("State").map(str::to_owned),
            scope: given.text("Scope").map(str::to_owned),
            endpoints: endpoints(&given, &profile, &region)?,
            login_timeout: Duration::from_secs(given.unsigned("LoginTimeout").unwrap_or(300)),
            transport: transport::read(&given, &mut warnings)?,
            custom_headers: custom_headers(&given)?,
            custom_url_params: custom_url_params(&given),
            log: log(&given)?,
            connect_on_open: given.boolean("ConnectOnOpen"),
            readonly: given.boolean("Readonly"),
            custom_fields: given.word("CustomFields") == "COLUMNS",
            invalid_values_are_null: given.word("InvalidValues") == "NULL",
            max_rows: bound(&given, "MaxRows"),
            page_size: bound(&given, "Pagesize")
                .map(|size| u32::try_from(size).unwrap_or(u32::MAX)),
            without_effect: given.without_effect(),
            described: given.describe(),
            profile,
            region,
        };
        settings.describe_what_follows();
        Ok((settings, warnings))
    }

    /// Name and effective value of every property that works, in the order of the documentation,
    /// for the log: secrets are masked, and each value is on one line.
    #[must_use]
    pub fn describe(&self) -> &[(&'static str, String)] {
        &self.described
    }

    /// What is sent to a service or a proxy and is a secret: the other side may repeat it in its
    /// own words, which are scrubbed of these.
    pub(crate) fn secrets(&self) -> Vec<SecretString> {
        let given = [
            &self.client_secret,
            &self.verifier,
            &self.pkce_verifier,
            &self.given.access_token,
            &self.given.refresh_token,
        ];
        let headers = self.custom_headers.iter();
        let params = self.custom_url_params.iter();
        let mut secrets: Vec<SecretString> = given
            .into_iter()
            .flatten()
            .cloned()
            .chain(headers.filter_map(|(_, value)| value.to_str().ok().map(SecretString::from)))
            .chain(params.map(|(_, value)| SecretString::from(value.as_str())))
            .collect();
        if let Some(secret) = &self.client_secret {
            let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let (id, secret): (String, String) =
                (encode(&self.client_id), encode(secret.expose_secret()));
            secrets.extend([secret::basic(&id, &secret), secret.into()]);
        }
        if let ProxySettings::Through {
            credentials: Some((user, password)),
            ..
        } = &self.transport.proxy
        {
            let basic = secret::basic(user, password.expose_secret());
            secrets.extend([password.clone(), basic]);
        }
        secrets
    }

    /// Puts in the values that follow from others where none was given.
    fn describe_what_follows(&mut self) {
        for (name, value) in &mut self.described {
            match *name {
                "Region" => *value = self.region.origin.to_string(),
                "ProxyAutoDetect" => {
                    let automatic = matches!(self.transport.proxy, ProxySettings::System);
                    *value = automatic.to_string();
                }
                _ => {}
            }
        }
    }

    /// Checks that what every connection with these settings needs is there: an access token for
    /// `InitiateOAuth=OFF`; client ID and secret for GETANDREFRESH; these and a place for the
    /// token for `OAuthVerifier`. REFRESH needs client ID and secret only when it refreshes: see
    /// [`Settings::check_for_token_request`].
    ///
    /// # Errors
    /// 28000 naming what is missing, HY024 for properties that exclude each other.
    pub fn check_for_connect(&self) -> Result<()> {
        if self.auth_scheme == AuthScheme::None {
            return Ok(());
        }
        self.check_verifier()?;
        match self.initiate_oauth {
            InitiateOAuth::Off if self.given.access_token.is_none() => Err(missing(
                "OAuthAccessToken is missing: InitiateOAuth=OFF, the default, uses it as it is. \
                 Give it, or write InitiateOAuth=GETANDREFRESH to log in.",
            )),
            InitiateOAuth::GetAndRefresh => self.check_for_token_request(),
            InitiateOAuth::Off | InitiateOAuth::Refresh => Ok(()),
        }
    }

    /// Checks that an authorization URL can be made: the client ID is needed. The redirect URI
    /// always has a value.
    ///
    /// # Errors
    /// 28000 naming what is missing.
    pub fn check_for_login(&self) -> Result<()> {
        if self.client_id.is_empty() {
            return Err(missing(&format!(
                "OAuthClientId is missing. Give the client ID that {} assigned to your \
                 application.",
                self.profile.name
            )));
        }
        Ok(())
    }

    /// Checks that a code can be exchanged and a token refreshed: client ID and secret are needed,
    /// the secret only if the profile is without PKCE.
    ///
    /// # Errors
    /// 28000 naming what is missing.
    pub fn check_for_token_request(&self) -> Result<()> {
        let needs_secret = self.profile.oauth.pkce == Pkce::Off;
        if needs_secret && self.client_secret.is_none() {
            let what = if self.client_id.is_empty() {
                "OAuthClientId and OAuthClientSecret are missing. Give the client ID and secret"
            } else {
                "OAuthClientSecret is missing. Give the client secret"
            };
            return Err(missing(&format!(
                "{what} that {} assigned to your application.",
                self.profile.name
            )));
        }
        self.check_for_login()
    }

    fn check_verifier(&self) -> Result<()> {
        if self.verifier.is_none() {
            return Ok(());
        }
        if self.initiate_oauth == InitiateOAuth::Off {
            return Err(Diagnostic::invalid_value(
                "OAuthVerifier is given with InitiateOAuth=OFF, which obtains no token. Write \
                 InitiateOAuth=REFRESH.",
            ));
        }
        if self.token_location == TokenLocation::Default {
            return Err(missing(
                "OAuthSettingsLocation is missing: OAuthVerifier needs it. A code works only once, \
                 so say where the token is to be kept.",
            ));
        }
        self.check_for_token_request()
    }
}

fn missing(message: &str) -> Diagnostic {
    Diagnostic::new(SqlState::AUTHORIZATION, message)
}

fn profile(given: &Given, warnings: &mut Vec<Diagnostic>) -> Result<Arc<Profile>> {
    let Some(value) = given.get("Profile") else {
        return Ok(Profile::built_in_clio());
    };
    if Profile::is_built_in_name(value) {
        return Ok(Profile::built_in_clio());
    }
    let selection = Profile::select(&expand_path("Profile", value)?)?;
    warnings.extend(selection.warning);
    Ok(selection.profile)
}

fn auth_scheme(given: &Given) -> AuthScheme {
    match given.word("AuthScheme") {
        "None" => AuthScheme::None,
        _ => AuthScheme::OAuth,
    }
}

fn initiate_oauth(given: &Given) -> InitiateOAuth {
    match given.word("InitiateOAuth") {
        "GETANDREFRESH" => InitiateOAuth::GetAndRefresh,
        "REFRESH" => InitiateOAuth::Refresh,
        _ => InitiateOAuth::Off,
    }
}

fn callback_url(given: &Given) -> Result<String> {
    let text = given.text("CallbackURL").unwrap_or_default();
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    // A redirect URI is absolute and has no fragment: RFC 6749 §3.1.2.
    if text.contains(odd) || text.contains('#') || Url::parse(text).is_err() {
        return Err(Diagnostic::invalid_value(
            "CallbackURL: the value is not an absolute URL without fragment. Write it exactly as \
             it is registered with the service, as in http://localhost:33333.",
        ));
    }
    Ok(text.to_owned())
}

/// RFC 7636 section 4.1.
fn pkce_verifier(given: &Given) -> Result<Option<SecretString>> {
    let verifier = given.secret("PKCEVerifier");
    let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let is_right = |text: &str| (43..=128).contains(&text.len()) && text.chars().all(is_unreserved);
    match &verifier {
        Some(text) if !is_right(text.expose_secret()) => Err(Diagnostic::invalid_value(
            "PKCEVerifier: the value is not a PKCE code verifier, which has 43 to 128 letters, \
             digits and characters of -._~ (RFC 7636). Give the one that belongs to the \
             authorization URL, or leave it out to have one made.",
        )),
        _ => Ok(verifier),
    }
}

fn given_token(given: &Given) -> Result<GivenToken> {
    let timestamp = given
        .unsigned("OAuthTokenTimestamp")
        .map(Duration::from_millis);
    Ok(GivenToken {
        access_token: token(given, "OAuthAccessToken")?,
        refresh_token: token(given, "OAuthRefreshToken")?,
        expires_in: given.unsigned("OAuthExpiresIn").map(Duration::from_secs),
        issued_at: timestamp.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)),
    })
}

/// A token of visible characters (RFC 6749 appendix A.12 and A.17, RFC 6750 §2.1).
fn token(given: &Given, property: &str) -> Result<Option<SecretString>> {
    let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if given.get(property).is_none_or(is_visible) {
        return Ok(given.secret(property));
    }
    Err(Diagnostic::invalid_value(format!(
        "{property}: the token holds a blank, a line break or another character that no token has. \
         Copy it again."
    )))
}

fn token_location(given: &Given) -> Result<TokenLocation> {
    const PROPERTY: &str = "OAuthSettingsLocation";
    let Some(value) = given.get(PROPERTY) else {
        return Ok(TokenLocation::Default);
    };
    match value.split_once("://") {
        None => file_path(PROPERTY, value).map(TokenLocation::File),
        Some((scheme, id)) if scheme.eq_ignore_ascii_case("memory") => {
            Ok(TokenLocation::Memory(id.to_owned()))
        }
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("register") => Err(Diagnostic::new(
            SqlState::NOT_IMPLEMENTED,
            "OAuthSettingsLocation: tokens in the registry (register://) are not supported. Name a \
             file, as in %APPDATA%\\apilink\\token.txt, or leave the property out, and log in once \
             more.",
        )),
        Some(_) => Err(Diagnostic::invalid_value(
            "OAuthSettingsLocation: the value is neither the path of a file nor memory://ID.",
        )),
    }
}

fn endpoints(given: &Given, profile: &Profile, region: &Region) -> Result<OAuthEndpoints> {
    let overriding = |property: &str| {
        given
            .get(property)
            .map(|text| check_oauth_url(property, text))
            .transpose()
    };
    let on_region = |path: &String| region.origin.join(path);
    let oauth = &profile.oauth;
    let authorization = overriding("OAuthAuthorizationURL")?;
    let token = overriding("OAuthAccessTokenURL")?.unwrap_or_else(|| on_region(&oauth.token_path));
    Ok(OAuthEndpoints {
        authorization: authorization.unwrap_or_else(|| on_region(&oauth.authorization_path)),
        refresh: overriding("OAuthRefreshTokenURL")?.unwrap_or_else(|| token.clone()),
        token,
        revocation: oauth.revocation_path.as_ref().map(on_region),
    })
}

/// Headers that are set by the library or make up the framing of a request.
const RESERVED_HEADERS: [&str; 5] = [
    "authorization",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
];

fn custom_headers(given: &Given) -> Result<Vec<(http::HeaderName, http::HeaderValue)>> {
    let lines = given
        .get("CustomHeaders")
        .unwrap_or_default()
        .lines()
        .enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            custom_header(line).map_err(|problem| {
                let line = index + 1;
                Diagnostic::invalid_value(format!(
                    "CustomHeaders: line {line} {problem}. Each line has the form Name: value."
                ))
            })
        })
        .collect()
}

fn custom_header(
    line: &str,
) -> std::result::Result<(http::HeaderName, http::HeaderValue), &'static str> {
    let (name, value) = line.split_once(':').ok_or("holds no colon")?;
    let name = http::HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_| "does not begin with the name of a header")?;
    if RESERVED_HEADERS.contains(&name.as_str()) {
        return Err(
            "sets one of Authorization, Host, Content-Length, Transfer-Encoding and \
                    Connection, which apilink sets itself",
        );
    }
    let mut value = http::HeaderValue::from_str(value.trim())
        .map_err(|_| "holds a character that a header cannot hold")?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn custom_url_params(given: &Given) -> Vec<(String, String)> {
    let text = given.get("CustomUrlParams").unwrap_or_default();
    let query = text.strip_prefix('?').unwrap_or(text);
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// A number that is no bound where it is 0 or less.
fn bound(given: &Given, name: &str) -> Option<u64> {
    let number = given.unsigned(name)?;
    (number > 0).then_some(number)
}

fn log(given: &Given) -> Result<LogSettings> {
    let count = given.integer("MaxLogFileCount").unwrap_or_default();
    if count == 1 {
        return Err(Diagnostic::invalid_value(
            "MaxLogFileCount: 1 is not allowed, because a file that is full would be lost at once. \
             Allowed: 2 or more; 0 or less for all.",
        ));
    }
    let file = given
        .get("Logfile")
        .map(|value| file_path("Logfile", value))
        .transpose()?;
    Ok(LogSettings {
        file,
        verbosity: given
            .unsigned("Verbosity")
            .and_then(|v| v.try_into().ok())
            .unwrap_or(1),
        max_file_size: given.unsigned("MaxLogFileSize").unwrap_or(u64::MAX),
        max_file_count: u32::try_from(count).ok().filter(|count| *count > 0),
    })
}

#[cfg(test)]
mod tests;
