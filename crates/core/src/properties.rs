//! The table of connection-string properties.
//!
//! Names, defaults and allowed values stand here only: connection strings are checked against
//! this table, and `docs/connection-string.md` is generated from it by [`reference()`].

use std::fmt::Write as _;

/// One property of a connection string.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// The name, as it is written in messages and documentation.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// The section of the documentation.
    pub category: Category,
    /// The type, with the values that are allowed.
    pub kind: Kind,
    /// The value that is in force when none is given. Empty: none.
    pub default: &'static str,
    /// What it means, for a person.
    pub meaning: &'static str,
    /// Whether its value may never be shown.
    pub secret: bool,
    /// Whether it does something. The others are accepted so that connection strings written for
    /// the established provider need no change.
    pub works: bool,
}

/// A section of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Which service.
    Service,
    /// How requests are authorized.
    OAuth,
    /// How requests are sent.
    Requests,
    /// How the service is reached.
    Network,
    /// Whom to trust.
    Tls,
    /// The log file.
    Logging,
    /// Queries.
    Sql,
    /// Accepted, without effect.
    Compatibility,
}

impl Category {
    const ALL: [Self; 8] = [
        Self::Service,
        Self::OAuth,
        Self::Requests,
        Self::Network,
        Self::Tls,
        Self::Logging,
        Self::Sql,
        Self::Compatibility,
    ];

    /// The section's title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Service => "Service and region",
            Self::OAuth => "Authorization",
            Self::Requests => "Requests",
            Self::Network => "Proxy and firewall",
            Self::Tls => "TLS",
            Self::Logging => "Log file",
            Self::Sql => "SQL",
            Self::Compatibility => "Accepted without effect",
        }
    }

    /// What holds for all of its properties.
    fn introduction(self) -> &'static str {
        match self {
            Self::Sql => {
                "These are for the queries of the command-line tool `apilink` (sql.md). They do \
                 nothing to the requests that a program makes with the library: there, the \
                 parameter `limit` of the request is the size of a page.\n\n"
            }
            _ => "",
        }
    }
}

/// The type of a property's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// The path of a file.
    Path,
    /// A URL.
    Url,
    /// A nested connection string.
    Nested,
    /// true or false.
    Boolean,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// A number of bytes, not below this one, with an optional unit.
    Size(u64),
    /// One of these words, compared without case.
    OneOf(&'static [&'static str]),
}

/// A value that was checked against its [`Kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Of any of the textual kinds.
    Text(&'a str),
    /// Of [`Kind::Boolean`].
    Boolean(bool),
    /// Of [`Kind::Integer`].
    Integer(i64),
    /// Of [`Kind::Size`], in bytes.
    Size(u64),
    /// Of [`Kind::OneOf`], as the table spells it.
    Word(&'static str),
}

impl Kind {
    /// Reads a value; `None` if it is not allowed.
    #[must_use]
    pub fn read<'a>(&self, text: &'a str) -> Option<Value<'a>> {
        match self {
            Self::Text | Self::Path | Self::Url | Self::Nested => Some(Value::Text(text)),
            Self::Boolean => read_boolean(text).map(Value::Boolean),
            Self::Integer(min, max) => {
                let number = text.trim().parse().ok();
                number
                    .filter(|number| (min..=max).contains(&number))
                    .map(Value::Integer)
            }
            Self::Size(min) => read_size(text).filter(|size| size >= min).map(Value::Size),
            Self::OneOf(words) => {
                let word = words
                    .iter()
                    .find(|word| word.eq_ignore_ascii_case(text.trim()));
                word.map(|word| Value::Word(word))
            }
        }
    }

    /// The type's name, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text | Self::OneOf(_) => "text",
            Self::Path => "path",
            Self::Url => "URL",
            Self::Nested => "connection string",
            Self::Boolean => "boolean",
            Self::Integer(..) => "integer",
            Self::Size(_) => "size",
        }
    }

    /// What is allowed, for messages and documentation. Empty: anything.
    #[must_use]
    pub fn allowed(&self) -> String {
        match self {
            Self::Text | Self::Path | Self::Url | Self::Nested => String::new(),
            Self::Boolean => "true, false, yes, no, on, off, 1, 0".to_owned(),
            Self::Integer(i64::MIN, i64::MAX) => "a whole number of 64 bits".to_owned(),
            Self::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Self::Size(min) => {
                format!(
                    "a whole number with B, KB, MB or GB, from {}KB to {}GB",
                    min / 1024,
                    u64::MAX >> 30
                )
            }
            Self::OneOf(words) => words.join(", "),
        }
    }
}

fn read_boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn read_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The form in which keys are compared: without case and blanks. Names are ASCII.
fn normal_form(key: &str) -> impl Iterator<Item = char> {
    key.chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_ascii_lowercase())
}

impl Property {
    /// The property of that name or alias, compared without case and blanks.
    #[must_use]
    pub fn find(key: &str) -> Option<&'static Self> {
        let is_key = |name| normal_form(name).eq(normal_form(key));
        PROPERTIES
            .iter()
            .find(|property| property.names().any(is_key))
    }

    /// The name that comes nearest to a misspelt one, if any comes near.
    #[must_use]
    pub fn nearest_name(key: &str) -> Option<&'static str> {
        const NEAR: f64 = 0.6;
        let key: String = normal_form(key).collect();
        let similarity = |name| {
            let name: String = normal_form(name).collect();
            strsim::normalized_damerau_levenshtein(&key, &name)
        };
        PROPERTIES
            .iter()
            .flat_map(Self::names)
            .map(|name| (similarity(name), name))
            .filter(|(similarity, _)| *similarity >= NEAR)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, name)| name)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

const fn works(
    category: Category,
    name: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Property {
    Property {
        name,
        aliases: &[],
        category,
        kind,
        default,
        meaning,
        secret: false,
        works: true,
    }
}

/// A property that is accepted without effect.
const fn accepted(name: &'static str, kind: Kind, meaning: &'static str) -> Property {
    Property {
        works: false,
        ..works(Category::Compatibility, name, kind, "", meaning)
    }
}

const SECONDS: Kind = Kind::Integer(0, i32::MAX as i64);
const PORT: Kind = Kind::Integer(0, 65_535);
const ANY_INTEGER: Kind = Kind::Integer(i64::MIN, i64::MAX);
/// The last millisecond of the year 9999.
const LAST_MILLISECOND: i64 = 253_402_300_799_999;

/// Every property that a connection string may hold.
#[rustfmt::skip]
pub static PROPERTIES: &[Property] = {
    use Category::{Logging, Sql, Network, OAuth, Requests, Service, Tls};
    use Kind::{Boolean, Integer, Nested, OneOf, Path, Size, Text, Url};
    &[
    works(Service, "Profile", Path, "Clio",
        "The service: a file in apilink's profile format (see profiles.md), with or without its \
         extension .apip, or a directory that holds one. The profile Clio is built in: it is used \
         when there is no such file and the name of the file is Clio, whatever its directory; and, \
         with a warning, when the file is a Clio.apip of the established provider."),
    works(Service, "ProfileSettings", Nested, "",
        "A connection string within the connection string, in quotes: \
         `ProfileSettings='Region=EU;'`. Every property except ProfileSettings itself may stand in \
         it. A property that is also given outside has the value given outside.").secret(),
    works(Service, "Region", Text, "",
        "The region of the service; for Clio US, CA, EU, AU, or United States, Canada, Europe, \
         Australia, or a host name such as ca.app.clio.com, with or without https://. For a server \
         on this machine, `http://localhost:PORT`, `http://127.0.0.1:PORT` or `http://[::1]:PORT`. \
         Nothing else is accepted, since secrets are sent there. When it is not given: the \
         profile's default, for Clio US."),

    works(OAuth, "AuthScheme", OneOf(&["OAuth", "None"]), "OAuth",
        "OAuth: requests carry an access token. None: requests carry no authorization. The \
         established provider's default is None; here it is OAuth, because nothing of Clio can be \
         read without."),
    works(OAuth, "InitiateOAuth", OneOf(&["OFF", "REFRESH", "GETANDREFRESH"]), "OFF",
        "OFF: OAuthAccessToken is used as it is; nothing is refreshed or stored. REFRESH: the token \
         is refreshed when needed and kept; nobody is ever asked to log in. GETANDREFRESH: as \
         REFRESH, and a login is started in the browser when there is no token."),
    works(OAuth, "OAuthClientId", Text, "",
        "The client ID of your application, as assigned by the service. Needed for GETANDREFRESH, \
         for refreshing and for exchanging a code.").alias(&["ClientId"]),
    works(OAuth, "OAuthClientSecret", Text, "",
        "The client secret of your application. Needed with OAuthClientId, unless the profile uses \
         PKCE and the application has no secret.").alias(&["ClientSecret"]).secret(),
    works(OAuth, "CallbackURL", Url, "http://localhost:33333",
        "The redirect URI registered with the service for your application, exactly as registered. \
         For a login in the browser it must be an http URL of this machine; apilink listens at its \
         host, port and path.").alias(&["RedirectURI"]),
    works(OAuth, "OAuthAccessToken", Text, "",
        "An access token to use. Needed for `InitiateOAuth=OFF`.").secret(),
    works(OAuth, "OAuthRefreshToken", Text, "",
        "A refresh token to begin with. It is used until the token store holds a token that \
         descends from it.").secret(),
    works(OAuth, "OAuthExpiresIn", SECONDS, "",
        "How many seconds OAuthAccessToken lives from OAuthTokenTimestamp."),
    works(OAuth, "OAuthTokenTimestamp", Integer(0, LAST_MILLISECOND), "",
        "When OAuthAccessToken was issued, in milliseconds since 1970-01-01 UTC."),
    works(OAuth, "OAuthSettingsLocation", Path, "",
        "Where tokens are kept. A path: exactly this file; `%APPDATA%` at its beginning stands for \
         the user's configuration directory on every system, `~` for the home directory; other paths \
         of Windows are refused on other systems. `memory://ID`: \
         in the memory of the process, shared by the connections that name the same ID. When it is \
         not given: a file for each profile, region and client in the user's configuration \
         directory. `register://…` is not supported."),
    works(OAuth, "OAuthVerifier", Text, "",
        "The authorization code of a login made elsewhere, or the whole URL to which that login was \
         redirected, or its query string. Needs InitiateOAuth REFRESH or GETANDREFRESH, and OAuthSettingsLocation, \
         where the token will be kept: a code works only once.").secret(),
    works(OAuth, "PKCEVerifier", Text, "",
        "The PKCE code verifier that belongs to OAuthVerifier, where the profile uses PKCE: 43 to \
         128 letters, digits and characters of -._~ (RFC 7636).").secret(),
    works(OAuth, "State", Text, "",
        "The state parameter of the authorization request. When it is not given: a random one. It is \
         masked in the log, but it is part of the authorization URL: who sees that sees it too, in \
         the arguments of the browser's command and in the message of a login that nobody completes.").secret(),
    works(OAuth, "Scope", Text, "",
        "The scope parameter of the authorization request. Clio has none: permissions are chosen in \
         its developer portal."),
    works(OAuth, "OAuthAuthorizationURL", Url, "",
        "The authorization endpoint, in place of the profile's. https, or http on this machine."),
    works(OAuth, "OAuthAccessTokenURL", Url, "",
        "The token endpoint, in place of the profile's. https, or http on this machine."),
    works(OAuth, "OAuthRefreshTokenURL", Url, "",
        "The token endpoint for refreshing. When it is not given: OAuthAccessTokenURL, or else the \
         profile's."),
    works(OAuth, "LoginTimeout", Integer(1, i32::MAX as i64), "300",
        "How many seconds a login in the browser may take.").alias(&["WebServerTimeout"]),

    works(Requests, "Timeout", SECONDS, "60",
        "How many seconds connecting, and silence on the wire, may last. It does not limit the \
         length of a download or an upload. What is sent is taken over by the system long before it \
         is on the wire: silence begins when it would be there at 16 KiB a second, at most 256 \
         seconds after it was taken over. Linux tells when the other side takes nothing any more: 24 \
         seconds of that beyond the limit are silence, too. 0: no limit."),
    works(Requests, "ConnectOnOpen", Boolean, "false",
        "Whether connecting proves the token with a request to the service for the identity of the \
         person, whose data must be in the reply."),
    works(Requests, "Readonly", Boolean, "false",
        "Whether every request other than GET, HEAD and OPTIONS is refused."),
    works(Requests, "CustomHeaders", Text, "",
        "Headers to send with every request to the API: `Name: value`, one on each line. \
         Authorization, Host, Content-Length, Transfer-Encoding and Connection are refused.").secret(),
    works(Requests, "CustomUrlParams", Text, "",
        "Parameters to add to every request to the API, in the form of a query string: `a=1&b=2`.").secret(),

    works(Network, "ProxyAutoDetect", Boolean, "true",
        "Whether the proxy is the one that the system and the environment name, for hosts other \
         than localhost and loopback addresses. Off when ProxyServer or a firewall is given. If it \
         is set to true with ProxyServer, the system's proxy is used and a warning says so."),
    works(Network, "ProxyServer", Text, "",
        "The host name or address of an HTTP proxy."),
    works(Network, "ProxyPort", Integer(1, 65_535), "80", "The port of the proxy."),
    works(Network, "ProxyUser", Text, "", "The user name for the proxy."),
    works(Network, "ProxyPassword", Text, "", "The password for the proxy.").secret(),
    works(Network, "ProxyAuthScheme", OneOf(&["BASIC", "NONE"]), "BASIC",
        "How ProxyUser and ProxyPassword are sent to the proxy. NONE: not at all."),
    works(Network, "ProxySSLType", OneOf(&["AUTO", "ALWAYS", "NEVER", "TUNNEL"]), "AUTO",
        "ALWAYS: the proxy is spoken to by TLS, and its certificate is checked as the service's is \
         (SSLServerCert). With the others it is spoken to without. Either way https goes through it \
         as a tunnel, and plain http, which servers of this machine alone may speak, as a request to \
         the proxy."),
    works(Network, "ProxyExceptions", Text, "",
        "Hosts that are reached without the proxy, separated by `;` (enclose the value in quotes) or \
         by commas: a name, which stands for the names below it too (`firm.example`, `.firm.example` \
         or `*.firm.example`), an address (`10.0.0.1`, `::1`) or a network (`10.0.0.0/8`). Nothing \
         else is accepted."),
    works(Network, "FirewallType", OneOf(&["NONE", "SOCKS5", "TUNNEL"]), "NONE",
        "SOCKS5: a SOCKS 5 proxy, which also resolves names. TUNNEL: a tunnel through an HTTP proxy \
         (CONNECT). Plain http, which servers of this machine alone may speak, is not tunnelled: it \
         goes to the firewall as a request to a proxy, with its token, which the firewall can read. \
         Only one of proxy and firewall may be given."),
    works(Network, "FirewallServer", Text, "", "The host name or address of the firewall."),
    works(Network, "FirewallPort", PORT, "0",
        "The port of the firewall. 0: 1080 for SOCKS5, 80 for TUNNEL."),
    works(Network, "FirewallUser", Text, "", "The user name for the firewall; for SOCKS5 it and the password have 200 bytes at most together."),
    works(Network, "FirewallPassword", Text, "", "The password for the firewall; for SOCKS5 it and the user have 200 bytes at most together.").secret(),

    works(Tls, "SSLServerCert", Text, "",
        "The certificates to trust, as authorities or as the server's own, in place of the system's \
         certificate store: a PEM file, or PEM text. `*`: any certificate, which protects nothing \
         and is answered with a warning. When it is not given: the system's certificate store."),
    works(Tls, "SSLClientCert", Text, "",
        "A client certificate with its private key: a PEM file, or PEM text. The key must not be \
         encrypted, and the certificate must be of X.509 version 3.").secret(),

    works(Logging, "Logfile", Path, "",
        "The log file: not a pipe or a device; its path as for OAuthSettingsLocation. It is created; \
         its directory is not. Secrets are \
         never written to it. When it is not given, nothing is logged."),
    works(Logging, "Verbosity", Integer(1, 5), "1",
        "How much is logged. Each level holds the ones before it: 1 connections and errors, 2 \
         requests, 3 their headers, with secrets masked, 4 how they went out: protocol, address, \
         proxy and certificate, 5 the calls of the program on the connection, and those that wait for \
         bodies. Bodies are never logged."),
    works(Logging, "MaxLogFileSize", Size(100 << 10), "100MB",
        "The size at which a new log file is begun. 1 KB is 1024 bytes."),
    works(Logging, "MaxLogFileCount", ANY_INTEGER, "-1",
        "How many log files are kept, 2 or more. 0 or less: all. 1 is not allowed."),

    works(Sql, "CustomFields", OneOf(&["COLUMNS", "OFF"]), "COLUMNS",
        "Whether the fields that the account has added are columns of the tables that have them. \
         Their definitions are read once for each connection, when a query first needs them."),
    works(Sql, "InvalidValues", OneOf(&["ERROR", "NULL"]), "ERROR",
        "What a value becomes that the service sends and that does not fit its column's type: an \
         error that names the row and the column, or NULL with a warning."),
    works(Sql, "MaxRows", ANY_INTEGER, "-1",
        "The most rows of a result whose outermost SELECT has neither aggregates nor GROUP BY. A LIMIT \
         that is smaller holds besides. Results of system tables are not bounded. 0 or less: all rows."),
    works(Sql, "Pagesize", ANY_INTEGER, "-1",
        "The most records that are asked for at once, if the service allows more. Smaller pages take \
         more requests. 0 or less: as many as the service allows."),

    accepted("User", Text, "No scheme that needs it is supported.").alias(&["UID"]),
    accepted("Password", Text, "No scheme that needs it is supported.").alias(&["PWD"]).secret(),
    accepted("URL", Text, "The address of another mode of the established provider."),
    accepted("OAuthVersion", Text, "OAuth 2.0 is always used."),
    accepted("OAuthAccessTokenSecret", Text, "OAuth 1.0.").secret(),
    accepted("OAuthRequestTokenURL", Text, "OAuth 1.0."),
    accepted("AuthToken", Text, "OAuth 1.0.").secret(),
    accepted("AuthKey", Text, "OAuth 1.0.").secret(),
    accepted("OAuthGrantType", Text, "The authorization code grant is always used."),
    accepted("OAuthPasswordGrantMode", Text, "The password grant is not supported."),
    accepted("OAuthIncludeCallbackURL", Boolean, "The redirect URI is always sent."),
    accepted("OAuthParams", Text, "The profile says which parameters are sent.").secret(),
    accepted("OAuthJWTCert", Text, "The JWT grant is not supported.").secret(),
    accepted("OAuthJWTCertType", Text, "The JWT grant is not supported."),
    accepted("OAuthJWTCertPassword", Text, "The JWT grant is not supported.").secret(),
    accepted("OAuthJWTCertSubject", Text, "The JWT grant is not supported."),
    accepted("OAuthJWTSubject", Text, "The JWT grant is not supported."),
    accepted("OAuthJWTSubjectType", Text, "The JWT grant is not supported."),
    accepted("OAuthJWTIssuer", Text, "The JWT grant is not supported."),
    accepted("KerberosKDC", Text, "Kerberos is not supported."),
    accepted("KerberosRealm", Text, "Kerberos is not supported."),
    accepted("KerberosSPN", Text, "Kerberos is not supported."),
    accepted("KerberosUser", Text, "Kerberos is not supported."),
    accepted("KerberosKeytabFile", Text, "Kerberos is not supported."),
    accepted("KerberosServiceRealm", Text, "Kerberos is not supported."),
    accepted("KerberosServiceKDC", Text, "Kerberos is not supported."),
    accepted("KerberosTicketCache", Text, "Kerberos is not supported."),
    accepted("SSLClientCertType", Text, "SSLClientCert is always PEM."),
    accepted("SSLClientCertPassword", Text, "The key of SSLClientCert must not be encrypted.").secret(),
    accepted("SSLClientCertSubject", Text, "The first certificate of SSLClientCert is used."),
    accepted("LogModules", Text, "All modules are logged."),
    accepted("Location", Text, "There are no schema files."),
    accepted("BrowsableSchemas", Text, "There is one schema."),
    accepted("Tables", Text, "All tables are listed."),
    accepted("Views", Text, "There are no views."),
    accepted("RTK", Text, "No licence key is needed.").secret(),
    accepted("PseudoColumns", Text, "There are no pseudo columns."),
    accepted("UserDefinedViews", Text, "There are no views."),
    accepted("RowScanDepth", ANY_INTEGER, "Types are known and not detected."),
    accepted("TypeDetectionScheme", Text, "Types are known and not detected."),
    accepted("ConnectionLifeTime", ANY_INTEGER, "Connections are not pooled."),
    accepted("BatchSize", ANY_INTEGER, "SQL reads and does not write."),
    accepted("UseConnectionPooling", Boolean, "Connections are not pooled."),
    accepted("PoolIdleTimeout", ANY_INTEGER, "Connections are not pooled."),
    accepted("PoolMaxSize", ANY_INTEGER, "Connections are not pooled."),
    accepted("PoolMinSize", ANY_INTEGER, "Connections are not pooled."),
    accepted("PoolWaitTime", ANY_INTEGER, "Connections are not pooled."),
    accepted("AutoCache", Boolean, "Nothing is cached."),
    accepted("CacheLocation", Text, "Nothing is cached."),
    accepted("CacheConnection", Text, "Nothing is cached.").secret(),
    accepted("CacheDriver", Text, "Nothing is cached."),
    accepted("CacheProvider", Text, "Nothing is cached."),
    accepted("CacheTolerance", ANY_INTEGER, "Nothing is cached."),
    accepted("CacheMetadata", Boolean, "Nothing is cached."),
    accepted("CacheQueryResult", Text, "Nothing is cached."),
    accepted("Offline", Boolean, "Nothing is cached."),
    accepted("Cookies", Text, "Use CustomHeaders.").secret(),
    accepted("Other", Text, "Hidden options of the established provider.").secret(),
    accepted("SupportEnhancedSQL", Boolean, "What the service cannot do is always done on this side."),
    accepted("QueryPassthrough", Boolean, "The service has no SQL of its own."),
    accepted("GenerateSchemaFiles", Text, "There are no schema files."),
    accepted("URI", Text, "The profile says where the data is."),
    accepted("Format", Text, "The profile says what the data looks like."),
    accepted("XPath", Text, "The profile says where the data is."),
    accepted("DataModel", Text, "The profile says what the data looks like."),
    accepted("DefaultDomain", Text, "For ODBC."),
    accepted("EnableForeignKeyDetection", Text, "For ODBC."),
    accepted("MapToLongVarchar", Text, "For ODBC."),
    accepted("MapToWVarchar", Text, "For ODBC."),
    accepted("MapToInt", Text, "For ODBC."),
    accepted("MaximumColumnSize", Text, "For ODBC."),
    accepted("UpperCaseIdentifiers", Text, "For ODBC."),
    accepted("IncludeDualTable", Text, "For ODBC."),
    accepted("LimitKeySize", Text, "For ODBC."),
]};

const INTRODUCTION: &str = r#"# The connection string

<!-- Generated from crates/core/src/properties.rs:
     cargo run -p apilink-core --example connection-string-docs > docs/connection-string.md -->

A connection string says which service to connect to, and as whom:

    Profile=C:\profiles\Clio.apip;ProfileSettings='Region=your_region';Authscheme=OAuth;InitiateOAuth=GETANDREFRESH;OAuthClientId=your_client_id;OAuthClientSecret=your_client_secret;CallbackUrl=your_callback_url;

It works as it stands on every system once the four placeholders are replaced. The file need not
exist: the profile of Clio is built in.

## How it is written

- `property=value` pairs, separated by `;`. Empty ones do no harm. The first `=` of a pair splits
  it, so a value may hold more of them.
- Names are compared without case and blanks: `AuthScheme`, `authscheme` and `Auth Scheme` are the
  same. Blanks and line breaks around names and values are not part of them.
- A value that holds a `;`, or begins or ends with a blank, or begins with a quote or brace, is
  enclosed: `'…'` or `"…"` with the quote doubled inside, or `{…}` with `}}` for `}`. A backslash
  means itself.
- An empty value counts as not given.
- When a property is given twice, the first value is used, and a warning (01S00) says so.
- It is UTF-8 text of at most 65,536 bytes. Messages about it name a position, counted in bytes
  from 1, and never show its text.
- An unknown property, and a value that is not allowed, is an error (HY024). Properties that are
  accepted without effect are noted in the log.

## What has to be given

- `InitiateOAuth=GETANDREFRESH` needs `OAuthClientId` and `OAuthClientSecret`, and usually
  `CallbackURL`.
- `InitiateOAuth=REFRESH` needs them when it refreshes a token or exchanges a code.
- `InitiateOAuth=OFF` needs `OAuthAccessToken`.

## Properties
"#;

/// The text of `docs/connection-string.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    for category in Category::ALL {
        page += "\n### ";
        page += category.title();
        page += "\n\n";
        let properties = PROPERTIES
            .iter()
            .filter(|property| property.category == category);
        if category == Category::Compatibility {
            page += "Connection strings written for the established provider may hold these. They \
                     are checked for their type and do nothing.\n\n\
                     | Property | Type | Secret | Why it does nothing |\n|---|---|---|---|\n";
            properties.for_each(|property| add_accepted(&mut page, property));
        } else {
            page += category.introduction();
            page += "| Property | Type | Default | Allowed | Secret | Meaning |\n\
                     |---|---|---|---|---|---|\n";
            properties.for_each(|property| add_working(&mut page, property));
        }
    }
    page
}

fn add_working(page: &mut String, property: &Property) {
    let default = match property.default {
        "" => String::new(),
        default => format!("`{default}`"),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        page,
        "| {} | {} | {} | {} | {} | {} |",
        names_cell(property),
        property.kind.name(),
        default,
        property.kind.allowed(),
        secret_cell(property),
        property.meaning,
    );
}

fn add_accepted(page: &mut String, property: &Property) {
    let _ = writeln!(
        page,
        "| {} | {} | {} | {} |",
        names_cell(property),
        property.kind.name(),
        secret_cell(property),
        property.meaning,
    );
}

fn names_cell(property: &Property) -> String {
    property
        .names()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn secret_cell(property: &Property) -> &'static str {
    if property.secret { "yes" } else { "" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_defaults_allowed() {
        let mut seen = HashSet::new();
        for property in PROPERTIES {
            for name in property.names() {
                assert!(
                    seen.insert(normal_form(name).collect::<String>()),
                    "{name} stands twice in the table"
                );
            }
            let default = property.default;
            assert!(
                default.is_empty() || property.kind.read(default).is_some(),
                "{default}"
            );
            assert!(!property.meaning.contains(['|', '\n']), "{}", property.name);
            assert_eq!(property.works, property.category != Category::Compatibility);
        }
    }

    #[test]
    fn keys_are_compared_without_case_and_blanks() {
        for key in ["AuthScheme", "Authscheme", "Auth Scheme", " auth\tSCHEME"] {
            assert_eq!(Property::find(key).unwrap().name, "AuthScheme");
        }
        assert_eq!(
            Property::find("web server timeout").unwrap().name,
            "LoginTimeout"
        );
        for key in ["nosuchproperty", "", "Timeou", "Timeouts", "To\u{212a}en"] {
            assert!(Property::find(key).is_none(), "{key}");
        }
    }

    #[test]
    fn the_nearest_name_is_suggested_and_far_ones_are_not() {
        for (key, name) in [
            ("OAuthCleintId", "OAuthClientId"),
            ("AccessToken", "OAuthAccessToken"),
            ("Call back URI", "CallbackURL"),
            ("Regoin", "Region"),
            ("time out s", "Timeout"),
        ] {
            assert_eq!(Property::nearest_name(key), Some(name), "{key}");
        }
        assert_eq!(Property::nearest_name("nosuchproperty"), None);
        assert_eq!(Property::nearest_name(""), None);
    }

    #[test]
    fn values_are_read_by_their_kind() {
        for (text, value) in [("TRUE", true), ("Yes", true), ("on", true), ("1", true)]
            .into_iter()
            .chain([
                ("false", false),
                ("NO", false),
                ("Off", false),
                ("0", false),
            ])
        {
            assert_eq!(Kind::Boolean.read(text), Some(Value::Boolean(value)));
        }
        assert_eq!(Kind::Boolean.read("maybe"), None);
        assert_eq!(Kind::Integer(1, 5).read("5"), Some(Value::Integer(5)));
        for text in ["0", "6", "", "x", "1.0", "99999999999999999999"] {
            assert_eq!(Kind::Integer(1, 5).read(text), None, "{text}");
        }
        for (text, bytes) in [
            ("100MB", 100 << 20),
            ("64 kb", 64 << 10),
            ("1GB", 1 << 30),
            ("70000", 70_000),
        ] {
            assert_eq!(Kind::Size(0).read(text), Some(Value::Size(bytes)));
        }
        for text in ["", "MB", "-1", "1TB", "1.5MB", "20000000000GB", "ä"] {
            assert_eq!(Kind::Size(0).read(text), None, "{text}");
        }
        assert_eq!(Kind::Size(100 << 10).read("64KB"), None);
        let words = Kind::OneOf(&["OFF", "REFRESH"]);
        assert_eq!(words.read("refresh"), Some(Value::Word("REFRESH")));
        assert_eq!(words.read("ON"), None);
    }

    #[test]
    fn the_reference_page_is_up_to_date() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/connection-string.md"
        );
        let page = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
        assert!(
            page == reference(),
            "docs/connection-string.md is out of date. Run: cargo run -p apilink-core \
             --example connection-string-docs > docs/connection-string.md"
        );
    }
}
