//! The configuration of the HTTP client, for the API and for the token endpoint alike.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, NoProxy, Proxy};
use rustls::ClientConfig;
use secrecy::ExposeSecret;
use url::Url;

use crate::error::{Diagnostic, Result};
use crate::platform;
use crate::region;
use crate::settings::{ProxySettings, TransportSettings};

/// A plain name: the service's firewall refuses agents that carry a URL.
const USER_AGENT: &str = concat!("apilink/", env!("CARGO_PKG_VERSION"));

/// How a host is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As the proxy and firewall properties say.
    Configured,
    /// Without a proxy.
    Direct,
}

impl Way {
    /// The way to the host of `url`. The system's proxy is meant for other machines: what goes to
    /// this one, in clear where it is plain http, must not leave it. A proxy of the connection
    /// string is used for every host, as it was asked for.
    pub(crate) fn to(url: &Url, settings: &TransportSettings) -> Self {
        match settings.proxy {
            ProxySettings::System if region::is_loopback(url) => Self::Direct,
            _ => Self::Configured,
        }
    }
}

/// A builder with everything that `settings` say, and the TLS configuration made of them
/// ([`crate::http::tls::client_config`]). `limit` is how long the system may wait for the other side
/// to take what is sent. A blocking client is made from the same builder with
/// `reqwest::blocking::ClientBuilder::from`.
pub(crate) fn builder(
    settings: &TransportSettings,
    tls: ClientConfig,
    way: Way,
    limit: Option<Duration>,
) -> Result<ClientBuilder> {
    let builder = platform::with_limit_of_system(ClientBuilder::new(), limit)
        .user_agent(USER_AGENT)
        .tls_backend_preconfigured(tls)
        // Redirects are followed by hand, so that the token never goes along.
        .redirect(Policy::none())
        .referer(false);
    if way == Way::Direct {
        return Ok(builder.no_proxy());
    }
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
