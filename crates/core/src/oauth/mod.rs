//! OAuth 2.0 (RFC 6749): obtaining, refreshing and revoking tokens.

pub mod callback;
pub(crate) mod endpoint;
pub(crate) mod login;
pub(crate) mod refresh;
mod reply;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use refresh::read_token_reply;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier, Scope};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::error::{Diagnostic, Result, SqlState};
use crate::profile::Pkce;
use crate::settings::Settings;

/// An authorization request that a person is to answer.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Where the person answers it.
    pub url: Url,
    /// The `state` that the redirect must carry.
    pub state: String,
    /// The PKCE verifier (RFC 7636), where the profile uses PKCE.
    pub pkce_verifier: Option<SecretString>,
}

/// Builds an authorization request. `state` takes precedence over the property `State`; without
/// both it is random.
///
/// # Errors
/// HY024 when a property that it needs is missing; HY000 when the system has no random numbers.
pub fn authorization_request(
    settings: &Settings,
    state: Option<&str>,
) -> Result<AuthorizationRequest> {
    settings.check_for_login()?;
    let state = match state.or(settings.state.as_deref()) {
        Some(state) => state.to_owned(),
        None => random_text()?,
    };
    let client = endpoint::client(settings, &settings.endpoints.token)?;
    let mut request = client.authorize_url(|| CsrfToken::new(state.clone()));
    for (name, value) in &settings.profile.oauth.authorization_parameters {
        request = request.add_extra_param(name, value);
    }
    let scope = settings
        .scope
        .as_ref()
        .or(settings.profile.oauth.default_scope.as_ref());
    if let Some(scope) = scope {
        request = request.add_scope(Scope::new(scope.clone()));
    }
    let mut pkce_verifier = None;
    if settings.profile.oauth.pkce == Pkce::S256 {
        let verifier = match &settings.pkce_verifier {
            Some(verifier) => verifier.clone(),
            None => SecretString::from(random_text()?),
        };
        let code_verifier = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
        request = request
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&code_verifier));
        pkce_verifier = Some(verifier);
    }
    let (url, _) = request.url();
    Ok(AuthorizationRequest {
        url,
        state,
        pkce_verifier,
    })
}

/// 256 bits from the system's random source, as 43 characters that need no escaping.
fn random_text() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::getrandom(&mut bytes).map_err(|error| {
        Diagnostic::new(
            SqlState::GENERAL_ERROR,
            format!("The system's source of random numbers failed: {error}."),
        )
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
