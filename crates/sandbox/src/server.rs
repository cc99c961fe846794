//! Listening, and speaking HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use crate::app::{App, Dropped, Host};
use crate::http::{Body, Request};

/// What secures the connections, if anything does.
pub type Security = Option<tokio_rustls::TlsAcceptor>;

/// Accepts connections until the task is dropped.
pub async fn serve(app: Arc<App>, host: Host, listener: TcpListener, security: Security) {
    loop {
        let Ok((socket, peer)) = listener.accept().await else {
            // Out of file descriptors, most likely: some connection must end first.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        app.counters().connections += 1;
        // Without it small replies wait for acknowledgements; it fails only on dead sockets.
        let _ = socket.set_nodelay(true);
        let app = app.clone();
        let local = peer.ip().to_canonical().is_loopback();
        let security = security.clone();
        tokio::spawn(async move {
            match security {
                None => connection(app, host, local, socket).await,
                Some(acceptor) => {
                    // A client that does not trust the certificate ends it here.
                    if let Ok(stream) = acceptor.accept(socket).await {
                        connection(app, host, local, stream).await;
                    }
                }
            }
        });
    }
}

async fn connection<S>(app: Arc<App>, host: Host, local: bool, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| respond(app.clone(), host, local, request));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().title_case_headers(true);
    // An error is the client's going away, or a connection dropped on demand.
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    app: Arc<App>,
    host: Host,
    local: bool,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Body>, Dropped> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let mut headers = parts.headers;
    // HTTP/2 has the host in the address.
    if !headers.contains_key("host")
        && let Some(authority) = parts.uri.authority()
        && let Ok(value) = authority.as_str().parse()
    {
        headers.insert("host", value);
    }
    let request = Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
        local,
    };
    app.answer(host, request).await.map(Into::into)
}

/// Reads a certificate chain and its key.
pub fn security(options: &crate::Options) -> Result<Security, String> {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let (Some(cert), Some(key)) = (&options.tls_cert, &options.tls_key) else {
        return Ok(None);
    };
    let unreadable = |what: &std::path::Path, why: String| format!("{}: {why}", what.display());
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(cert, error.to_string()))?;
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private)
        })
        .map_err(|error| unreadable(cert, error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(tokio_rustls::TlsAcceptor::from(Arc::new(config))))
}

/// Listens at an address.
pub async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen at {address}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok((listener, address))
}
