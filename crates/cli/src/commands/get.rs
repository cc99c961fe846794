//! `get`: a request as it is.

use std::io::Write;

use apilink_core::Diagnostic;
use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody, Response};
use apilink_core::session::Session;
use serde_json::Value;

use crate::args::{ConnectionArgs, GetArgs};
use crate::commands::split_target;
use crate::connection::ConnectionSource;
use crate::failure::{Failure, Outcome, warn};
use crate::output::write_to;
use crate::{interrupt, terminal};

/// How much of a body is read at a time.
const PIECE: usize = 1 << 16;

/// `get`.
pub fn get(connection: &ConnectionArgs, args: &GetArgs) -> Outcome {
    let (positional, path) = split_target(&args.target)?;
    let source = ConnectionSource::find(connection, positional)?;
    let mut request = Request::get(path);
    for parameter in &args.query {
        let (name, value) = parameter
            .split_once('=')
            .ok_or_else(|| Failure::Usage("A query parameter is written NAME=VALUE.".to_owned()))?;
        request.add_query(name, value);
    }
    let cancel = interrupt::begin();
    let session = source.connect(&cancel)?;
    let mut records = Vec::new();
    let reply = session.execute(&request, RequestBody::Empty, &cancel, &mut records)?;
    check(&reply, records)?;
    if args.all {
        return write_all_pages(&session, reply, args, &cancel);
    }
    write_reply(reply, args, &cancel)
}

/// Tells warnings, and makes an error of a reply that is one.
fn check(reply: &Response, mut records: Vec<Diagnostic>) -> Outcome {
    if !reply.status().is_success() && !records.is_empty() {
        let problem = records.remove(0);
        warn(&records);
        return Err(problem.into());
    }
    warn(&records);
    Ok(())
}

/// The body as it was sent; JSON is indented for a terminal.
fn write_reply(mut reply: Response, args: &GetArgs, cancel: &CancellationToken) -> Outcome {
    let file = args.file.as_deref();
    if file.is_none() && terminal::stdout_is_terminal() {
        return write_for_people(&mut reply, cancel);
    }
    write_to(file, &|| (), |out| {
        let mut buffer = vec![0; PIECE];
        loop {
            let count = reply.read(&mut buffer, cancel)?;
            if count == 0 {
                return Ok(());
            }
            out.write_all(buffer.get(..count).unwrap_or_default())?;
        }
    })
}

fn write_for_people(reply: &mut Response, cancel: &CancellationToken) -> Outcome {
    let is_json = reply
        .header("content-type", 0)
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    let mut out = std::io::stdout().lock();
    if is_json {
        let value = reply.json(cancel)?;
        serde_json::to_writer_pretty(&mut out, value).map_err(std::io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    match std::str::from_utf8(reply.body(cancel)?) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !"\r\n\t".contains(c)) => {
            Ok(out.write_all(text.as_bytes())?)
        }
        _ => Err(Failure::Usage(
            "The reply is not text. Write it to a file with --output.".to_owned(),
        )),
    }
}

/// The records of all pages as one array, a record a line; one page is in memory at a time.
fn write_all_pages(
    session: &Session,
    first: Response,
    args: &GetArgs,
    cancel: &CancellationToken,
) -> Outcome {
    let data_pointer = &session.settings().profile.paging.data_pointer;
    let is_pretty = args.file.is_none() && terminal::stdout_is_terminal();
    write_to(args.file.as_deref(), &|| (), |out| {
        let mut separator = "[\n";
        let mut page = Some(first);
        while let Some(mut reply) = page {
            match reply.json(cancel)?.pointer(data_pointer) {
                Some(Value::Array(records)) => {
                    for record in records {
                        out.write_all(separator.as_bytes())?;
                        separator = ",\n";
                        write_record(out, record, is_pretty)?;
                    }
                }
                _ => {
                    return Err(Failure::Usage(
                        "The reply is not a list, so it has no pages. Leave --all out.".to_owned(),
                    ));
                }
            }
            out.flush()?;
            let mut records = Vec::new();
            page = session.next_page(&mut reply, None, cancel, &mut records)?;
            if let Some(next) = &page {
                check(next, records)?;
            }
        }
        let end = if separator == "[\n" { "[]\n" } else { "\n]\n" };
        Ok(out.write_all(end.as_bytes())?)
    })
}

fn write_record(out: &mut dyn Write, record: &Value, is_pretty: bool) -> std::io::Result<()> {
    if is_pretty {
        let text = serde_json::to_string_pretty(record)?;
        return write!(out, "  {}", text.replace('\n', "\n  "));
    }
    Ok(serde_json::to_writer(out, record)?)
}
