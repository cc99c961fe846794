//! Pages of lists: fetched one after the other, the next one while the last is being read.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody, Response};
use apilink_core::session::Session;
use apilink_core::{Diagnostic, Result, SqlState};
use serde_json::Value as Json;

use super::layout::Layout;
use super::names::Names;
use super::page::{CustomNames, Expected, Misfit, Page, Reader};
use super::plan::Compared;
use super::reply;
use super::request::{Demand, Query};
use super::row::Row;
use super::runtime::lock;
use crate::catalog::{TableShape, TableSource};
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
    pub(crate) names: Arc<Names>,
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
    /// Pages that are whole, in order.
    ready: VecDeque<Delivered>,
    /// The pages of the next lot whose names are looked up together, where many are wanted.
    lot: usize,
    /// What leaves rows out, by the slots that are compared: their names are not looked up.
    conditions: Vec<(usize, Compared)>,
}

/// Which pages of a stream are going to be wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The next one; whether more are is not known.
    Next,
    /// All, one after the other.
    Each,
    /// All, before anything is done with them.
    All,
}

/// A list of no more pages than these is read to its end before names are looked up: the least requests.
const SHORT_LIST: u64 = 5;
/// Of a longer one, the names of the first page are looked up at once, and then those of twice as many
/// pages each time, up to these.
const LARGEST_LOT: usize = 32;

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
    /// Hashes of the URLs of the pages asked for so far.
    asked: Mutex<HashSet<u64>>,
}

/// Where a scan is.
#[derive(Clone, Debug, PartialEq)]
enum Position {
    /// At the beginning of a request.
    Query(usize),
    /// At a page after the first one of a request.
    Next(NextPage),
    /// At its end.
    End,
}

/// A page after the first one of a request.
#[derive(Clone, Debug, PartialEq)]
struct NextPage {
    /// The request.
    query: usize,
    /// Where it is.
    url: String,
    /// The records before it.
    received: u64,
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
                return Err(reply::refused(&shape.name, &reply, problems));
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
                asked: Mutex::default(),
            }),
            next,
            helper: None,
            is_ahead: false,
            total: None,
            ready: VecDeque::new(),
            lot: 1,
            conditions: Vec::new(),
        }
    }

    /// Does not look names up for rows that these comparisons leave out.
    pub(crate) fn without(mut self, conditions: Vec<(usize, Compared)>) -> Self {
        self.conditions = conditions;
        self
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
        self.next != Position::End || !self.ready.is_empty()
    }

    /// The next page; `None` after the last. Names that its records lack are looked up for as many pages
    /// at once as are wanted, within bounds.
    pub(crate) fn next_page(&mut self, wanted: Wanted) -> Result<Option<Delivered>> {
        if self.ready.is_empty() {
            let mut lot = Vec::new();
            while let Some(delivered) = self.receive()? {
                lot.push(delivered);
                if !self.gathers(&lot, wanted) {
                    break;
                }
                self.fetch_ahead();
            }
            self.complete(&mut lot)?;
            self.ready.extend(lot);
        }
        Ok(self.ready.pop_front())
    }

    /// Whether one more page is read before names are looked up.
    fn gathers(&self, lot: &[Delivered], wanted: Wanted) -> bool {
        if wanted == Wanted::Next || lot.iter().all(|one| one.page.unnamed.is_empty()) {
            return false;
        }
        let pages = self
            .total
            .map(|total| total.div_ceil(self.page_size().max(1)));
        let is_short = pages.is_some_and(|pages| pages <= SHORT_LIST);
        wanted == Wanted::All || is_short || lot.len() < self.lot
    }

    /// Puts the names into pages that did not come with them.
    fn complete(&mut self, lot: &mut [Delivered]) -> Result<()> {
        if lot.iter().all(|one| one.page.unnamed.is_empty()) {
            return Ok(());
        }
        let job = &self.job;
        let names = &job.fetcher.names;
        names.complete(&job.fetcher, &job.shape, &job.layout, &self.conditions, lot)?;
        self.lot = (2 * self.lot).min(LARGEST_LOT);
        Ok(())
    }

    /// The next page as it comes.
    fn receive(&mut self) -> Result<Option<Delivered>> {
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
        self.ready.clear();
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
        if page.lacks_parent {
            return Err(reply::wrong(
                &self.shape.name,
                "has a record without the key that its rows are found by",
            ));
        }
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
