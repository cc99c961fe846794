//! The token endpoint: exchanging codes, refreshing, revoking.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError,
    StandardRevocableToken, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};

use super::callback::printable;
use super::reply::TokenReply;
use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState, native};
use crate::http::client as http_client;
use crate::http::request::RequestBody;
use crate::http::retry::{backoff, retry_after};
use crate::http::transport::{Attempt, Stage, Transport, cause, is_tls_refusal};
use crate::profile::ClientAuthentication;
use crate::secret::scrub;
use crate::settings::{Settings, TransportSettings};
use crate::token::TokenSet;

/// A token reply is a few hundred bytes; more than this is something else.
const MAX_REPLY: usize = 1 << 20;

pub(super) type Client = oauth2::Client<
    BasicErrorResponse,
    TokenReply,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The OAuth client that `settings` describe.
pub(super) fn client(settings: &Settings, token_url: &Url) -> Result<Client> {
    let redirect = RedirectUrl::new(settings.callback_url.clone()).map_err(|_| {
        Diagnostic::invalid_value(
            "CallbackURL is not a URL. Give the redirect URI that is registered with the service, \
             such as http://localhost:33333.",
        )
    })?;
    let mut client = oauth2::Client::new(ClientId::new(settings.client_id.clone()))
        .set_auth_uri(AuthUrl::from_url(settings.endpoints.authorization.clone()))
        .set_token_uri(TokenUrl::from_url(token_url.clone()))
        .set_redirect_uri(redirect)
        .set_auth_type(match settings.profile.oauth.client_authentication {
            ClientAuthentication::Body => AuthType::RequestBody,
            ClientAuthentication::Basic => AuthType::BasicAuth,
        });
    if let Some(secret) = &settings.client_secret {
        client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
    }
    Ok(client)
}

/// Exchanges an authorization code for tokens (RFC 6749 section 4.1.3).
///
/// # Errors
/// 28000 when the service refuses the code or the client; 08001, 08S01, HYT00, HY008.
pub(crate) fn exchange_code(
    settings: &Settings,
    transport: &Transport,
    code: &SecretString,
    pkce_verifier: Option<&SecretString>,
    cancel: &CancellationToken,
) -> Result<TokenSet> {
    let client = client(settings, &settings.endpoints.token)?;
    let mut request = client.exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()));
    if let Some(verifier) = pkce_verifier {
        request =
            request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
    }
    let used: Vec<&SecretString> = pkce_verifier.into_iter().chain([code]).collect();
    let issued_at = SystemTime::now();
    let reply = request
        .request(&|request| send_cancellable(transport, request, cancel))
        .map_err(|error| grant_problem(error, settings, Grant::Code, &used))?;
    token_set(&reply, issued_at)
}

/// Refreshes an access token (RFC 6749 section 6). Cannot be cancelled, because the service may
/// have replaced the refresh token as soon as it has read the request: the reply must be kept.
/// That makes it the one place for a blocking client.
///
/// # Errors
/// 28000 when the service refuses the refresh token or the client; 08001, 08S01, HYT00.
pub(crate) fn refresh(settings: &Settings, refresh_token: &SecretString) -> Result<TokenSet> {
    let client = client(settings, &settings.endpoints.refresh)?;
    let used = RefreshToken::new(refresh_token.expose_secret().to_owned());
    let http = blocking_client(&settings.transport)?;
    let issued_at = SystemTime::now();
    let reply = client
        .exchange_refresh_token(&used)
        .request(&|request| send_with_repetition(settings, &http, &request))
        .map_err(|error| grant_problem(error, settings, Grant::Refresh, &[refresh_token]))?;
    token_set(&reply, issued_at)
}

/// Revokes an access token. The token goes into the form (RFC 7009 section 2.1), and authorizes
/// the call as well, which is Clio's way.
///
/// # Errors
/// HYC00 when the profile has no revocation; 28000 when the service refuses; 08001, 08S01, HYT00,
/// HY008.
pub(crate) fn revoke(
    settings: &Settings,
    transport: &Transport,
    token: &SecretString,
    cancel: &CancellationToken,
) -> Result<()> {
    let Some(url) = settings.endpoints.revocation.clone() else {
        return Err(Diagnostic::new(
            SqlState::NOT_IMPLEMENTED,
            format!(
                "The profile {} has no revocation of tokens.",
                settings.profile.name
            ),
        ));
    };
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    headers.insert(AUTHORIZATION, bearer("Bearer", token)?);
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token.expose_secret())
        .finish();
    let timeout = transport.settings().timeout;
    let attempt = Attempt {
        method: Method::POST,
        url,
        headers,
        timeout,
    };
    let response = transport
        .send(attempt, &mut RequestBody::Bytes(Bytes::from(form)), cancel)
        .map_err(|failure| failure.diagnostic)?;
    if response.status().is_success() {
        return Ok(());
    }
    Err(Diagnostic::new(
        SqlState::AUTHORIZATION,
        format!(
            "The service refused to revoke the token (HTTP status {}). It may be revoked already; \
             it can also be revoked in the service's own settings.",
            response.status().as_u16()
        ),
    )
    .with_native(i32::from(response.status().as_u16())))
}

/// The value of the `Authorization` header for a token.
pub(crate) fn bearer(token_type: &str, token: &SecretString) -> Result<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("{token_type} {}", token.expose_secret()))
        .map_err(|_| {
            Diagnostic::new(
                SqlState::AUTHORIZATION,
                "The access token has characters that cannot be sent in a header. Check \
                 OAuthAccessToken, or log in again.",
            )
        })?;
    value.set_sensitive(true);
    Ok(value)
}

fn token_set(reply: &TokenReply, issued_at: SystemTime) -> Result<TokenSet> {
    let access_token = reply.access_token().secret();
    if access_token.trim().is_empty() {
        return Err(Diagnostic::new(
            SqlState::AUTHORIZATION,
            "The service sent an empty access token. Try again; if it goes on, ask the service.",
        ));
    }
    Ok(TokenSet {
        access_token: Some(SecretString::from(access_token.clone())),
        token_type: reply.token_type().0.clone(),
        refresh_token: reply
            .refresh_token()
            .map(|token| token.secret().clone().into()),
        scope: reply.scopes().map(|scopes| {
            scopes
                .iter()
                .map(|scope| scope.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        }),
        issued_at: Some(issued_at),
        expires_in: reply.expires_in(),
        seed: None,
    })
}

fn send_cancellable(
    transport: &Transport,
    request: HttpRequest,
    cancel: &CancellationToken,
) -> Result<HttpResponse> {
    let (parts, body) = request.into_parts();
    let attempt = Attempt {
        method: parts.method,
        url: endpoint_url(&parts.uri.to_string())?,
        headers: parts.headers,
        timeout: transport.settings().timeout,
    };
    let mut response = transport
        .send(attempt, &mut RequestBody::Bytes(Bytes::from(body)), cancel)
        .map_err(|failure| failure.diagnostic)?;
    let status = response.status();
    let body = response.body(cancel)?.to_vec();
    tolerant(status, body)
}

fn blocking_client(settings: &TransportSettings) -> Result<reqwest::blocking::Client> {
    reqwest::blocking::ClientBuilder::from(http_client::builder(settings)?)
        .timeout(settings.timeout)
        .build()
        .map_err(|error| {
            Diagnostic::new(
                SqlState::GENERAL_ERROR,
                format!("The HTTP client cannot be set up: {}.", cause(&error)),
            )
        })
}

/// Sends a refresh, and again after failures that pass by. A repetition cannot make things worse:
/// if the refresh token was used up by the first try, it is lost either way.
fn send_with_repetition(
    settings: &Settings,
    http: &reqwest::blocking::Client,
    request: &HttpRequest,
) -> Result<HttpResponse> {
    let retry = &settings.profile.retry;
    for attempt in 1.. {
        let last = attempt >= retry.attempts;
        let wait = match send_blocking(http, request.clone(), settings.transport.timeout) {
            Ok((status, headers, _))
                if !last
                    && (status.as_u16() == 429 || retry.statuses.contains(&status.as_u16())) =>
            {
                let longest = Duration::from_secs(settings.profile.rate_limit.window_seconds);
                retry_after(&headers)
                    .unwrap_or_else(|| backoff(retry, attempt))
                    .min(longest)
            }
            Ok((status, _, body)) => return tolerant(status, body),
            Err((Stage::Connecting, _)) if !last => backoff(retry, attempt),
            Err((_, diagnostic)) => return Err(diagnostic),
        };
        std::thread::sleep(wait);
    }
    Err(Diagnostic::new(
        SqlState::GENERAL_ERROR,
        "The profile allows no attempts.",
    ))
}

type BlockingReply = (http::StatusCode, HeaderMap, Vec<u8>);

fn send_blocking(
    http: &reqwest::blocking::Client,
    request: HttpRequest,
    timeout: Option<Duration>,
) -> std::result::Result<BlockingReply, (Stage, Diagnostic)> {
    let (parts, body) = request.into_parts();
    let url = endpoint_url(&parts.uri.to_string()).map_err(|problem| (Stage::Final, problem))?;
    let failure = |error: reqwest::Error| blocking_failure(&error, timeout);
    let response = http
        .request(parts.method, url)
        .headers(parts.headers)
        .body(body)
        .send()
        .map_err(failure)?;
    let status = response.status();
    let headers = response.headers().clone();
    let body = response.bytes().map_err(failure)?;
    Ok((status, headers, body.to_vec()))
}

fn blocking_failure(error: &reqwest::Error, timeout: Option<Duration>) -> (Stage, Diagnostic) {
    if error.is_timeout() {
        let seconds = timeout.unwrap_or_default().as_secs_f64();
        let message = format!(
            "The token endpoint did not answer within {seconds} seconds. Try again later, or \
             raise the time limit (property Timeout)."
        );
        return (Stage::Final, Diagnostic::new(SqlState::TIMEOUT, message));
    }
    let cause = cause(error);
    if error.is_connect() {
        let message = format!(
            "The token endpoint cannot be reached: {cause}. Check the network, and the proxy and \
             TLS properties of the connection string."
        );
        let stage = if is_tls_refusal(error) {
            Stage::Final
        } else {
            Stage::Connecting
        };
        return (stage, Diagnostic::new(SqlState::CANNOT_CONNECT, message));
    }
    let message = format!("The connection to the token endpoint broke: {cause}.");
    (
        Stage::Link,
        Diagnostic::new(SqlState::LINK_FAILURE, message),
    )
}

fn endpoint_url(text: &str) -> Result<Url> {
    Url::parse(text)
        .map_err(|_| Diagnostic::invalid_value("The URL of the token endpoint is not a URL."))
}

/// Drops what oauth2 is stricter about than the services are: it wants status 200 and a JSON
/// content type.
fn tolerant(status: http::StatusCode, body: Vec<u8>) -> Result<HttpResponse> {
    if body.len() > MAX_REPLY {
        return Err(Diagnostic::new(
            SqlState::AUTHORIZATION,
            "The reply of the token endpoint is far too large to be one. Check the OAuth URLs.",
        ));
    }
    let status = if status.is_success() {
        http::StatusCode::OK
    } else {
        status
    };
    let mut response = HttpResponse::new(body);
    *response.status_mut() = status;
    Ok(response)
}

#[derive(Clone, Copy)]
enum Grant {
    Code,
    Refresh,
}

fn grant_problem(
    error: RequestTokenError<Diagnostic, BasicErrorResponse>,
    settings: &Settings,
    grant: Grant,
    used: &[&SecretString],
) -> Diagnostic {
    match error {
        RequestTokenError::Request(diagnostic) => diagnostic,
        RequestTokenError::ServerResponse(response) => {
            let mut secrets = settings.secrets();
            secrets.extend(used.iter().map(|secret| (*secret).clone()));
            let code = printable(&scrub(response.error().as_ref(), &secrets));
            let description = response
                .error_description()
                .map(|text| scrub(text, &secrets));
            refused(&code, description.as_deref(), grant)
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => Diagnostic::new(
            SqlState::AUTHORIZATION,
            "The token endpoint's reply is not one of OAuth (it is not JSON, or lacks a token or \
             an error code). Check Region and the OAuth URLs, and whether a proxy answers in the \
             service's place.",
        )
        .with_native(native::OAUTH_OTHER),
    }
}

fn refused(code: &str, description: Option<&str>, grant: Grant) -> Diagnostic {
    let advice = match (code, grant) {
        ("invalid_grant", Grant::Refresh) => {
            "The refresh token is used up, revoked or of another application: a new login is \
             needed. Connect with InitiateOAuth=GETANDREFRESH, or exchange a new authorization \
             code."
        }
        ("invalid_grant", Grant::Code) => {
            "The authorization code is used up, older than the service allows, or was asked for \
             with another CallbackURL, PKCE verifier or application. Log in again, and check that \
             CallbackURL is exactly the registered one."
        }
        ("invalid_client" | "unauthorized_client", _) => {
            "Check OAuthClientId and OAuthClientSecret, and that the application belongs to this \
             region."
        }
        _ => "Check the OAuth properties of the connection string.",
    };
    let description = description
        .filter(|text| !text.is_empty())
        .map(|text| format!(" ({})", printable(text)))
        .unwrap_or_default();
    Diagnostic::new(
        SqlState::AUTHORIZATION,
        format!("The token endpoint answered {code}{description}. {advice}"),
    )
    .with_native(native::of_oauth_error(code))
}
