//! Requests for pages of lists, and what their replies hold.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody, Response};
use apilink_core::session::Session;
use apilink_core::{Diagnostic, Result, SqlState};
use serde_json::Value as Json;

use super::layout::Layout;
use super::names::Names;
use super::page::{CustomNames, Expected, Page, Reader};
use super::reply;
use super::request::{Demand, Query};
use super::runtime::lock;
use crate::catalog::{TableShape, TableSource};
use crate::progress::Progress;
use crate::value::Value;

/// What a value that does not fit its column becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Misfits {
    /// An error.
    #[default]
    Refused,
    /// NULL, with a warning.
    Null,
}

/// Asks the service, and keeps count.
#[derive(Clone)]
pub(crate) struct Fetcher {
    pub(crate) session: Arc<Session>,
    pub(crate) cancel: CancellationToken,
    pub(crate) progress: Progress,
    pub(crate) misfits: Misfits,
    pub(crate) names: Arc<Names>,
}

/// What does not change from page to page.
pub(super) struct Job {
    pub(super) fetcher: Fetcher,
    pub(super) shape: Arc<TableShape>,
    pub(super) layout: Arc<Layout>,
    pub(super) demand: Demand,
    pub(super) parent_key: Option<String>,
    /// Hashes of the URLs of the pages asked for so far.
    pub(super) asked: Mutex<HashSet<u64>>,
}

/// Where a scan is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Position {
    /// At the beginning of a request.
    Query(usize),
    /// At a page after the first one of a request.
    Next(NextPage),
    /// At its end.
    End,
}

/// A page after the first one of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NextPage {
    /// The request.
    pub(super) query: usize,
    /// Where it is.
    pub(super) url: String,
    /// The records before it.
    pub(super) received: u64,
}

/// A page, and what follows it.
pub(super) struct Fetched {
    pub(super) page: Page,
    pub(super) next: Position,
    pub(super) total: Option<u64>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Fetcher {
    /// Sends a request and counts it.
    fn get(&self, request: &Request) -> Result<(Response, Vec<Diagnostic>)> {
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        let mut records = Vec::new();
        self.progress.add_call();
        let reply =
            self.session
                .execute(request, RequestBody::Empty, &self.cancel, &mut records)?;
        self.progress.add_reply(reply.waited(), reply.calls_left());
        Ok((reply, records))
    }

    /// The number of records that a demand's requests list, by one small request for each.
    /// `None` where the service does not say.
    pub(crate) fn count(&self, shape: &TableShape, demand: &Demand) -> Result<Option<u64>> {
        let profile = &self.session.settings().profile;
        let mut total = 0;
        for query in &demand.queries {
            if query.is_record || demand.is_unpaged {
                return Ok(None);
            }
            let mut request = request(query);
            request.add_query(&profile.paging.page_size_parameter, "1");
            if let Some(name) = profile
                .paging
                .fields_parameter
                .as_ref()
                .filter(|_| demand.has_fields)
                && shape.column("id").is_some()
            {
                request.add_query(name, "id");
            }
            let (mut reply, problems) = self.get(&request)?;
            if reply.status().as_u16() == 404 && query.parent.is_some() {
                continue;
            }
            if reply.status().as_u16() >= 400 {
                return Err(reply::refused(&shape.name, &reply, problems));
            }
            let body = reply.json(&self.cancel).map_err(|error| {
                if error.sqlstate == SqlState::INVALID_CAST {
                    reply::wrong(&shape.name, "is not the JSON that was expected")
                } else {
                    error
                }
            })?;
            let Some(records) = body
                .pointer(&profile.paging.records_pointer)
                .and_then(Json::as_u64)
            else {
                return Ok(None);
            };
            total += records;
        }
        let total = total.saturating_sub(demand.offset);
        Ok(Some(demand.limit.map_or(total, |limit| total.min(limit))))
    }
}

impl Job {
    pub(super) fn fetch(&self, position: &Position, wanted: Option<u64>) -> Result<Fetched> {
        let (at, before, request) = match position {
            Position::Query(at) => {
                let Some(query) = self.demand.queries.get(*at) else {
                    return Ok(nothing());
                };
                (*at, 0, self.first_request(query, wanted))
            }
            Position::Next(next) => (next.query, next.received, self.next_request(next)?),
            Position::End => return Ok(nothing()),
        };
        let Some(query) = self.demand.queries.get(at) else {
            return Ok(nothing());
        };
        let (mut reply, problems) = self.fetcher.get(&request).map_err(|problem| {
            let is_first = matches!(position, Position::Query(_));
            if is_first || problem.sqlstate != SqlState::INVALID_VALUE {
                return problem;
            }
            // It was the service that said where the next page is.
            reply::wrong(&self.shape.name, &reply::foreign(request.target()))
        })?;
        let status = reply.status().as_u16();
        // There is no such record, or no such parent: no row.
        if status == 404 && (query.is_record || query.parent.is_some()) {
            return Ok(Fetched {
                next: self.after(at),
                ..nothing()
            });
        }
        if status >= 400 {
            return Err(reply::refused(&self.shape.name, &reply, problems));
        }
        self.is_new(reply.url().as_str());
        let mut page = self.read(&mut reply, query)?;
        let mut warnings = Vec::new();
        self.judge(&page, &mut warnings)?;
        self.fetcher.progress.add_page(page.records);
        let received = before + page.records;
        let paging = &self.fetcher.session.settings().profile.paging;
        let next = reply::next_page(&page.rest, paging)
            .map_err(|what| reply::wrong(&self.shape.name, &what))?;
        let total = page
            .rest
            .pointer(&paging.records_pointer)
            .and_then(Json::as_u64);
        let next = if let Some(url) = next {
            Position::Next(NextPage {
                query: at,
                url: url.to_owned(),
                received,
            })
        } else {
            let is_enough = wanted.is_some_and(|wanted| page.rows.len() as u64 >= wanted);
            if let Some(total) = total.filter(|_| !is_enough) {
                warnings.extend(self.check_count(received, total)?);
            }
            self.after(at)
        };
        page.rest = Json::Null;
        Ok(Fetched {
            page,
            next,
            total: total.filter(|_| self.demand.queries.len() == 1),
            warnings,
        })
    }

    /// Keeps in mind that a page is asked for; whether that is new.
    fn is_new(&self, url: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        url.hash(&mut hasher);
        lock(&self.asked).insert(hasher.finish())
    }

    /// The request for a page that the service named.
    fn next_request(&self, next: &NextPage) -> Result<Request> {
        if self.is_new(&next.url) {
            return Ok(Request::get(next.url.clone()));
        }
        Err(reply::wrong(&self.shape.name, reply::READ_ALREADY))
    }

    /// Compares what came of a list, whose last page is here, with what the service says that there
    /// is.
    fn check_count(&self, received: u64, total: u64) -> Result<Option<Diagnostic>> {
        let counted = total.saturating_sub(self.demand.offset);
        let page_size = u64::from(self.demand.page_size);
        if reply::lacks_a_page(received, counted, page_size) {
            let what = reply::ended_early(received, counted);
            return Err(reply::wrong(&self.shape.name, &what));
        }
        Ok((received < counted).then(|| {
            Diagnostic::new(
                SqlState::GENERAL_WARNING,
                format!(
                    "Table {}: {received} records came, and the service counts {counted}. Some \
                     changed while they were read, or are not shown to this user.",
                    self.shape.name
                ),
            )
        }))
    }

    fn after(&self, at: usize) -> Position {
        if at + 1 < self.demand.queries.len() {
            Position::Query(at + 1)
        } else {
            Position::End
        }
    }

    fn first_request(&self, query: &Query, wanted: Option<u64>) -> Request {
        let paging = &self.fetcher.session.settings().profile.paging;
        let mut request = request(query);
        if let Some(name) = paging
            .fields_parameter
            .as_ref()
            .filter(|_| self.demand.has_fields)
        {
            let fields = self.layout.fields_parameter(self.parent_key.as_deref());
            request.add_query(name, &fields);
        }
        if query.is_record || self.demand.is_unpaged {
            return request;
        }
        let page_size = u64::from(self.demand.page_size);
        let size = wanted.map_or(page_size, |wanted| wanted.clamp(1, page_size));
        request.add_query(&paging.page_size_parameter, &size.to_string());
        if let Some(order) = &self.demand.order {
            request.add_query(&paging.order_parameter, order);
        }
        if let Some(name) = paging
            .offset_parameter
            .as_ref()
            .filter(|_| self.demand.offset > 0)
        {
            request.add_query(name, &self.demand.offset.to_string());
        }
        request
    }

    /// What a reply has to hold.
    fn expected(&self, query: &Query) -> Expected {
        if query.is_record {
            return Expected::Record;
        }
        let is_of_values = match &self.shape.source {
            TableSource::Service(table) => table.list.as_ref().is_some_and(|list| list.values),
            TableSource::System => false,
        };
        if is_of_values && self.layout.array.is_none() {
            Expected::Values
        } else {
            Expected::Records
        }
    }

    fn read(&self, reply: &mut Response, query: &Query) -> Result<Page> {
        let profile = &self.fetcher.session.settings().profile;
        let data: Vec<String> = profile
            .paging
            .data_pointer
            .split('/')
            .skip(1)
            .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
            .collect();
        let custom = profile
            .custom_fields
            .as_ref()
            .map(|custom| CustomNames {
                definition: &custom.value_definition,
                value: &custom.value,
            })
            .unwrap_or_default();
        let reader = Reader {
            expected: self.expected(query),
            layout: &self.layout,
            data: &data,
            parent_key: self.parent_key.as_deref(),
            parent_type: self.layout.parent_type(&self.shape),
            parent: query.parent.map(Value::Integer),
            key_slot: self
                .shape
                .key
                .first()
                .and_then(|&key| self.layout.slot(key)),
            custom,
        };
        let body = reply.body(&self.fetcher.cancel)?;
        let name = &self.shape.name;
        let page = reader.read(body).map_err(|wrong| {
            let (line, column) = wrong.position(body);
            let what = format!("is not the JSON that was expected (line {line}, column {column})");
            reply::wrong(name, &what)
        })?;
        reply::check_data(&page, profile).map_err(|what| reply::wrong(name, &what))?;
        Ok(page)
    }
}

fn nothing() -> Fetched {
    Fetched {
        page: Page::default(),
        next: Position::End,
        total: None,
        warnings: Vec::new(),
    }
}

fn request(query: &Query) -> Request {
    let mut request = Request::get(query.path.clone());
    for (name, value) in &query.parameters {
        request.add_query(name, value);
    }
    request
}

pub(crate) fn cancelled() -> Diagnostic {
    Diagnostic::new(SqlState::CANCELLED, "The query was cancelled.")
}
