//! The configuration of the HTTP client, for the API and for the token endpoint alike.

use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, NoProxy, Proxy};
use rustls::ClientConfig;
use secrecy::ExposeSecret;

use crate::error::{Diagnostic, Result};
use crate::settings::{ProxySettings, TransportSettings};

/// A plain name: the service's firewall refuses agents that carry a URL.
const USER_AGENT: &str = concat!("apilink/", env!("CARGO_PKG_VERSION"));

/// A builder with everything that `settings` say, and the TLS configuration made of them
/// ([`crate::http::tls::client_config`]). A blocking client is made from the same builder with
/// `reqwest::blocking::ClientBuilder::from`.
pub(crate) fn builder(settings: &TransportSettings, tls: ClientConfig) -> Result<ClientBuilder> {
    let builder = ClientBuilder::new()
        .user_agent(USER_AGENT)
        .tls_backend_preconfigured(tls)
        // Redirects are followed by hand, so that the token never goes along.
        .redirect(Policy::none())
        .referer(false);
    Ok(match &settings.proxy {
        ProxySettings::System => builder,
        ProxySettings::Direct => builder.no_proxy(),
        ProxySettings::Through {
            url,
            credentials,
            exceptions,
        } => {
            let mut proxy = Proxy::all(url.clone()).map_err(|_| {
                Diagnostic::invalid_value(
                    "The proxy or firewall address is not valid. Check ProxyServer and ProxyPort, \
                     or FirewallServer and FirewallPort.",
                )
            })?;
            if let Some((user, password)) = credentials {
                proxy = proxy.basic_auth(user, password.expose_secret());
            }
            builder
                .no_proxy()
                .proxy(proxy.no_proxy(NoProxy::from_string(&exceptions.join(","))))
        }
    })
}
