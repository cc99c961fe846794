//! The pages of a scan, in order: fetched one after the other, the next one while the last is being read.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use apilink_core::{Diagnostic, Result, SqlState};

use super::fetch::{Fetched, Fetcher, Job, Position};
use super::layout::Layout;
use super::page::Page;
use super::plan::Compared;
use super::request::Demand;
use crate::catalog::TableShape;

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
    ask: SyncSender<Ask>,
    pages: Receiver<Result<Fetched>>,
}

/// What a helper is asked for.
enum Ask {
    /// A page, of which so many rows are wanted.
    Page(Position, Option<u64>),
    /// The one behind the last, if there is one.
    Following,
}

/// A page with the warnings that it brought.
pub(crate) struct Delivered {
    pub(crate) page: Page,
    pub(crate) warnings: Vec<Diagnostic>,
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
            while let Some(delivered) = self.receive(wanted)? {
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
    fn receive(&mut self, wanted: Wanted) -> Result<Option<Delivered>> {
        if self.next == Position::End {
            return Ok(None);
        }
        let fetched = match &self.helper {
            Some(helper) if std::mem::take(&mut self.is_ahead) => {
                let (fetched, goes_on) = helper.receive(wanted != Wanted::Next);
                self.is_ahead = goes_on;
                fetched?
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
        let ask = Ask::Page(self.next.clone(), self.wanted);
        self.is_ahead = self
            .helper
            .as_ref()
            .is_some_and(|helper| helper.ask.send(ask).is_ok());
    }
}

impl Helper {
    fn start(job: Arc<Job>) -> Option<Self> {
        let (ask, asked) = sync_channel(1);
        let (send, pages) = sync_channel(1);
        let work = move || {
            let mut following = None;
            for ask in asked {
                let page = match ask {
                    Ask::Page(position, wanted) => Some((position, wanted)),
                    Ask::Following => following.take(),
                };
                let Some((position, wanted)) = page else {
                    continue;
                };
                let fetched = job.fetch(&position, wanted);
                following = fetched
                    .as_ref()
                    .ok()
                    .and_then(|page| page.following(wanted));
                // Nobody may be waiting any more.
                if send.send(fetched).is_err() {
                    break;
                }
            }
        };
        let named = thread::Builder::new().name("apilink-page".into());
        named.spawn(work).ok().map(|_| Self { ask, pages })
    }

    /// The page that it was asked for, and whether it was asked for the one behind as well: where
    /// this thread has to wait, the other one need not wait for it in turn.
    fn receive(&self, goes_on: bool) -> (Result<Fetched>, bool) {
        if let Ok(fetched) = self.pages.try_recv() {
            return (fetched, false);
        }
        let goes_on = goes_on && self.ask.send(Ask::Following).is_ok();
        // It answers every time that it is asked.
        let fetched = self.pages.recv().unwrap_or_else(|_| Err(lost()));
        (fetched, goes_on)
    }
}

impl Fetched {
    /// The page behind this one, of which so many rows were wanted, and the rows wanted of that.
    fn following(&self, wanted: Option<u64>) -> Option<(Position, Option<u64>)> {
        let left = wanted.map(|wanted| wanted.saturating_sub(self.page.rows.len() as u64));
        let is_wanted = self.next != Position::End && left != Some(0);
        is_wanted.then(|| (self.next.clone(), left))
    }
}

fn lost() -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        "A page was lost: the thread that fetched it ended without a result.",
    )
}
