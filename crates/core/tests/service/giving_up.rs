//! Refreshes that nobody wants any more.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use apilink_core::SqlState;
use apilink_core::cancel::CancellationToken;
use clio_sandbox::{Fault, FaultKind};

use super::{Service, connections_to};

/// How many threads have this name, of which the system keeps 15 bytes.
fn threads(name: &str) -> usize {
    let is_one = |task: std::io::Result<std::fs::DirEntry>| {
        let of_task = std::fs::read_to_string(task.unwrap().path().join("comm"));
        // It may have ended meanwhile.
        of_task.is_ok_and(|of_task| of_task.trim_end() == name)
    };
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks.map(is_one).filter(|is_one| *is_one).count()
}

/// The threads that refresh tokens.
fn refreshing_threads() -> usize {
    threads("apilink-token")
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "it never came to that"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A refresh that nobody waits for any more is not begun.
#[test]
fn a_refresh_that_waits_for_its_turn_ends_with_the_last_call_that_wants_it() {
    let service = Service::plain();
    let session = service.connect("");
    let lock = std::fs::File::create(service.file().with_extension("txt.lock")).unwrap();
    lock.lock().unwrap();
    let (first, second, third, never) = (
        CancellationToken::new(),
        CancellationToken::new(),
        CancellationToken::new(),
        CancellationToken::new(),
    );
    std::thread::scope(|scope| {
        let refresh = |cancel| {
            let session = &session;
            scope.spawn(move || session.refresh(cancel, &mut Vec::new()))
        };
        let (one, two) = (refresh(&first), refresh(&second));
        wait_until(|| refreshing_threads() == 1);
        std::thread::sleep(Duration::from_millis(100));
        first.cancel();
        let error = one.join().unwrap().unwrap_err();
        assert_eq!(error.sqlstate, SqlState::CANCELLED);
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(refreshing_threads(), 1, "the second call waits for it");
        second.cancel();
        two.join().unwrap().unwrap_err();
        let three = refresh(&third);
        wait_until(|| refreshing_threads() == 1);
        third.cancel();
        three.join().unwrap().unwrap_err();
        wait_until(|| refreshing_threads() == 0);
        // Whoever comes now is not held up by what was given up.
        let last = refresh(&never);
        lock.unlock().unwrap();
        last.join().unwrap().unwrap();
    });
    assert_eq!(service.sandbox.counters().tokens.refresh_token, 1);
}

#[test]
fn a_refresh_that_nobody_wants_any_more_is_not_repeated() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.fault(Fault {
        status: Some(503),
        times: 0,
        retry_after: Some("2".into()),
        ..Fault::new("/oauth/token", FaultKind::Status)
    });
    let asked = || service.sandbox.counters().requests("POST /oauth/token");
    let cancel = CancellationToken::new();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| session.refresh(&cancel, &mut Vec::new()));
        wait_until(|| asked() == 1);
        std::thread::sleep(Duration::from_millis(100));
        cancel.cancel();
        call.join().unwrap().unwrap_err();
    });
    let begun = Instant::now();
    wait_until(|| refreshing_threads() == 0);
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(asked(), 1);
}

/// Where connections come to nothing.
struct Void {
    address: SocketAddr,
    _listener: TcpListener,
    /// Those who have filled the queue.
    _filling: Vec<TcpStream>,
}

impl Void {
    /// Connections are made in the system's queue, and nobody ever says a word.
    fn silent() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            _listener: listener,
            _filling: Vec::new(),
        }
    }

    /// The system's queue is full, so connections are never made.
    fn full() -> Self {
        let void = Self::silent();
        let moment = Duration::from_millis(200);
        let fill = || TcpStream::connect_timeout(&void.address, moment).ok();
        Self {
            _filling: std::iter::from_fn(fill).collect(),
            ..void
        }
    }
}

/// A refresh that is cancelled while it connects to the token endpoint leaves nothing behind.
fn leaves_nothing_behind(void: &Void, more: &str) {
    let service = Service::rotating();
    let session = service.connect(&format!("ProxyAutoDetect=false;{more}"));
    let port = void.address.port();
    let before = connections_to(port);
    for _ in 0..3 {
        let cancel = CancellationToken::new();
        std::thread::scope(|scope| {
            let call = scope.spawn(|| session.refresh(&cancel, &mut Vec::new()));
            wait_until(|| connections_to(port) > before);
            // As far as it gets.
            std::thread::sleep(Duration::from_millis(100));
            cancel.cancel();
            let error = call.join().unwrap().unwrap_err();
            assert_eq!(error.sqlstate, SqlState::CANCELLED, "{error}");
        });
        let cancelled = Instant::now();
        wait_until(|| {
            let of_client = threads("reqwest-interna");
            (refreshing_threads(), of_client, connections_to(port)) == (0, 0, before)
        });
        let took = cancelled.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    // Others are not held up.
    service.store_token(Duration::from_secs(3600));
    let elsewhere = service.connect("");
    elsewhere
        .refresh(&CancellationToken::new(), &mut Vec::new())
        .unwrap();
}

#[test]
fn a_refresh_that_waits_for_a_connection_ends_with_the_last_call_that_wants_it() {
    let void = Void::full();
    let more = format!("OAuthRefreshTokenURL=http://{}/token", void.address);
    leaves_nothing_behind(&void, &more);
}

#[test]
fn a_refresh_that_waits_for_a_handshake_ends_with_the_last_call_that_wants_it() {
    let void = Void::silent();
    let more = format!("OAuthRefreshTokenURL=https://{}/token", void.address);
    leaves_nothing_behind(&void, &more);
}

#[test]
fn a_refresh_that_waits_for_a_proxy_ends_with_the_last_call_that_wants_it() {
    let void = Void::silent();
    let port = void.address.port();
    for way in [
        format!("ProxyServer=127.0.0.1;ProxyPort={port}"),
        format!("FirewallType=TUNNEL;FirewallServer=127.0.0.1;FirewallPort={port}"),
        format!("FirewallType=SOCKS5;FirewallServer=127.0.0.1;FirewallPort={port}"),
    ] {
        let more = format!("OAuthRefreshTokenURL=https://service.example/token;{way}");
        leaves_nothing_behind(&void, &more);
    }
}
