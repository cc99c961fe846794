//! Requests of the checks, and what may be told of the replies.

use apilink_core::Result;
use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody};
use apilink_core::session::Session;
use serde_json::Value;

use super::{Finding, Verdict};
use crate::terminal::on_one_line;

/// The longest text of an error that is told.
const LONGEST_MESSAGE: usize = 160;

/// Makes requests, and collects findings.
pub struct Probe<'a> {
    session: &'a Session,
    cancel: &'a CancellationToken,
    findings: Vec<Finding>,
}

/// A reply, whatever its status.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, if it is JSON.
    pub json: Option<Value>,
    /// The length of the URL that was asked.
    pub url_length: usize,
    headers: Vec<(String, String)>,
}

impl<'a> Probe<'a> {
    /// Nothing is found yet.
    pub fn new(session: &'a Session, cancel: &'a CancellationToken) -> Self {
        Self {
            session,
            cancel,
            findings: Vec::new(),
        }
    }

    /// What was found.
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// The connection.
    pub fn session(&self) -> &'a Session {
        self.session
    }

    /// A GET of the API. The session waits for the rate limit.
    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer> {
        self.send(path, query, &[])
    }

    /// A GET with headers.
    pub fn send(
        &self,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let mut request = Request::get(path);
        for (name, value) in query {
            request.add_query(name, value);
        }
        for (name, value) in headers {
            request.add_header(name, value)?;
        }
        // What the session says about a reply is in its status and body, too.
        let mut records = Vec::new();
        let mut reply =
            self.session
                .execute(&request, RequestBody::Empty, self.cancel, &mut records)?;
        let texts = reply.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let headers: Vec<(String, String)> = texts.collect();
        Ok(Answer {
            status: reply.status().as_u16(),
            url_length: reply.url().as_str().len(),
            json: reply.json(self.cancel).ok().cloned(),
            headers,
        })
    }

    /// Keeps a finding about a table.
    pub fn found(
        &mut self,
        subject: &str,
        claim: &'static str,
        verdict: Verdict,
        evidence: impl Into<String>,
    ) {
        self.findings.push(Finding {
            subject: subject.to_owned(),
            claim,
            verdict,
            evidence: evidence.into(),
        });
    }
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The records of a list.
    pub fn records(&self) -> &[Value] {
        let data = self.at("/data").and_then(Value::as_array);
        data.map_or(&[], Vec::as_slice)
    }

    /// The number of all records that the reply tells.
    pub fn total(&self) -> Option<u64> {
        self.at("/meta/records")?.as_u64()
    }

    /// The URL of the next page.
    pub fn next(&self) -> Option<&str> {
        self.at("/meta/paging/next")?.as_str()
    }

    fn at(&self, pointer: &str) -> Option<&Value> {
        self.json.as_ref()?.pointer(pointer)
    }

    /// Status and error: type, text, and the form of the body. The requests hold nothing of a
    /// client, and so neither do the texts about them.
    pub fn described(&self) -> String {
        let status = self.status;
        if self.is_success() {
            return status.to_string();
        }
        let Some(body) = &self.json else {
            return format!("{status}, the body is not JSON");
        };
        let Some(error) = body.get("error") else {
            return format!("{status}, the body has no member error");
        };
        let text = |value: Option<&Value>| {
            let text = on_one_line(value.and_then(Value::as_str).unwrap_or_default());
            match text.char_indices().nth(LONGEST_MESSAGE) {
                Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
                None => text,
            }
        };
        match error {
            Value::String(_) => format!(
                "{status} {}: {} (error is a text)",
                text(Some(error)),
                text(body.get("error_description"))
            ),
            _ => format!(
                "{status} {}: {}",
                text(error.get("type")),
                text(error.get("message"))
            ),
        }
    }

    /// The type of the error, if the body has the documented form.
    pub fn error_type(&self) -> Option<&str> {
        self.at("/error/type")?.as_str()
    }
}

/// The names of a record's fields.
pub fn names(record: &Value) -> Vec<&str> {
    record
        .as_object()
        .map(|object| object.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(status: u16, json: Option<Value>) -> String {
        let answer = Answer {
            status,
            json,
            url_length: 0,
            headers: Vec::new(),
        };
        answer.described()
    }

    #[test]
    fn both_forms_of_errors_are_described() {
        let object = json!({"error": {"type": "ArgumentError", "message": "No\nway."}});
        assert_eq!(described(422, Some(object)), "422 ArgumentError: No⏎way.");
        let text = json!({"error": "invalid_token", "error_description": "Expired."});
        assert_eq!(
            described(401, Some(text)),
            "401 invalid_token: Expired. (error is a text)"
        );
        assert_eq!(described(403, None), "403, the body is not JSON");
        assert_eq!(
            described(404, Some(json!([]))),
            "404, the body has no member error"
        );
        let long = json!({"error": {"type": "X", "message": "ü".repeat(200)}});
        assert_eq!(described(400, Some(long)).chars().count(), 168);
        assert_eq!(
            described(200, Some(json!({"data": {"name": "secret"}}))),
            "200"
        );
    }
}
