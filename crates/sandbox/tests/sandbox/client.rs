//! A client that shows what is on the wire: one request per connection, nothing hidden.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use clio_sandbox::{Options, Sandbox};
use serde_json::Value;

/// A small firm.
pub fn sandbox() -> Sandbox {
    start(|_| {})
}

/// A small firm with other options.
pub fn start(change: impl FnOnce(&mut Options)) -> Sandbox {
    let mut options = Options {
        matters: 30,
        ..Options::default()
    };
    change(&mut options);
    Sandbox::start(options).unwrap()
}

/// A reply as it came.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body is shorter than the reply promised.
    pub cut: bool,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// The value at a JSON pointer.
    pub fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or(Value::Null)
    }

    /// The objects of a list.
    pub fn data(&self) -> Vec<Value> {
        self.at("/data")
            .as_array()
            .cloned()
            .unwrap_or_else(|| panic!("no list: {}", self.text()))
    }

    /// The ids of a list.
    pub fn ids(&self) -> Vec<i64> {
        self.data()
            .iter()
            .map(|row| row["id"].as_i64().unwrap())
            .collect()
    }
}

/// Sends a request; `None` if the connection ends without a reply.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Reply> {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let stream = TcpStream::connect(host).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    exchange(stream, method, host, path, headers, body)
}

/// Sends a request over a connection.
pub fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Reply> {
    let length = body.len().to_string();
    let first = format!("{method} {path} HTTP/1.1");
    let mut lines = vec![
        first,
        format!("Host: {host}"),
        "Connection: close".to_owned(),
    ];
    let last = ("Content-Length", length.as_str());
    let all = headers.iter().chain(std::iter::once(&last));
    lines.extend(all.map(|(name, value)| format!("{name}: {value}")));
    let request = lines.join("\r\n") + "\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut bytes = Vec::new();
    // A connection that is broken off may end in an error; what came before counts.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let body = bytes[end + 4..].to_vec();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut reply = Reply {
        status,
        headers,
        body,
        cut: false,
    };
    let promised = reply
        .header("content-length")
        .map_or(0, |text| text.parse().unwrap());
    reply.cut = reply.body.len() < promised;
    Some(reply)
}

/// A signed-in client.
pub struct Client<'a> {
    pub sandbox: &'a Sandbox,
    pub token: String,
}

/// Whatever a test is about: no reply is one that Clio would not give.
impl Drop for Client<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let replies = self.sandbox.counters().undocumented_replies;
            assert!(replies.is_empty(), "{replies:?}");
        }
    }
}

impl<'a> Client<'a> {
    pub fn new(sandbox: &'a Sandbox) -> Self {
        let user = sandbox.people()[0].id;
        let token = sandbox
            .issue_token(user, Duration::from_secs(3600))
            .access_token;
        Self { sandbox, token }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/api/v4/{path}", self.sandbox.base_url())
    }

    pub fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[])
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.call("GET", path, headers, None)
    }

    pub fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        self.try_call(method, path, headers, body).expect("a reply")
    }

    pub fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Option<Reply> {
        let authorization = format!("Bearer {}", self.token);
        let mut all = vec![
            ("Authorization", authorization.as_str()),
            ("User-Agent", "test/1.0"),
        ];
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            all.push(("Content-Type", "application/json"));
        }
        all.extend_from_slice(headers);
        // A whole URL is taken as it is.
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            self.url(path)
        };
        send(method, &url, &all, body.as_bytes())
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, &[], Some(body))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Reply {
        self.call("PATCH", path, &[], Some(body))
    }

    pub fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path, &[], None)
    }

    /// The first id of a list.
    pub fn first(&self, list: &str) -> i64 {
        self.get(&format!("{list}?limit=1")).ids()[0]
    }
}

/// Sends a control request.
pub fn control(sandbox: &Sandbox, method: &str, path: &str, body: &str) -> Reply {
    let url = format!("{}/_sandbox/{path}", sandbox.base_url());
    send(method, &url, &[], body.as_bytes()).unwrap()
}
