//! How long to wait before a request is repeated.

use std::time::{Duration, SystemTime};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, Method};

use crate::profile::RetryProfile;

/// Whether a request may be repeated although the service may have done what it asks: the methods
/// without effect, and PUT, which has the same effect twice (RFC 9110 section 9.2.2). DELETE is
/// left out: repeated, it answers 404 and hides that it succeeded.
pub(crate) fn is_repeatable(method: &Method) -> bool {
    method.is_safe() || method == Method::PUT
}

/// The wait before the attempt that follows `attempt` (1 is the first): exponential, with full
/// jitter so that clients that failed together do not come back together.
pub(crate) fn backoff(profile: &RetryProfile, attempt: u32) -> Duration {
    let doubled = profile.base_milliseconds.saturating_mul(
        1_u64
            .checked_shl(attempt.saturating_sub(1))
            .unwrap_or(u64::MAX),
    );
    let ceiling = doubled.min(profile.cap_milliseconds).max(1);
    Duration::from_millis(1 + random_below(ceiling))
}

fn random_below(bound: u64) -> u64 {
    let mut bytes = [0; 8];
    match getrandom::getrandom(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes) % bound,
        // Without randomness the longest wait is the safe one.
        Err(_) => bound - 1,
    }
}

/// A service that says "never again" is taken at its word for this long, which is longer than
/// anybody waits, and can be added to any time.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A stated wait that is shorter is as good as none.
const SHORTEST_STATED_WAIT: Duration = Duration::from_millis(200);

/// `Retry-After` (RFC 9110 section 10.2.3), in seconds or as a date; a day at most. `None` also for
/// a wait that is over already: who takes it at its word asks again and again without a pause.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    stated_wait(headers)
        .filter(|wait| *wait >= SHORTEST_STATED_WAIT)
        .map(|wait| wait.min(LONGEST_WAIT))
}

fn stated_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).ok())?;
    }
    let when = httpdate::parse_http_date(text).ok()?;
    Some(
        when.duration_since(service_time(headers))
            .unwrap_or(Duration::ZERO),
    )
}

/// The service's idea of now, for comparing with its other times; ours if it sends none.
pub(crate) fn service_time(headers: &HeaderMap) -> SystemTime {
    headers
        .get(DATE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| httpdate::parse_http_date(text).ok())
        .unwrap_or_else(SystemTime::now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(
            retry_after(&headers(&[(RETRY_AFTER, "7")])),
            Some(Duration::from_secs(7))
        );
        let date = headers(&[
            (RETRY_AFTER, "Sun, 06 Nov 1994 08:49:47 GMT"),
            (DATE, "Sun, 06 Nov 1994 08:49:37 GMT"),
        ]);
        assert_eq!(retry_after(&date), Some(Duration::from_secs(10)));
        let never = headers(&[(RETRY_AFTER, "1e19")]);
        assert_eq!(retry_after(&never), Some(LONGEST_WAIT));
        // A wait that is over says nothing of the next one.
        let past = "Sun, 06 Nov 1994 08:49:37 GMT";
        for text in ["", "soon", "-1", "NaN", "1e300", "0", "0.0", "1e-9", past] {
            assert_eq!(
                retry_after(&headers(&[(RETRY_AFTER, text)])),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn only_what_is_safe_is_repeated() {
        assert!(is_repeatable(&Method::GET) && is_repeatable(&Method::PUT));
        assert!(!is_repeatable(&Method::POST) && !is_repeatable(&Method::DELETE));
        assert!(!is_repeatable(&Method::PATCH));
    }
}
