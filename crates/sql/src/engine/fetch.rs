//! Pages of lists: fetched one after the other, the next one while the last is being read.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody, Response};
use apilink_core::session::Session;
use apilink_core::{Diagnostic, Result, SqlState};
use serde_json::Value as Json;

use super::layout::Layout;
use super::page::{CustomNames, Misfit, Page, Reader};
use super::request::{Demand, Query};
use super::row::Row;
use crate::catalog::TableShape;
use crate::progress::Progress;
use crate::value::{Value, ValueRef};

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
}

/// The pages of one scan.
pub(crate) struct Stream {
    job: Arc<Job>,
    next: Position,
    /// Fetches pages while others are read, once that is wanted.
    helper: Option<Helper>,
    /// The helper has been asked for the next page.
    is_ahead: bool,
    /// Rows that are still wanted.
    wanted: Option<u64>,
    /// The records that the service says there are, once its first reply is here; only where one
    /// request lists them all.
    total: Option<u64>,
}

/// A thread that fetches pages for a stream: it ends when the stream does.
struct Helper {
    ask: SyncSender<(Position, Option<u64>)>,
    pages: Receiver<Result<Fetched>>,
}

/// What does not change from page to page.
struct Job {
    fetcher: Fetcher,
    shape: Arc<TableShape>,
    layout: Arc<Layout>,
    demand: Demand,
    parent_key: Option<String>,
}

/// Where a scan is.
#[derive(Clone, Debug, PartialEq)]
enum Position {
    /// At the beginning of a request.
    Query(usize),
    /// At the URL of a next page of a request.
    Url(usize, String),
    /// At its end.
    End,
}

/// A page, and what follows it.
struct Fetched {
    page: Page,
    next: Position,
    total: Option<u64>,
    warnings: Vec<Diagnostic>,
}

/// A page with the warnings that it brought.
pub(crate) struct Delivered {
    pub(crate) page: Page,
    pub(crate) warnings: Vec<Diagnostic>,
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
                return Err(refused(shape, &reply, problems));
            }
            let body = reply.json(&self.cancel)?;
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

impl Stream {
    pub(crate) fn new(
        fetcher: Fetcher,
        shape: Arc<TableShape>,
        layout: Arc<Layout>,
        demand: Demand,
        parent_key: Option<String>,
    ) -> Self {
        let next = if demand.queries.is_empty() {
            Position::End
        } else {
            Position::Query(0)
        };
        Self {
            wanted: demand.limit,
            job: Arc::new(Job {
                fetcher,
                shape,
                layout,
                demand,
                parent_key,
            }),
            next,
            helper: None,
            is_ahead: false,
            total: None,
        }
    }

    /// The records that the service says there are, once a page is here.
    pub(crate) fn total(&self) -> Option<u64> {
        self.total
    }

    /// The largest page there is.
    pub(crate) fn page_size(&self) -> u64 {
        self.job.demand.page_size.into()
    }

    /// Whether there is a page after those delivered.
    pub(crate) fn has_more(&self) -> bool {
        self.next != Position::End
    }

    /// The next page; `None` after the last.
    pub(crate) fn next_page(&mut self) -> Result<Option<Delivered>> {
        if self.next == Position::End {
            return Ok(None);
        }
        let fetched = match &self.helper {
            // It answers every time that it is asked.
            Some(helper) if std::mem::take(&mut self.is_ahead) => {
                helper.pages.recv().unwrap_or_else(|_| Err(lost()))?
            }
            _ => self.job.fetch(&self.next, self.wanted)?,
        };
        let Fetched {
            mut page,
            next,
            total,
            warnings,
        } = fetched;
        if let Some(wanted) = &mut self.wanted {
            page.rows
                .truncate(usize::try_from(*wanted).unwrap_or(usize::MAX));
            *wanted -= page.rows.len() as u64;
        }
        self.next = if self.wanted == Some(0) {
            Position::End
        } else {
            next
        };
        self.total = self.total.or(total);
        Ok(Some(Delivered { page, warnings }))
    }

    /// Gives up what has not been delivered.
    pub(crate) fn end(&mut self) {
        self.next = Position::End;
        self.helper = None;
    }

    /// Begins to fetch the next page on another thread.
    pub(crate) fn fetch_ahead(&mut self) {
        if self.is_ahead || self.next == Position::End {
            return;
        }
        if self.helper.is_none() {
            self.helper = Helper::start(Arc::clone(&self.job));
        }
        // Without a helper, the page is fetched when it is asked for.
        self.is_ahead = self
            .helper
            .as_ref()
            .is_some_and(|helper| helper.ask.send((self.next.clone(), self.wanted)).is_ok());
    }
}

impl Helper {
    fn start(job: Arc<Job>) -> Option<Self> {
        let (ask, asked) = sync_channel::<(Position, Option<u64>)>(1);
        let (send, pages) = sync_channel(1);
        let work = move || {
            for (position, wanted) in asked {
                // Nobody may be waiting any more.
                if send.send(job.fetch(&position, wanted)).is_err() {
                    break;
                }
            }
        };
        let named = thread::Builder::new().name("apilink-page".into());
        named.spawn(work).ok().map(|_| Self { ask, pages })
    }
}

impl Job {
    fn fetch(&self, position: &Position, wanted: Option<u64>) -> Result<Fetched> {
        let (at, request) = match position {
            Position::Query(at) => {
                let Some(query) = self.demand.queries.get(*at) else {
                    return Ok(nothing());
                };
                (*at, self.first_request(query, wanted))
            }
            Position::Url(at, url) => (*at, Request::get(url.clone())),
            Position::End => return Ok(nothing()),
        };
        let query = self.demand.queries.get(at);
        let (mut reply, problems) = self.fetcher.get(&request)?;
        let status = reply.status().as_u16();
        // There is no such record, or no such parent: no row.
        if status == 404 && query.is_some_and(|query| query.is_record || query.parent.is_some()) {
            return Ok(Fetched {
                next: self.after(at),
                ..nothing()
            });
        }
        if status >= 400 {
            return Err(refused(&self.shape, &reply, problems));
        }
        let mut page = self.read(&mut reply, query)?;
        let mut warnings = Vec::new();
        self.judge(&page, &mut warnings)?;
        self.fetcher.progress.add_page(page.records);
        let paging = &self.fetcher.session.settings().profile.paging;
        let next = match page.rest.pointer(&paging.next_pointer) {
            Some(Json::String(url)) if !url.is_empty() => Position::Url(at, url.clone()),
            _ => self.after(at),
        };
        let total = page
            .rest
            .pointer(&paging.records_pointer)
            .and_then(Json::as_u64)
            .filter(|_| self.demand.queries.len() == 1);
        page.rest = Json::Null;
        Ok(Fetched {
            page,
            next,
            total,
            warnings,
        })
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

    fn read(&self, reply: &mut Response, query: Option<&Query>) -> Result<Page> {
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
            layout: &self.layout,
            data: &data,
            parent_key: self.parent_key.as_deref(),
            parent_type: self.layout.parent_type(&self.shape),
            parent: query.and_then(|query| query.parent).map(Value::Integer),
            key_slot: self
                .shape
                .key
                .first()
                .and_then(|&key| self.layout.slot(key)),
            custom,
        };
        let body = reply.body(&self.fetcher.cancel)?;
        reader.read(body).map_err(|error| {
            Diagnostic::new(
                SqlState::GENERAL_ERROR,
                format!(
                    "Table {}: the service's reply is not the JSON that was expected (line {}, \
                     column {}).",
                    self.shape.name,
                    error.line(),
                    error.column()
                ),
            )
        })
    }

    /// Refuses values that do not fit their columns, or warns of them.
    fn judge(&self, page: &Page, warnings: &mut Vec<Diagnostic>) -> Result<()> {
        let mut problems = Vec::new();
        self.tell_misfits(
            &page.misfits,
            &page.rows,
            &self.shape,
            &self.layout,
            &mut problems,
        );
        for (extra, read) in self.layout.extras.iter().zip(&page.extras) {
            let (shape, layout) = (&extra.shape, &extra.layout);
            self.tell_misfits(&read.misfits, &read.rows, shape, layout, &mut problems);
        }
        self.check_keys(page)?;
        for problem in problems {
            if self.fetcher.misfits == Misfits::Refused {
                return Err(problem);
            }
            warnings.push(Diagnostic::new(SqlState::GENERAL_WARNING, problem.message));
        }
        Ok(())
    }

    /// Refuses a record without its key: what cannot be told apart cannot be read reliably.
    fn check_keys(&self, page: &Page) -> Result<()> {
        if self.layout.array.is_some() {
            return Ok(());
        }
        for &key in &self.shape.key {
            let Some(slot) = self.layout.slot(key) else {
                continue;
            };
            if page
                .rows
                .iter()
                .any(|row| row.get(slot) == Some(ValueRef::Null))
            {
                let name = self
                    .shape
                    .columns
                    .get(key)
                    .map_or("?", |column| &column.name);
                return Err(Diagnostic::new(
                    SqlState::INVALID_CAST,
                    format!(
                        "Table {}: the service sent a record without its key {name}.",
                        self.shape.name
                    ),
                ));
            }
        }
        Ok(())
    }

    fn tell_misfits(
        &self,
        misfits: &[Misfit],
        rows: &[Row],
        shape: &TableShape,
        layout: &Layout,
        problems: &mut Vec<Diagnostic>,
    ) {
        problems.extend(misfits.iter().filter_map(|misfit| {
            let row = rows.get(misfit.row)?;
            Some(self.misfit(shape, layout, row, misfit.slot, misfit.what))
        }));
    }

    fn misfit(
        &self,
        shape: &TableShape,
        layout: &Layout,
        row: &Row,
        slot: usize,
        what: &str,
    ) -> Diagnostic {
        let column = layout
            .columns
            .get(slot)
            .and_then(|&at| shape.columns.get(at));
        let (name, kind) = column.map_or(("?", "?"), |column| {
            (column.name.as_str(), column.sql_type.name())
        });
        let key: Vec<String> = shape
            .key
            .iter()
            .filter_map(|&key| {
                let value = row.get(layout.slot(key)?)?;
                let name = &shape.columns.get(key)?.name;
                match value {
                    ValueRef::Integer(number) => Some(format!("{name} {number}")),
                    ValueRef::Text(text) => Some(format!("{name} {text}")),
                    _ => None,
                }
            })
            .collect();
        let key = if key.is_empty() {
            String::new()
        } else {
            format!(", row with {}", key.join(", "))
        };
        let advice = match self.fetcher.misfits {
            Misfits::Refused => "Set InvalidValues=NULL to read such values as NULL.",
            Misfits::Null => "It is read as NULL.",
        };
        Diagnostic::new(
            SqlState::INVALID_CAST,
            format!(
                "Table {}{key}, column {name} ({kind}): the service sent {what}. {advice}",
                shape.name
            ),
        )
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

fn lost() -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        "A page was lost: the thread that fetched it ended without a result.",
    )
}

/// The error for a reply with a status of 400 or more.
fn refused(shape: &TableShape, reply: &Response, problems: Vec<Diagnostic>) -> Diagnostic {
    let status = reply.status().as_u16();
    let said = problems
        .into_iter()
        .next()
        .map(|problem| problem.message)
        .unwrap_or_default();
    let name = &shape.name;
    let (sqlstate, advice) = match status {
        401 => (SqlState::AUTHORIZATION, String::new()),
        403 => (
            SqlState::SYNTAX,
            format!(
                " The application lacks the permission to read \"{name}\", or the user's role does \
                 not allow it. Give the application that permission where it is registered, and \
                 log in again."
            ),
        ),
        404 | 410 => (
            SqlState::NO_SUCH_TABLE,
            format!(
                " The service does not have \"{name}\" at this place, or no longer: other tables \
                 are not affected."
            ),
        ),
        429 => (SqlState::TIMEOUT, String::new()),
        _ => (SqlState::GENERAL_ERROR, String::new()),
    };
    Diagnostic::new(sqlstate, format!("Table {name}: {said}{advice}"))
        .with_native(i32::from(status))
}
