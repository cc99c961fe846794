//! The rate limit: a number of requests per access token and window.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::unix_now;
use crate::http::Reply;
use crate::options::Options;

#[derive(Debug, Clone, Copy)]
struct Window {
    end: Duration,
    used: u32,
}

/// The windows of all tokens.
#[derive(Debug, Default)]
pub struct Limiter(HashMap<String, Window>);

/// Where a token stands after a request.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    limit: u32,
    remaining: u32,
    end: Duration,
    /// Whether this request is one too many.
    pub exceeded: bool,
}

impl Limiter {
    /// Counts a request; `None` if there is no limit.
    pub fn count(&mut self, token: &str, options: &Options) -> Option<Standing> {
        let limit = options.rate_limit;
        if limit == 0 {
            return None;
        }
        let now = unix_now();
        self.0.retain(|_, window| now < window.end);
        let fresh = Window {
            end: now + options.rate_window,
            used: 0,
        };
        let window = self.0.entry(token.to_owned()).or_insert(fresh);
        let exceeded = window.used >= limit;
        if !exceeded {
            window.used += 1;
        }
        Some(Standing {
            limit,
            remaining: limit - window.used,
            end: window.end,
            exceeded,
        })
    }

    /// Starts all windows anew.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl Standing {
    /// The limit.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Whole seconds until the window ends, at least 1.
    pub fn wait(&self) -> u64 {
        ceil(self.end.saturating_sub(unix_now())).max(1)
    }

    /// Adds the headers that tell a client where it stands.
    pub fn tell(&self, reply: Reply) -> Reply {
        let reply = reply
            .with("x-ratelimit-limit", &self.limit.to_string())
            .with("x-ratelimit-remaining", &self.remaining.to_string())
            .with("x-ratelimit-reset", &ceil(self.end).to_string());
        if self.exceeded {
            reply.with("retry-after", &self.wait().to_string())
        } else {
            reply
        }
    }
}

fn ceil(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
