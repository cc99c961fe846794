//! The endpoints of OAuth: exchanging codes and revoking, and what they have in common with
//! refreshing ([`super::refresh`]).

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl, RequestTokenError,
    StandardRevocableToken, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};

use super::callback::printable;
use super::reply::{BEARER, TokenReply};
use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState, native};
use crate::http::lines::{Attempted, write_wait};
use crate::http::retry::{backoff, retry_after};
use crate::http::transport::{Attempt, Failure, Stage, Transport};
use crate::http::{RequestBody, Response};
use crate::io;
use crate::log::Log;
use crate::profile::{ClientAuthentication, RetryProfile, RevocationAuthorization};
use crate::secret::{basic, scrub};
use crate::settings::Settings;
use crate::token::{Lineage, TokenSet};

/// A token reply is a few hundred bytes; more than this is something else.
pub(super) const MAX_REPLY: usize = 1 << 20;

/// What requests are made with.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) transport: &'a Transport,
    pub(crate) log: &'a Log,
}

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
    means: Means<'_>,
    code: &SecretString,
    pkce_verifier: Option<&SecretString>,
    cancel: &CancellationToken,
) -> Result<TokenSet> {
    let settings = means.settings;
    let client = client(settings, &settings.endpoints.token)?;
    let mut request = client.exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()));
    if let Some(verifier) = pkce_verifier {
        request =
            request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
    }
    let used: Vec<&SecretString> = pkce_verifier.into_iter().chain([code]).collect();
    let issued_at = SystemTime::now();
    let reply = request
        .request(&|request| send_cancellable(means, request, cancel))
        .map_err(|error| grant_problem(error, settings, Grant::Code, &used))?;
    token_set(&reply, issued_at)
}

/// Revokes an authorization, in the way that the profile names.
///
/// # Errors
/// HYC00 when the profile has no revocation; 28000 when there is no token, or the service refuses;
/// 08001, 08S01, HYT00, HY008.
pub(crate) fn revoke(means: Means<'_>, token: &TokenSet, cancel: &CancellationToken) -> Result<()> {
    let Means {
        settings,
        transport,
        log,
    } = means;
    let Some(url) = settings.endpoints.revocation.clone() else {
        return Err(Diagnostic::new(
            SqlState::NOT_IMPLEMENTED,
            format!(
                "The profile {} has no revocation of tokens.",
                settings.profile.name
            ),
        ));
    };
    let (authorization, form) = revocation(settings, token)?;
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization);
    }
    let attempt = Attempt {
        method: Method::POST,
        url,
        headers,
        timeout: transport.settings().timeout,
    };
    let response = send(transport, log, attempt, Bytes::from(form), cancel)
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

/// The `Authorization` header and the form of a revocation.
fn revocation(settings: &Settings, token: &TokenSet) -> Result<(Option<HeaderValue>, String)> {
    let profile = &settings.profile.oauth;
    let of_client = profile.revocation_authorization == RevocationAuthorization::Client;
    let refresh_token = token.refresh_token.as_ref().filter(|_| of_client);
    let Some(revoked) = refresh_token.or(token.access_token.as_ref()) else {
        return Err(Diagnostic::new(
            SqlState::AUTHORIZATION,
            "There is no token to revoke.",
        ));
    };
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", revoked.expose_secret());
    if !of_client {
        return Ok((Some(bearer("Bearer", revoked)?), form.finish()));
    }
    if refresh_token.is_some() {
        form.append_pair("token_type_hint", "refresh_token");
    }
    let secret = settings
        .client_secret
        .as_ref()
        .map_or("", ExposeSecret::expose_secret);
    if profile.client_authentication == ClientAuthentication::Basic && !secret.is_empty() {
        let encode =
            |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
        let credentials = basic(&encode(&settings.client_id), &encode(secret));
        return Ok((Some(bearer("Basic", &credentials)?), form.finish()));
    }
    form.append_pair("client_id", &settings.client_id);
    if !secret.is_empty() {
        form.append_pair("client_secret", secret);
    }
    Ok((None, form.finish()))
}

/// The value of the `Authorization` header: a scheme, and a token or other credentials.
pub(crate) fn bearer(scheme: &str, token: &SecretString) -> Result<HeaderValue> {
    let mut value =
        HeaderValue::try_from(format!("{scheme} {}", token.expose_secret())).map_err(|_| {
            Diagnostic::new(
                SqlState::AUTHORIZATION,
                "The access token has characters that cannot be sent in a header. Check \
                 OAuthAccessToken, or log in again.",
            )
        })?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) fn token_set(reply: &TokenReply, issued_at: SystemTime) -> Result<TokenSet> {
    let access_token = reply.access_token().secret();
    if access_token.trim().is_empty() {
        return Err(Diagnostic::new(
            SqlState::AUTHORIZATION,
            "The service sent an empty access token. Try again; if it goes on, ask the service.",
        ));
    }
    if reply.token_type().0 != BEARER {
        // What it is instead is left out: a service that mixes things up may have put a token there.
        return Err(unusable(
            "The service sent a token of another type than bearer, and no other can be used (RFC 6749 \
             section 7.1). Nothing was kept. Check the OAuth URLs.",
        ));
    }
    if access_token.contains(char::is_control) {
        return Err(unusable(
            "The service sent an access token with a line break or another control character in it, \
             which no request can carry. Nothing was kept. Check the OAuth URLs, or ask the service.",
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
        lineage: Lineage::default(),
    })
}

/// A token that is of no use, and the grant may be used up.
fn unusable(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(SqlState::AUTHORIZATION, message).with_native(native::OAUTH_OTHER)
}

/// Sends the exchange of a code, and again after failures that pass by: a person has answered for
/// it, and is not to be asked again.
fn send_cancellable(
    means: Means<'_>,
    request: HttpRequest,
    cancel: &CancellationToken,
) -> Result<HttpResponse> {
    let Means {
        settings,
        transport,
        log,
    } = means;
    let (parts, body) = request.into_parts();
    let to_send = Attempt {
        method: parts.method,
        url: endpoint_url(&parts.uri.to_string())?,
        headers: parts.headers,
        timeout: transport.settings().timeout,
    };
    let body = Bytes::from(body);
    // A code outlives a window of the rate limit.
    let longest = Duration::from_secs(settings.profile.rate_limit.window_seconds);
    for attempt in 1.. {
        let outcome = send(transport, log, to_send.clone(), body.clone(), cancel);
        let ended = match &outcome {
            Ok(response) => Ended::Reply(response.status(), response.headers()),
            Err(failure) => Ended::Failure(failure.stage),
        };
        if let Some((wait, why)) = wait_for_repetition(&settings.profile.retry, attempt, &ended) {
            drop(outcome);
            let wait = wait.min(longest);
            write_wait(log, || describe(&to_send.method, &to_send.url), wait, why);
            io::sleep(cancel, wait)?;
            continue;
        }
        let mut response = outcome.map_err(|failure| failure.diagnostic)?;
        let status = response.status();
        return tolerant(status, response.body_up_to(MAX_REPLY, cancel)?);
    }
    Err(no_attempts())
}

/// Sends a request once, and says so in the log.
fn send(
    transport: &Transport,
    log: &Log,
    attempt: Attempt,
    body: Bytes,
    cancel: &CancellationToken,
) -> std::result::Result<Response, Failure> {
    let what = || describe(&attempt.method, &attempt.url);
    let attempted = Attempted::begin(log, what, &attempt.headers);
    let outcome = transport.send(attempt, &mut RequestBody::Bytes(body), cancel);
    match &outcome {
        Ok(reply) => attempted.answered(reply.status(), reply.headers(), reply.wire()),
        Err(failure) => attempted.failed(&failure.diagnostic),
    }
    outcome
}

/// A request in the words of the log: without its query, which may hold secrets.
pub(super) fn describe(method: &Method, url: &Url) -> String {
    format!("{method} {}", url.path())
}

/// How an attempt at a token request ended.
pub(super) enum Ended<'a> {
    Reply(http::StatusCode, &'a HeaderMap),
    Failure(Stage),
}

/// The wait before a token request is sent again, after a failure that passes by, and why; `None` where the
/// outcome stands. A repetition cannot make things worse: if the code or the refresh token was used
/// up by an earlier attempt, it is lost either way.
pub(super) fn wait_for_repetition(
    retry: &RetryProfile,
    attempt: u32,
    ended: &Ended<'_>,
) -> Option<(Duration, &'static str)> {
    if attempt >= retry.attempts {
        return None;
    }
    match ended {
        Ended::Reply(status, headers)
            if status.as_u16() == 429 || retry.statuses.contains(&status.as_u16()) =>
        {
            let wait = retry_after(headers).unwrap_or_else(|| backoff(retry, attempt));
            Some((wait, "the service has a problem or too much to do"))
        }
        Ended::Failure(Stage::Connecting) => {
            Some((backoff(retry, attempt), "the connection failed"))
        }
        Ended::Reply(..) | Ended::Failure(_) => None,
    }
}

pub(super) fn no_attempts() -> Diagnostic {
    Diagnostic::new(SqlState::GENERAL_ERROR, "The profile allows no attempts.")
}

pub(super) fn endpoint_url(text: &str) -> Result<Url> {
    Url::parse(text)
        .map_err(|_| Diagnostic::invalid_value("The URL of the token endpoint is not a URL."))
}

/// Drops what oauth2 is stricter about than the services are: it wants status 200 and a JSON
/// content type, and errors with a status of their own. `None` in place of a body that is too
/// large.
pub(super) fn tolerant(status: http::StatusCode, body: Option<Vec<u8>>) -> Result<HttpResponse> {
    let Some(body) = body.filter(|body| body.len() <= MAX_REPLY) else {
        return Err(Diagnostic::new(
            SqlState::AUTHORIZATION,
            "The reply of the token endpoint is far too large to be one. Check the OAuth URLs.",
        ));
    };
    if !status.is_success() && !is_oauth_error(&body) {
        return Err(no_oauth_error(status));
    }
    let status = match (status.is_success(), is_oauth_error(&body)) {
        (true, false) => http::StatusCode::OK,
        (true, true) => http::StatusCode::BAD_REQUEST,
        (false, _) => status,
    };
    let mut response = HttpResponse::new(body);
    *response.status_mut() = status;
    Ok(response)
}

/// RFC 6749 section 5.2. A reply with a token is none, whatever else it says.
fn is_oauth_error(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|body: serde_json::Value| {
        let is_text = |name| body.get(name).is_some_and(serde_json::Value::is_string);
        is_text("error") && !is_text("access_token")
    })
}

/// A reply that says nothing about the grant: it is no reason to log in again.
fn no_oauth_error(status: http::StatusCode) -> Diagnostic {
    let code = status.as_u16();
    let (sqlstate, advice) = if status.is_server_error() || code == 429 {
        (
            SqlState::CANNOT_CONNECT,
            "The service has a problem or too much to do: try again later.",
        )
    } else {
        (
            SqlState::AUTHORIZATION,
            "Check Region and the OAuth URLs, and whether a proxy or a firewall answers in the \
             service's place.",
        )
    };
    Diagnostic::new(
        sqlstate,
        format!("The token endpoint answered with HTTP status {code} and no OAuth error. {advice}"),
    )
    .with_native(i32::from(code))
}

#[derive(Clone, Copy)]
pub(super) enum Grant {
    Code,
    Refresh,
}

pub(super) fn grant_problem(
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
             needed. Connect again with InitiateOAuth=GETANDREFRESH, or exchange a new \
             authorization code."
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
