//! Replies that are not what they have to be, in words.

use apilink_core::http::{Response, Target};
use apilink_core::profile::{PagingProfile, Profile};
use apilink_core::session::advice;
use apilink_core::{Diagnostic, SqlState};
use serde_json::Value as Json;

use super::cell::kind_of;
use super::page::{Data, Page};

/// No more than this of what the service says is repeated.
const LONGEST_SAYING: usize = 200;

/// The error for a reply that is wrong. `what` goes on after "the service's reply".
pub(crate) fn wrong(table: &str, what: &str) -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        format!("Table {table}: the service's reply {what}."),
    )
}

/// Whether a page holds what belongs there; else what is wrong with it.
pub(crate) fn check_data(page: &Page, profile: &Profile) -> Result<(), String> {
    match page.data {
        Data::Right => Ok(()),
        Data::Wrong(what) => Err(not_records(what)),
        Data::WrongRecord(what) => Err(format!("has {what} among its records")),
        Data::Missing => Err(without_data(&page.rest, profile)),
    }
}

/// What is wrong with a reply that has something else in place of its records.
pub(crate) fn not_records(what: &str) -> String {
    format!("has {what} where its records belong")
}

/// What a reply without records is.
pub(crate) fn without_data(rest: &Json, profile: &Profile) -> String {
    let said = |pointers: &[String]| {
        pointers
            .iter()
            .find_map(|pointer| rest.pointer(pointer)?.as_str())
            .map(on_one_line)
    };
    let errors = &profile.errors;
    let kind = said(&errors.type_pointers);
    let text = said(&errors.message_pointers);
    let mut said: Vec<String> = kind.into_iter().chain(text).collect();
    said.dedup();
    if !said.is_empty() {
        let said = said.join(": ");
        return format!(
            "holds an error in place of records: {}",
            said.trim_end_matches('.')
        );
    }
    let what = match rest {
        Json::Object(members) if members.is_empty() => "is an empty object".to_owned(),
        Json::Object(members) => {
            let names: Vec<&str> = members.keys().take(5).map(String::as_str).collect();
            format!("holds {}", on_one_line(&names.join(", ")))
        }
        other => format!("is {}", kind_of(other)),
    };
    format!("{what}, and no records")
}

/// What is wrong with a reply that leads back.
pub(crate) const READ_ALREADY: &str =
    "names a page as the next one that was read already, and would do so again and again";

/// The URL of the next page; `None` after the last. Else what is wrong with it.
pub(crate) fn next_page<'r>(
    rest: &'r Json,
    paging: &PagingProfile,
) -> Result<Option<&'r str>, String> {
    let wrong = |other| format!("names {} as its next page", kind_of(other));
    paging.next_page(rest).map_err(wrong)
}

/// What is wrong with the URL of a next page that may not be asked.
pub(crate) fn foreign(target: &Target) -> String {
    let url = match target {
        Target::Api(url) => url.as_str(),
        Target::Signed(_) => "",
    };
    // Not its query, which repeats what was searched for.
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let place = on_one_line(url.get(..end).unwrap_or_default());
    format!(
        "names a next page at {place}, which is not a place of this region: the token must not go \
         there"
    )
}

/// The error for a reply with a status of 400 or more.
pub(crate) fn refused(table: &str, reply: &Response, problems: Vec<Diagnostic>) -> Diagnostic {
    let status = reply.status().as_u16();
    let said = problems
        .into_iter()
        .next()
        .map(|problem| problem.message)
        .unwrap_or_default();
    // What to do about it is said here, where the table is known.
    let plain = said.strip_suffix(advice(status)).unwrap_or(&said);
    let (sqlstate, said, advice) = match status {
        401 => (SqlState::AUTHORIZATION, said.as_str(), String::new()),
        403 => (
            SqlState::SYNTAX,
            plain,
            format!(
                " The application lacks the permission to read \"{table}\", or the user's role does \
                 not allow it. Change that where the application is registered, and log in again."
            ),
        ),
        404 | 410 => (
            SqlState::NO_SUCH_TABLE,
            plain,
            format!(
                " The service does not have \"{table}\" at this place, or no longer: other tables \
                 are not affected."
            ),
        ),
        429 => (SqlState::TIMEOUT, said.as_str(), String::new()),
        _ => (SqlState::GENERAL_ERROR, said.as_str(), String::new()),
    };
    Diagnostic::new(sqlstate, format!("Table {table}: {said}{advice}"))
        .with_native(i32::from(status))
}

/// A text of the service for a message: on one line, and not too long.
fn on_one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(LONGEST_SAYING).collect()
}

/// Whether a list ended although a page or more is missing of what the service counts.
pub(crate) fn lacks_a_page(received: u64, counted: u64, page_size: u64) -> bool {
    counted.saturating_sub(received) >= page_size.max(1)
}

/// What is wrong with the last page of such a list.
pub(crate) fn ended_early(received: u64, counted: u64) -> String {
    format!("is the last of the list, but {received} records of {counted} came")
}
