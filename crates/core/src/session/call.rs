//! Calls: the token, the rate limit, repetition and redirects around single attempts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use secrecy::SecretString;
use url::Url;

use super::{Session, Tokens, problem, target};
use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState};
use crate::http::lines::{Attempted, write_wait};
use crate::http::rate_limit::{Budget, calls_left};
use crate::http::response::{Asked, LimitSeen};
use crate::http::retry::{backoff, is_repeatable, retry_after};
use crate::http::trail::Trail;
use crate::http::transport::{Attempt, Failure, Stage};
use crate::http::{Request, RequestBody, Response, Target};
use crate::io::{self, Lanes};
use crate::log::is_harmless;
use crate::oauth::endpoint;
use crate::token::TokenSet;
use crate::token::keeper::Demand;

/// Redirects that are followed for one call.
const MAX_REDIRECTS: u32 = 5;
/// The shortest wait after a 429.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);

/// Why a call waits.
const USED_UP: &str = "the rate limit is used up";

/// One call on its way through attempts.
struct Call<'a, 'b> {
    session: &'a Session,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: RequestBody<'b>,
    timeout: Option<Duration>,
    /// The call goes to the API, with the token and under its rate limit.
    is_api: bool,
    attempts: u32,
    redirects: u32,
    /// A 401 was answered with a new token already.
    has_renewed: bool,
    /// Time spent waiting for the rate limit, and what is left of it.
    limit: LimitSeen,
    cancel: &'a CancellationToken,
}

/// What to do after an attempt.
enum Next {
    Done(Box<Response>),
    Again,
}

impl Session {
    /// Sends a request and returns the reply, whatever its status. With a status of 400 or more
    /// the first of the `records` holds the service's error.
    ///
    /// # Errors
    /// 08001 the service cannot be reached; 08S01 the connection broke; HYT00 silence; HY008;
    /// 28000 the token cannot be refreshed; HY024 the URL; 25006 a write on a `Readonly`
    /// connection; HY000 a body that cannot be read.
    pub fn execute(
        &self,
        request: &Request,
        body: RequestBody<'_>,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Response> {
        self.log
            .call(format_args!("execute {}", request.method()), || {
                self.send(request, body, cancel, records)
            })
    }

    pub(super) fn send(
        &self,
        request: &Request,
        body: RequestBody<'_>,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Response> {
        self.send_after(&Trail::default(), request, body, cancel, records)
    }

    /// Sends a request that is not among those of `before`, which led to it.
    fn send_after(
        &self,
        before: &Trail,
        request: &Request,
        body: RequestBody<'_>,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Response> {
        let is_api = matches!(request.target(), Target::Api(_));
        self.check_readonly(request.method())?;
        let url = target::url_of(&self.settings, request)?;
        if before.holds(request.method(), &url) {
            return Err(leads_back());
        }
        let mut call = Call {
            session: self,
            method: request.method().clone(),
            url: url.clone(),
            headers: if is_api {
                self.api_headers(request)?
            } else {
                request.headers().clone()
            },
            body,
            timeout: request.timeout().unwrap_or(self.settings.transport.timeout),
            is_api,
            attempts: 0,
            redirects: 0,
            has_renewed: false,
            limit: LimitSeen::default(),
            cancel,
        };
        let reply = call.run(records)?;
        let asked = Asked {
            headers: request.headers().clone(),
            trail: before.and(request.method(), &url),
        };
        Ok(reply.answering(asked, call.limit).with_log(&self.log))
    }

    /// Fetches the page after `page`, with the headers of the request that fetched `page`; `None`
    /// when it was the last.
    ///
    /// # Errors
    /// 22018 when `page` is not JSON, or its next page is no text; HY024 when the next page is said
    /// to be on another host; HY000 when it is one of those that led to `page`, or `page` itself; and
    /// as [`Session::execute`].
    pub fn next_page(
        &self,
        page: &mut Response,
        timeout: Option<Option<Duration>>,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Option<Response>> {
        self.log.call(format_args!("next page"), || {
            self.send_for_next_page(page, timeout, cancel, records)
        })
    }

    fn send_for_next_page(
        &self,
        page: &mut Response,
        timeout: Option<Option<Duration>>,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Option<Response>> {
        let paging = &self.settings.profile.paging;
        let Asked { headers, trail } = page.asked().clone();
        let next = paging.next_page(page.json(cancel)?).map_err(|_| {
            Diagnostic::new(
                SqlState::INVALID_CAST,
                format!(
                    "The page after this one cannot be found: {} of the reply is no text. The \
                     list is not complete.",
                    paging.next_pointer
                ),
            )
        })?;
        let Some(next) = next else {
            return Ok(None);
        };
        let mut request = Request::get_after(headers, next);
        if let Some(timeout) = timeout {
            request.set_timeout(timeout);
        }
        self.send_after(&trail, &request, RequestBody::Empty, cancel, records)
            .map(Some)
    }

    fn check_readonly(&self, method: &Method) -> Result<()> {
        if self.settings.readonly && !method.is_safe() {
            return Err(Diagnostic::new(
                SqlState::READ_ONLY,
                format!(
                    "The connection is read-only, and {method} writes. Leave the property Readonly \
                     out to allow it."
                ),
            ));
        }
        Ok(())
    }

    /// The headers of a request to the API, without the token.
    fn api_headers(&self, request: &Request) -> Result<HeaderMap> {
        let mut headers = request.headers().clone();
        for (name, value) in &self.settings.custom_headers {
            if !request.headers().contains_key(name) {
                headers.append(name, value.clone());
            }
        }
        if !headers.contains_key(ACCEPT) {
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        }
        if let Some(version) = &self.settings.profile.api.version_header {
            let broken =
                |_| Diagnostic::invalid_value("The version header of the profile is not a header.");
            let name = HeaderName::try_from(&version.name).map_err(|error| broken(error.into()))?;
            if !headers.contains_key(&name) {
                let value = HeaderValue::try_from(&version.value)
                    .map_err(|error| broken(http::Error::from(error)))?;
                headers.insert(name, value);
            }
        }
        Ok(headers)
    }

    /// Whether a refused token can be replaced.
    fn can_renew(&self) -> bool {
        matches!(self.tokens, Tokens::Kept { .. })
    }
}

impl Call<'_, '_> {
    fn run(&mut self, records: &mut Vec<Diagnostic>) -> Result<Response> {
        let mut demand = Demand::Usable;
        loop {
            let token = self.token(&demand, records)?;
            if self.is_api {
                self.wait_for_budget(token.as_ref())?;
            }
            self.attempts += 1;
            let outcome = self.attempt(token.as_deref())?;
            let next = match outcome {
                Ok(reply) => self.after_reply(reply, token.as_ref(), &mut demand, records)?,
                Err(failure) => self.after_failure(failure)?,
            };
            if let Next::Done(reply) = next {
                if reply.status().as_u16() >= 400 {
                    records.insert(0, self.problem(&reply, token.as_deref()));
                } else if redirect_location(&reply).is_some() {
                    records.insert(0, self.not_followed(&reply));
                }
                return Ok(*reply);
            }
        }
    }

    fn token(
        &self,
        demand: &Demand,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Option<Arc<TokenSet>>> {
        if !self.is_api {
            return Ok(None);
        }
        self.session
            .fresh(demand, self.cancel, records)
            .map_err(|refusal| refusal.diagnostic)
    }

    fn attempt(
        &mut self,
        token: Option<&TokenSet>,
    ) -> Result<std::result::Result<Response, Failure>> {
        let mut headers = self.headers.clone();
        if let Some(token) = token
            && let Some(secret) = &token.access_token
        {
            headers.insert(AUTHORIZATION, endpoint::bearer(&token.token_type, secret)?);
        }
        let log = &*self.session.log;
        let attempted = Attempted::begin(log, || self.describe(), &headers);
        let attempt = Attempt {
            method: self.method.clone(),
            url: self.url.clone(),
            headers,
            timeout: self.timeout,
        };
        let outcome = self
            .session
            .transport
            .send(attempt, &mut self.body, self.cancel);
        match &outcome {
            Ok(reply) => attempted.answered(reply.status(), reply.headers(), reply.wire()),
            Err(failure) => attempted.failed(&failure.diagnostic),
        }
        Ok(outcome)
    }

    fn after_reply(
        &mut self,
        reply: Response,
        token: Option<&Arc<TokenSet>>,
        demand: &mut Demand,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Next> {
        let session = self.session;
        let mut reply = reply;
        if self.is_api
            && let Some(status) = problem::status_inside(&session.settings.profile, &reply)
        {
            reply = reply.with_status(status);
        }
        if self.is_api {
            let limit = &session.settings.profile.rate_limit;
            self.limit.calls_left = calls_left(limit, reply.headers()).or(self.limit.calls_left);
            session.budget(token).learn(limit, reply.headers());
        }
        let status = reply.status();
        let can_repeat = self.body.is_repeatable();
        if status == StatusCode::UNAUTHORIZED
            && self.is_api
            && !self.has_renewed
            && session.can_renew()
            && let Some(refused) = token.and_then(|token| token.access_token.clone())
        {
            self.has_renewed = true;
            *demand = Demand::OtherThan(refused);
            if !can_repeat {
                self.token(demand, records)?;
                records.push(renewed_for_the_next_one());
                return Ok(Next::Done(Box::new(reply)));
            }
            return Ok(Next::Again);
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            return self.after_too_many_requests(reply, token);
        }
        let retry = &session.settings.profile.retry;
        if retry.statuses.contains(&status.as_u16())
            && can_repeat
            && is_repeatable(&self.method)
            && self.attempts < retry.attempts
        {
            let longest = Duration::from_millis(retry.cap_milliseconds);
            let wait = retry_after(reply.headers())
                .map_or_else(|| backoff(retry, self.attempts), |wait| wait.min(longest));
            drop(reply);
            self.pause(wait, "the service has a problem")?;
            return Ok(Next::Again);
        }
        if let Some(location) = redirect_location(&reply) {
            return self.after_redirect(reply, &location);
        }
        Ok(Next::Done(Box::new(reply)))
    }

    fn after_failure(&mut self, failure: Failure) -> Result<Next> {
        let retry = &self.session.settings.profile.retry;
        let is_safe = match failure.stage {
            Stage::Connecting => true,
            Stage::Link => is_repeatable(&self.method),
            Stage::Final => false,
        };
        if !is_safe || !self.body.is_repeatable() || self.attempts >= retry.attempts {
            return Err(failure.diagnostic);
        }
        self.pause(backoff(retry, self.attempts), "the connection failed")?;
        Ok(Next::Again)
    }

    fn after_too_many_requests(
        &mut self,
        reply: Response,
        token: Option<&Arc<TokenSet>>,
    ) -> Result<Next> {
        let budget = self.is_api.then(|| self.session.budget(token));
        let retry = &self.session.settings.profile.retry;
        let wait = retry_after(reply.headers())
            .or_else(|| budget.as_ref()?.wait())
            .unwrap_or_else(|| backoff(retry, self.attempts))
            .max(SHORTEST_WAIT);
        if let Some(budget) = &budget {
            budget.exhausted(wait);
        }
        if !self.body.is_repeatable() || self.limit.waited + wait > self.longest_wait() {
            return Ok(Next::Done(Box::new(reply)));
        }
        drop(reply);
        self.limit.waited += wait;
        let _waiting = budget.map(Budget::queue);
        self.pause(wait, USED_UP)?;
        Ok(Next::Again)
    }

    /// Waits until the service has said that it takes requests again, within bounds.
    fn wait_for_budget(&mut self, token: Option<&Arc<TokenSet>>) -> Result<()> {
        let budget = self.session.budget(token);
        if budget.try_take() {
            return Ok(());
        }
        self.log_wait(budget.wait().unwrap_or_default(), USED_UP);
        let begun = Instant::now();
        let patience = self.longest_wait().saturating_sub(self.limit.waited);
        let waiting = budget.queue();
        let waited = io::run(Lanes::Any, self.cancel, |_| async move {
            waiting.take(patience).await;
            Ok(())
        });
        self.limit.waited += begun.elapsed();
        waited
    }

    /// Two windows of the rate limit.
    fn longest_wait(&self) -> Duration {
        Duration::from_secs(self.session.settings.profile.rate_limit.window_seconds) * 2
    }

    fn pause(&self, wait: Duration, why: &str) -> Result<()> {
        self.log_wait(wait, why);
        io::sleep(self.cancel, wait)
    }

    fn log_wait(&self, wait: Duration, why: &str) {
        write_wait(&*self.session.log, || self.describe(), wait, why);
    }

    /// Goes on at another place (RFC 9110 section 15.4).
    fn after_redirect(&mut self, reply: Response, location: &str) -> Result<Next> {
        let keeps_method = match reply.status().as_u16() {
            307 | 308 => true,
            // Only a POST may become a GET: a change that comes back as a page read elsewhere
            // would look as if it had been made.
            301 | 302 => self.method != Method::POST,
            _ => false,
        };
        if self.redirects >= MAX_REDIRECTS || (keeps_method && !self.body.is_repeatable()) {
            return Ok(Next::Done(Box::new(reply)));
        }
        let settings = &self.session.settings;
        let next = self.url.join(location).map_err(|_| {
            Diagnostic::new(
                SqlState::GENERAL_ERROR,
                "The service redirected to what is no URL.",
            )
        })?;
        self.redirects += 1;
        self.attempts = 0;
        if settings.region.origin.is_origin_of(&next) {
            // A signed request that is led here stays one: it does not get the token.
            self.url = next;
        } else {
            self.url = target::signed_url(settings, next.as_str()).map_err(|_| {
                Diagnostic::new(
                    SqlState::GENERAL_ERROR,
                    "The service redirected to a URL that does not begin with https://, which is \
                     not followed, because nothing would protect the data.",
                )
            })?;
            // A signature may cover the headers that were given for it.
            if self.is_api {
                self.leave_origin();
            }
        }
        if !keeps_method && self.method != Method::HEAD {
            self.method = Method::GET;
            self.body = RequestBody::Empty;
            self.headers.remove(CONTENT_TYPE);
            self.headers.remove(CONTENT_LENGTH);
        }
        Ok(Next::Again)
    }

    /// Strips everything that is meant for the service alone.
    fn leave_origin(&mut self) {
        let kept = [ACCEPT, RANGE, CONTENT_TYPE];
        self.headers = kept
            .into_iter()
            .filter_map(|name| {
                self.headers
                    .get(&name)
                    .map(|value| (name.clone(), value.clone()))
            })
            .collect();
        self.headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        self.is_api = false;
    }

    fn problem(&self, reply: &Response, token: Option<&TokenSet>) -> Diagnostic {
        let profile = &self.session.settings.profile;
        let secrets = self.secrets(token);
        let mut what = self.describe();
        let waited = self.limit.waited;
        if reply.status() == StatusCode::TOO_MANY_REQUESTS && waited.as_secs() > 0 {
            what = format!("{what} after a wait of {:.0} s", waited.as_secs_f64());
        }
        let proxy = self.session.settings.transport.proxy.named();
        // A proxy reads plain http, and may answer it itself.
        if self.url.scheme() == "http"
            && let Some(proxy) = proxy
        {
            what =
                format!("{what} (sent through the proxy {proxy}, which may have answered itself)");
        }
        let mut problem = problem::record(profile, reply, &what, &secrets);
        if reply.status() == StatusCode::NOT_FOUND && self.is_api {
            problem.message += &problem::outside(profile, self.url.path());
        }
        problem
    }

    fn not_followed(&self, reply: &Response) -> Diagnostic {
        let status = reply.status().as_u16();
        let why = if self.redirects >= MAX_REDIRECTS {
            format!("after {MAX_REDIRECTS} redirects this one was not followed")
        } else {
            "the body of the request cannot be sent a second time, so the redirect was not followed"
                .to_owned()
        };
        let message = format!("{} was answered with {status}: {why}.", self.describe());
        Diagnostic::new(SqlState::GENERAL_WARNING, message).with_native(i32::from(status))
    }

    /// What was sent and must not come back in a message.
    fn secrets(&self, token: Option<&TokenSet>) -> Vec<SecretString> {
        let mut secrets = self.session.settings.secrets();
        if let Some(token) = token {
            secrets.extend(token.access_token.clone());
            secrets.extend(token.refresh_token.clone());
        }
        let headers = self.headers.iter();
        secrets.extend(
            headers
                .filter(|(name, _)| !is_harmless(name.as_str()))
                .filter_map(|(_, value)| value.to_str().ok().map(SecretString::from)),
        );
        if !self.is_api {
            let signature = self.url.query_pairs();
            secrets.extend(signature.map(|(_, value)| SecretString::from(value.into_owned())));
        }
        secrets
    }

    /// The request in words, without its query, which may hold secrets or clients' names.
    fn describe(&self) -> String {
        if self.is_api {
            format!("{} {}", self.method, self.url.path())
        } else {
            format!(
                "{} {}",
                self.method,
                self.url.host_str().unwrap_or_default()
            )
        }
    }
}

fn renewed_for_the_next_one() -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_WARNING,
        "The token was renewed, but the body of the request cannot be sent a second time: execute \
         the request again with a new body.",
    )
}

/// Following such pages would never end.
fn leads_back() -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        "The reply names a page as the next one that was read already, and would do so again and \
         again. The list is not complete: leave paging parameters out of the request, or ask the \
         service.",
    )
}

fn redirect_location(reply: &Response) -> Option<String> {
    if !matches!(reply.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    reply
        .headers()
        .get(LOCATION)?
        .to_str()
        .ok()
        .map(str::to_owned)
}
