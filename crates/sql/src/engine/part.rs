//! A part of the rows that several scans read: what one request lists, page by page.

use std::collections::HashSet;

use super::request::{Demand, Query};
use super::row::Row;
use super::runtime::Key;
use super::stream::Stream;
use crate::types::SqlType;

/// What is listed by so many requests is read as one stream: nothing is decided for each of them.
const MOST_PARTS: usize = 8;

/// The pages of one list.
pub(super) struct Part {
    pub(super) stream: Stream,
    /// A request for each value, in place of reading on, if those are fewer.
    pub(super) by_value: Option<Demand>,
    /// The keys of the records received before that.
    seen: HashSet<Key>,
    /// The records received.
    pub(super) received: u64,
}

impl Part {
    pub(super) fn new(stream: Stream, by_value: Option<Demand>) -> Self {
        Self {
            stream,
            by_value,
            seen: HashSet::new(),
            received: 0,
        }
    }

    /// The pages that are left to read, once the service has said how many records there are.
    pub(super) fn pages_left(&self) -> Option<u64> {
        if !self.stream.has_more() {
            return Some(0);
        }
        let left = self.stream.total()?.saturating_sub(self.received);
        Some(left.div_ceil(self.stream.page_size().max(1)))
    }

    /// Whether the service has been asked.
    pub(super) fn has_begun(&self) -> bool {
        self.received > 0 || !self.stream.has_more()
    }

    /// After the first page, which tells how many there are: what is to be asked in place of the pages
    /// that are left, if it takes fewer requests.
    pub(super) fn turn(&mut self) -> Option<Demand> {
        if !self.has_begun() {
            return None;
        }
        let by_value = self.by_value.take()?;
        let requests = by_value.queries.len() as u64;
        if self.pages_left().is_some_and(|left| left > requests) {
            return Some(by_value);
        }
        self.seen.clear();
        None
    }

    /// Leaves out the rows that were there before the values were asked for one by one.
    pub(super) fn tell_apart(&mut self, rows: &mut Vec<Row>, key: Option<(usize, SqlType)>) {
        let Some((slot, key_type)) = key else {
            return;
        };
        let key = |row: &Row| Key::of(row.get(slot)?, key_type);
        if self.by_value.is_some() {
            self.seen.extend(rows.iter().filter_map(key));
        } else if !self.seen.is_empty() {
            rows.retain(|row| key(row).is_none_or(|key| !self.seen.contains(&key)));
        }
    }
}

/// The lists of a demand one by one, each with the requests that stand for it in `by_value`.
pub(super) fn split(demand: Demand, by_value: Option<Demand>) -> Vec<(Demand, Option<Demand>)> {
    let is_few = (2..=MOST_PARTS).contains(&demand.queries.len());
    if !is_few || demand.limit.is_some() || demand.offset > 0 {
        return vec![(demand, by_value)];
    }
    let mut parts = Vec::new();
    let mut assigned = 0;
    for list in &demand.queries {
        let values = by_value.as_ref().map(|values| {
            let stands_for_it = |query: &&Query| {
                (&query.path, query.parent) == (&list.path, list.parent)
                    && list
                        .parameters
                        .iter()
                        .all(|one| query.parameters.contains(one))
            };
            let queries = values.queries.iter().filter(stands_for_it).cloned();
            Demand {
                queries: queries.collect(),
                ..values.clone()
            }
        });
        assigned += values.as_ref().map_or(0, |values| values.queries.len());
        let list = Demand {
            queries: vec![list.clone()],
            ..demand.clone()
        };
        parts.push((list, values));
    }
    let all = by_value.as_ref().map_or(0, |values| values.queries.len());
    if assigned == all {
        parts
    } else {
        vec![(demand, by_value)]
    }
}
