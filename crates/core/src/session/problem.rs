//! The record for a reply with an HTTP status of 400 or more.

use http::StatusCode;
use secrecy::SecretString;
use serde_json::Value;

use crate::error::{Diagnostic, SqlState};
use crate::http::Response;
use crate::oauth::callback::printable;
use crate::profile::Profile;
use crate::secret::scrub;

/// The service's own words for an error reply, without the `secrets` that it may repeat, and what to
/// do next.
pub(super) fn record(
    profile: &Profile,
    reply: &Response,
    what: &str,
    secrets: &[SecretString],
) -> Diagnostic {
    let status = reply.status().as_u16();
    let body = reply.json_at_hand();
    let body = body.as_ref();
    let find = |pointers: &[String]| {
        pointers
            .iter()
            .find_map(|pointer| body?.pointer(pointer)?.as_str())
            .map(|text| printable(&scrub(text, secrets)))
    };
    let kind = find(&profile.errors.type_pointers);
    let text = find(&profile.errors.message_pointers);
    let details = body.and_then(field_problems).unwrap_or_default();
    let details = scrub(&details, secrets);
    let said = match (kind, text) {
        (Some(kind), Some(text)) if kind != text => format!(" ({kind}): {text}"),
        (Some(text), _) | (None, Some(text)) => format!(": {text}"),
        (None, None) => String::new(),
    };
    let stop = if said.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    let name = &profile.name;
    let message = format!(
        "{name} answered {status} to {what}{said}{stop}{details}{}",
        advice(status)
    );
    Diagnostic::new(SqlState::GENERAL_WARNING, message).with_native(i32::from(status))
}

/// An error is never longer than this many bytes: what is longer need not be looked at.
const LONGEST_ERROR: usize = 16 * 1024;

/// The status of the error that a reply with a status of success and without data holds.
pub(super) fn status_inside(profile: &Profile, reply: &Response) -> Option<StatusCode> {
    let may_be_error = |body: &[u8]| body.len() <= LONGEST_ERROR && mentions_error(profile, body);
    if !reply.status().is_success() || !reply.body_at_hand().is_some_and(may_be_error) {
        return None;
    }
    let body = reply.json_at_hand()?;
    let data = body.pointer(&profile.paging.data_pointer);
    if data.is_some_and(|data| !data.is_null()) {
        return None;
    }
    let mut pointers = profile.errors.type_pointers.iter();
    let kind = pointers.find_map(|pointer| body.pointer(pointer)?.as_str())?;
    StatusCode::from_u16(*profile.errors.statuses.get(kind)?).ok()
}

/// Whether the name of a member with an error is in a body: a search costs far less than reading the
/// JSON of every small reply.
fn mentions_error(profile: &Profile, body: &[u8]) -> bool {
    let pointers = profile.errors.type_pointers.iter();
    let mut names = pointers.filter_map(|pointer| pointer.split('/').nth(1));
    std::str::from_utf8(body).is_ok_and(|text| names.any(|name| text.contains(name)))
}

/// The names of the fields that a 422 complains about. Not their texts, which repeat the values.
fn field_problems(body: &Value) -> Option<String> {
    let fields = body.pointer("/error/errors")?.as_object()?;
    let names: Vec<String> = fields.keys().take(10).map(|name| printable(name)).collect();
    (!names.is_empty()).then(|| format!(" It is about: {}.", names.join(", ")))
}

/// What to say of a path that was not found and is not below the API's base; it begins with a blank.
/// Empty for others.
pub(super) fn outside(profile: &Profile, path: &str) -> String {
    let base = &profile.api.base_path;
    if path.starts_with(base) {
        return String::new();
    }
    format!(
        " This path is not below {base}: there, paths are written without a / at their beginning, \
         as in users/who_am_i."
    )
}

/// What to do about a status of 400 or more; it ends the message of the record for such a reply, and
/// begins with a blank. Empty where there is nothing to say.
#[must_use]
pub fn advice(status: u16) -> &'static str {
    match status {
        401 => {
            " The token is not accepted: check that the application and the login belong to this \
             Region, and log in again if need be."
        }
        403 => {
            " The application lacks a permission for this (see the application's settings in the \
             service's developer portal; after a change, log in again), or the person's role does."
        }
        404 => " Check the path and the id; what the person may not see is not found either.",
        407 => {
            " A proxy on the way wants credentials: check ProxyUser and ProxyPassword, or FirewallUser and FirewallPassword."
        }
        410 => " This version of the API is retired: a newer release of apilink is needed.",
        412 => " Read the record again, and repeat the change with its new etag.",
        429 => " The rate limit is used up: try again later, and ask for larger pages.",
        500.. => " The service has a problem: try again later.",
        _ => "",
    }
}
