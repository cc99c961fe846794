//! All checks, and those that are made once.

use std::time::{SystemTime, UNIX_EPOCH};

use apilink_core::Result;
use serde_json::Value;

use super::Verdict::{Confirmed, Contradicted, Unclear};
use super::probe::{Probe, names};
use super::{Check, Scope, Verdict, counts, lists};

/// All checks, in their order.
pub const ALL: [Check; 23] = [
    check(
        "braces",
        "braces in fields, as they are and escaped",
        braces,
    ),
    check("nested", "objects in objects", nested),
    check("who-am-i", "the default fields of the person", who_am_i),
    check(
        "unknown-parameter",
        "parameters that do not exist",
        unknown_parameter,
    ),
    check(
        "unknown-field",
        "the error for a field that does not exist",
        unknown_field,
    ),
    check(
        "not-found",
        "the error for a record that does not exist",
        not_found,
    ),
    check(
        "version",
        "the error for a wrong version, and the version of replies",
        version,
    ),
    check("offset-end", "where offset paging ends", offset_end),
    check("default-page", "the page size without limit", default_page),
    check(
        "page-token",
        "what page tokens are and how long they hold",
        page_token,
    ),
    check(
        "url-length",
        "how long a URL with many ids may be",
        url_length,
    ),
    check("ids", "ids that do not exist", ids),
    check("since", "whether created_since includes its time", since),
    check("filter-case", "whether filters heed case", filter_case),
    check("rate-limit", "the headers of the rate limit", rate_limit),
    check("gzip", "compressed replies", gzip),
    check("time-zone", "the form of date-times", time_zone),
    check(
        "redaction",
        "how records show what a person may not see",
        redaction,
    ),
    check(
        "bill-matters",
        "whether bills are found by each of their matters",
        counts::bill_matters,
    ),
    check(
        "counted",
        "whether meta.records counts what paging does not bring",
        counts::counted,
    ),
    each_list(
        "defaults",
        "default fields and meta.records of every list",
        lists::defaults,
    ),
    each_list(
        "order",
        "order=id(asc) on every list; 37 do not document it",
        lists::order,
    ),
    each_list(
        "page-size",
        "the largest page of every list",
        lists::page_size,
    ),
];

const fn check(
    name: &'static str,
    about: &'static str,
    run: fn(&mut Probe<'_>) -> Result<()>,
) -> Check {
    Check {
        name,
        about,
        scope: Scope::Service(run),
    }
}

const fn each_list(
    name: &'static str,
    about: &'static str,
    run: fn(&mut Probe<'_>, &lists::List<'_>) -> Result<()>,
) -> Check {
    Check {
        name,
        about,
        scope: Scope::EachList(run),
    }
}

/// A list that every firm has, whose records hold objects.
const LIST: &str = "matters";
/// An id that no record has.
const NO_ID: &str = "9223372036854775806";

fn braces(probe: &mut Probe<'_>) -> Result<()> {
    let literal = probe.get("matters?limit=1&fields=id,client{id}", &[])?;
    let escaped = probe.get("matters?limit=1&fields=id%2Cclient%7Bid%7D", &[])?;
    for (claim, answer) in [
        ("fields takes braces as they are", literal),
        ("fields takes braces escaped as %7B and %7D", escaped),
    ] {
        let verdict = if answer.is_success() {
            Confirmed
        } else if answer.status == 400 {
            Contradicted
        } else {
            Unclear
        };
        probe.found(LIST, claim, verdict, answer.described());
    }
    Ok(())
}

fn nested(probe: &mut Probe<'_>) -> Result<()> {
    const DEFAULTS: &str = "an object whose fields are not named holds id and etag only";
    const SECOND: &str = "an object in an object can be asked for by its name";
    const TOO_DEEP: &str = "fields of an object in an object are refused with 400";
    let plain = probe.get(LIST, &[("limit", "1"), ("fields", "id,client")])?;
    match plain
        .records()
        .first()
        .and_then(|record| record.get("client"))
    {
        Some(client @ Value::Object(_)) => {
            let mut names = names(client);
            names.sort_unstable();
            let evidence = format!("it holds {}", names.join(", "));
            probe.found(
                LIST,
                DEFAULTS,
                Verdict::of(names == ["etag", "id"]),
                evidence,
            );
        }
        _ => probe.found(LIST, DEFAULTS, Unclear, plain.described()),
    }
    let second = [("limit", "1"), ("fields", "id,matter{id,client}")];
    let answer = probe.get("activities", &second)?;
    let verdict = Verdict::of(answer.is_success());
    probe.found("activities", SECOND, verdict, answer.described());
    let deep = [("limit", "1"), ("fields", "id,matter{id,client{id}}")];
    let answer = probe.get("activities", &deep)?;
    let verdict = Verdict::of(answer.status == 400);
    probe.found("activities", TOO_DEEP, verdict, answer.described());
    Ok(())
}

fn who_am_i(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "who_am_i holds id, etag and name by default";
    let answer = probe.get("users/who_am_i", &[])?;
    let record = answer.json.as_ref().and_then(|body| body.get("data"));
    match record.filter(|_| answer.is_success()) {
        Some(record) => {
            let mut names = names(record);
            names.sort_unstable();
            let verdict = Verdict::of(names == ["etag", "id", "name"]);
            probe.found(
                "users",
                CLAIM,
                verdict,
                format!("it holds {}", names.join(", ")),
            );
        }
        None => probe.found("users", CLAIM, Unclear, answer.described()),
    }
    Ok(())
}

fn unknown_parameter(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "a parameter that does not exist is ignored";
    let without = probe.get(LIST, &[("limit", "1"), ("fields", "id")])?;
    let query = [
        ("limit", "1"),
        ("fields", "id"),
        ("apilink_no_such_filter", "1"),
    ];
    let with = probe.get(LIST, &query)?;
    let verdict = if with.is_success() {
        Verdict::of(with.total() == without.total())
    } else {
        Contradicted
    };
    let evidence = if with.is_success() && with.total() == without.total() {
        "the same number of records".to_owned()
    } else {
        with.described()
    };
    probe.found(LIST, CLAIM, verdict, evidence);
    Ok(())
}

fn unknown_field(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "a field that does not exist is 400 with the type InvalidFields";
    let answer = probe.get(
        LIST,
        &[("limit", "1"), ("fields", "id,apilink_no_such_field")],
    )?;
    let is_so = answer.status == 400 && answer.error_type() == Some("InvalidFields");
    probe.found(LIST, CLAIM, Verdict::of(is_so), answer.described());
    Ok(())
}

fn not_found(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "a record that does not exist is 404 with error.type and error.message";
    let answer = probe.get(&format!("{LIST}/{NO_ID}"), &[("fields", "id")])?;
    let is_so = answer.status == 404 && answer.error_type().is_some();
    probe.found(LIST, CLAIM, Verdict::of(is_so), answer.described());
    Ok(())
}

fn version(probe: &mut Probe<'_>) -> Result<()> {
    const ECHO: &str = "a reply names the version that was asked for";
    const WRONG: &str = "a version that does not exist is 410";
    let header = &probe.session().settings().profile.api.version_header;
    let Some(header) = header.as_ref() else {
        probe.found("", ECHO, Unclear, "the profile names no version");
        return Ok(());
    };
    let query = [("limit", "1"), ("fields", "id")];
    let answer = probe.get(LIST, &query)?;
    let evidence = match answer.header(&header.name) {
        Some(value) => format!("{}: {value}, asked for {}", header.name, header.value),
        None => format!("there is no {}", header.name),
    };
    let is_so = answer.header(&header.name) == Some(&header.value);
    probe.found("", ECHO, Verdict::of(is_so), evidence);
    let answer = probe.send(LIST, &query, &[(&header.name, "1.0.0")])?;
    probe.found(
        "",
        WRONG,
        Verdict::of(answer.status == 410),
        answer.described(),
    );
    Ok(())
}

fn offset_end(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "an offset of 10,000 is 422 with the type ArgumentError";
    let query = [("limit", "1"), ("fields", "id"), ("offset", "10000")];
    let answer = probe.get("activities", &query)?;
    let is_so = answer.status == 422 && answer.error_type() == Some("ArgumentError");
    probe.found("activities", CLAIM, Verdict::of(is_so), answer.described());
    Ok(())
}

fn default_page(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "without limit, a page holds 200 records";
    let answer = probe.get("activities", &[("fields", "id")])?;
    let count = answer.records().len();
    let verdict = if count == 200 {
        Confirmed
    } else if answer.next().is_some() || count > 200 {
        Contradicted
    } else {
        Unclear
    };
    let evidence = format!("{} with {count} records", answer.described());
    probe.found("activities", CLAIM, verdict, evidence);
    Ok(())
}

fn page_token(probe: &mut Probe<'_>) -> Result<()> {
    const NEXT: &str = "with order=id(asc), the next page has a page_token and no offset";
    const ESCAPED: &str = "the URL of the next page has braces escaped";
    const ALONE: &str = "the token alone, with the same parameters, gives the next page";
    const TWICE: &str = "a page token can be used twice";
    const WHOLE: &str = "a whole URL in place of the token is refused";
    let query = [
        ("limit", "1"),
        ("fields", "id,client{id}"),
        ("order", "id(asc)"),
    ];
    let first = probe.get(LIST, &query)?;
    let Some(next) = first.next() else {
        probe.found(LIST, NEXT, Unclear, "there is one page only");
        return Ok(());
    };
    let token = parameter(next, "page_token");
    let is_so = token.is_some() && parameter(next, "offset").is_none();
    probe.found(LIST, NEXT, Verdict::of(is_so), parameter_names(next));
    let is_escaped = next.to_ascii_uppercase().contains("%7B");
    let evidence = if is_escaped {
        "%7B is in it"
    } else {
        "%7B is not in it"
    };
    probe.found(LIST, ESCAPED, Verdict::of(is_escaped), evidence);
    let Some(token) = token else {
        return Ok(());
    };
    let followed = probe.get(next, &[])?;
    let again = probe.get(next, &[])?;
    let is_same = again.is_success() && again.records() == followed.records();
    let evidence = format!("{} and {}", followed.described(), again.described());
    probe.found(LIST, TWICE, Verdict::of(is_same), evidence);
    // The token is escaped already.
    let alone = probe.get(&format!("{LIST}?page_token={token}"), &query)?;
    let is_same = alone.is_success() && alone.records() == followed.records();
    probe.found(LIST, ALONE, Verdict::of(is_same), alone.described());
    let mut whole = query.to_vec();
    whole.push(("page_token", next));
    let answer = probe.get(LIST, &whole)?;
    probe.found(
        LIST,
        WHOLE,
        Verdict::of(!answer.is_success()),
        answer.described(),
    );
    Ok(())
}

fn url_length(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "a URL with 200 ids is taken";
    for count in [50, 100, 200, 400] {
        let ids = vec![("ids[]", NO_ID); count];
        let mut query = vec![("fields", "id")];
        query.extend(ids);
        let answer = probe.get(LIST, &query)?;
        let evidence = format!(
            "{count} ids, {} characters: {}",
            answer.url_length,
            answer.described()
        );
        let verdict = match (count, answer.is_success()) {
            (200, is_so) => Verdict::of(is_so),
            (400, _) => Unclear,
            (_, true) => continue,
            (_, false) => Contradicted,
        };
        let claim = if count == 400 {
            "how much longer a URL may be is not said"
        } else {
            CLAIM
        };
        probe.found(LIST, claim, verdict, evidence);
        if !answer.is_success() {
            break;
        }
    }
    Ok(())
}

fn ids(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "ids of records that do not exist are left out without an error";
    let answer = probe.get(LIST, &[("fields", "id"), ("ids[]", NO_ID)])?;
    let is_so = answer.is_success() && answer.records().is_empty();
    let evidence = format!(
        "{} with {} records",
        answer.described(),
        answer.records().len()
    );
    probe.found(LIST, CLAIM, Verdict::of(is_so), evidence);
    Ok(())
}

fn since(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "created_since includes records of exactly that time";
    let query = [("limit", "1"), ("fields", "id,created_at")];
    let answer = probe.get(LIST, &query)?;
    let record = answer.records().first();
    let id = record.and_then(|record| record.get("id")?.as_i64());
    let time = record.and_then(|record| record.get("created_at")?.as_str());
    let (Some(id), Some(time)) = (id, time) else {
        probe.found(LIST, CLAIM, Unclear, "the list is empty");
        return Ok(());
    };
    let id = id.to_string();
    let query = [("fields", "id"), ("ids[]", &id), ("created_since", time)];
    let answer = probe.get(LIST, &query)?;
    let verdict = if answer.is_success() {
        Verdict::of(answer.records().len() == 1)
    } else {
        Unclear
    };
    let evidence = format!(
        "{} with {} records",
        answer.described(),
        answer.records().len()
    );
    probe.found(LIST, CLAIM, verdict, evidence);
    Ok(())
}

fn filter_case(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "status=Open finds the same records as status=open";
    let total = |status| {
        let query = [("limit", "1"), ("fields", "id"), ("status", status)];
        probe.get(LIST, &query)
    };
    let (lower, upper) = (total("open")?, total("Open")?);
    let verdict = if !lower.is_success() || lower.total() == Some(0) {
        Unclear
    } else {
        Verdict::of(upper.is_success() && upper.total() == lower.total())
    };
    let is_same = if upper.total() == lower.total() {
        "the same number"
    } else {
        "another number"
    };
    let evidence = format!("{}, {is_same} of records", upper.described());
    probe.found(LIST, CLAIM, verdict, evidence);
    Ok(())
}

fn rate_limit(probe: &mut Probe<'_>) -> Result<()> {
    const HEADERS: &str = "every reply has limit, remaining and reset";
    const ERRORS: &str = "so have replies with an error";
    const RESET: &str = "reset is a Unix time within the next window";
    let profile = &probe.session().settings().profile.rate_limit;
    let good = probe.get(LIST, &[("limit", "1"), ("fields", "id")])?;
    let bad = probe.get(&format!("{LIST}/{NO_ID}"), &[])?;
    let names = [
        &profile.limit_header,
        &profile.remaining_header,
        &profile.reset_header,
    ];
    for (claim, answer) in [(HEADERS, &good), (ERRORS, &bad)] {
        let present = names.map(|name| answer.header(name).is_some());
        let limit = answer.header(&profile.limit_header).unwrap_or("none");
        let hour = humantime::format_rfc3339_seconds(SystemTime::now());
        let evidence = format!("{}; the limit is {limit} at {hour}", answer.status);
        probe.found("", claim, Verdict::of(present == [true; 3]), evidence);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs());
    let reset: Option<u64> = good
        .header(&profile.reset_header)
        .and_then(|text| text.parse().ok());
    match reset {
        Some(reset) => {
            let left = i128::from(reset) - i128::from(now);
            // The clocks need not agree to the second.
            let is_so = (-5..=i128::from(profile.window_seconds) + 5).contains(&left);
            probe.found(
                "",
                RESET,
                Verdict::of(is_so),
                format!("it is {left} s from now"),
            );
        }
        None => probe.found("", RESET, Unclear, "there is none"),
    }
    Ok(())
}

fn gzip(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "long replies are compressed with gzip where that is accepted";
    let query = [("fields", "id,etag"), ("limit", "200")];
    let has_length = |encoding: &str| -> Result<bool> {
        let answer = probe.send("activities", &query, &[("Accept-Encoding", encoding)])?;
        Ok(answer.header("content-length").is_some())
    };
    // A body that is decompressed on the way has no length any more, and its encoding is not shown.
    let (plain, compressed) = (has_length("identity")?, has_length("gzip")?);
    let verdict = match (plain, compressed) {
        (true, false) => Confirmed,
        (_, true) => Contradicted,
        (false, false) => Unclear,
    };
    let shown = |has_length| if has_length { "has" } else { "has no" };
    let evidence = format!(
        "a plain reply {} length, and one that may be compressed {} length",
        shown(plain),
        shown(compressed)
    );
    probe.found("activities", CLAIM, verdict, evidence);
    Ok(())
}

fn time_zone(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "date-times carry an offset, and are not all in UTC";
    let answer = probe.get(LIST, &[("limit", "1"), ("fields", "id,created_at")])?;
    let text = answer
        .records()
        .first()
        .and_then(|record| record.get("created_at")?.as_str());
    let Some(offset) = text.and_then(offset) else {
        probe.found(LIST, CLAIM, Unclear, answer.described());
        return Ok(());
    };
    let verdict = match offset {
        "Z" => Contradicted,
        "+00:00" => Unclear,
        _ => Confirmed,
    };
    probe.found(LIST, CLAIM, verdict, format!("the offset is {offset}"));
    Ok(())
}

/// The offset at the end of a date-time (RFC 3339).
fn offset(time: &str) -> Option<&str> {
    let (_, clock) = time.split_once('T')?;
    let at = clock.find(['Z', 'z', '+', '-'])?;
    clock.get(at..)
}

fn redaction(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "an object that the person may not see is marked redacted";
    let fields = "id,price,total,matter{id,display_number},user{id,name}";
    let answer = probe.get("activities", &[("limit", "200"), ("fields", fields)])?;
    if !answer.is_success() {
        probe.found("activities", CLAIM, Unclear, answer.described());
        return Ok(());
    }
    let records = answer.records();
    let is_redacted = |value: &Value| value.get("redacted") == Some(&Value::Bool(true));
    let count = |found: &dyn Fn(&Value) -> bool| records.iter().filter(|one| found(one)).count();
    let objects = count(&|record| {
        let values = record.as_object().map(|object| object.values());
        values.is_some_and(|mut values| values.any(is_redacted))
    });
    let without_price = count(&|record| record.get("price").is_none_or(Value::is_null));
    let evidence = format!(
        "of {} records, {objects} hold such an object; {without_price} are without a price",
        records.len()
    );
    let verdict = if objects > 0 { Confirmed } else { Unclear };
    probe.found("activities", CLAIM, verdict, evidence);
    Ok(())
}

/// A parameter of a URL, escaped as it is there.
fn parameter<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| {
        let (known, value) = pair.split_once('=')?;
        (known == name).then_some(value)
    })
}

/// The names of a URL's parameters.
fn parameter_names(url: &str) -> String {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let names: Vec<&str> = query
        .split('&')
        .filter_map(|pair| pair.split('=').next())
        .collect();
    format!("it has {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_found_at_the_end() {
        for (time, expected) in [
            ("2025-08-17T00:15:35-04:00", Some("-04:00")),
            ("2025-08-17T00:15:35.123Z", Some("Z")),
            ("2025-08-17", None),
            ("2025-08-17T00:15:35", None),
        ] {
            assert_eq!(offset(time), expected);
        }
    }

    #[test]
    fn parameters_are_found_in_urls() {
        let url = "https://a/b.json?limit=1&page_token=x%3D&fields=id";
        assert_eq!(parameter(url, "page_token"), Some("x%3D"));
        assert_eq!(parameter(url, "offset"), None);
        assert_eq!(parameter_names(url), "it has limit, page_token, fields");
    }
}
