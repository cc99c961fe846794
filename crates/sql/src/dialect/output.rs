//! The translated text, with where each part of it comes from.

use std::ops::Range;

use super::lexer::is_word;
use super::source::Source;

/// Leads from an offset of the translated text to the original.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    segments: Vec<Segment>,
    /// Where the translated text ends, and the original statement.
    ends: (usize, usize),
}

/// A part of the translated text, up to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    start: usize,
    source: usize,
    /// Whether it is as in the original; if not, all of it stands for what is at `source`.
    is_copy: bool,
}

impl Positions {
    /// The offset in the original text, in bytes, of what is at an offset of the translated text.
    #[must_use]
    pub fn original(&self, offset: usize) -> usize {
        let (end, original_end) = self.ends;
        if offset >= end {
            return original_end;
        }
        let next = self
            .segments
            .partition_point(|segment| segment.start <= offset);
        let segment = next.checked_sub(1).and_then(|last| self.segments.get(last));
        segment.map_or(0, |segment| {
            let within = if segment.is_copy {
                offset - segment.start
            } else {
                0
            };
            segment.source + within
        })
    }

    /// The part of the original text for a part of the translated one that begins with a token and
    /// ends before another.
    #[must_use]
    pub fn written<'w>(&self, original: &'w str, part: Range<usize>) -> &'w str {
        let first = self
            .segments
            .partition_point(|segment| segment.start < part.start);
        let start = match self.segments.get(first) {
            Some(segment) if segment.start == part.start => segment.source,
            _ => self.original(part.start),
        };
        let written = original.get(start..self.original(part.end));
        written.unwrap_or_default()
    }

    fn add(&mut self, segment: Segment) {
        let goes_on = self.segments.last().is_some_and(|last| {
            last.is_copy
                && segment.is_copy
                && segment.start - last.start == segment.source.wrapping_sub(last.source)
        });
        if !goes_on {
            self.segments.push(segment);
        }
    }
}

/// Collects the translated text.
pub(super) struct Output {
    sql: String,
    positions: Positions,
    /// The token that was written last, if nothing was inserted since.
    last: Option<usize>,
    /// Where what the next token stands for begins in the original, if before the token.
    begin: Option<usize>,
}

impl Output {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            sql: String::with_capacity(capacity + 32),
            positions: Positions::default(),
            last: None,
            begin: None,
        }
    }

    pub(super) fn finish(mut self, source: &Source<'_>) -> (String, Positions) {
        self.positions.ends = (self.sql.len(), source.end());
        (self.sql, self.positions)
    }

    /// The next token that is written stands for what begins with this one, which is left out.
    pub(super) fn begin_at(&mut self, source: &Source<'_>, index: usize) {
        let start = source.token(index).map(|token| token.start);
        self.begin = self.begin.or(start);
    }

    /// Writes a token as it is, with the blanks and comments before it.
    pub(super) fn copy(&mut self, source: &Source<'_>, index: usize) {
        self.copy_at(source, index, index);
    }

    /// Writes a token as it is, with the blanks and comments before another one.
    pub(super) fn copy_at(&mut self, source: &Source<'_>, place: usize, index: usize) {
        self.gap(source, place);
        if let Some(token) = source.token(index) {
            self.push_token(source.text(index), token.start, true);
            self.last = Some(index);
        }
    }

    /// Writes another text in place of a token, with the blanks and comments before it.
    pub(super) fn replace(&mut self, source: &Source<'_>, index: usize, text: &str) {
        self.gap(source, index);
        self.insert(source, index, text);
    }

    /// Writes a text that stands for what the token means.
    pub(super) fn insert(&mut self, source: &Source<'_>, index: usize, text: &str) {
        let offset = source
            .token(index)
            .map_or(source.sql().len(), |token| token.start);
        if !is_apart(self.sql.as_bytes().last(), text.as_bytes().first()) {
            self.sql.push(' ');
        }
        self.push_token(text, offset, false);
        self.last = None;
    }

    fn push_token(&mut self, text: &str, source: usize, is_copy: bool) {
        if let Some(begin) = self.begin.take() {
            self.push("", begin, false);
        }
        self.push(text, source, is_copy);
    }

    fn push(&mut self, text: &str, source: usize, is_copy: bool) {
        self.positions.add(Segment {
            start: self.sql.len(),
            source,
            is_copy,
        });
        self.sql.push_str(text);
    }

    fn gap(&mut self, source: &Source<'_>, index: usize) {
        let range = source.gap_before(index);
        let gap = source.sql().get(range.clone()).unwrap_or_default();
        let is_next = self.last.is_some_and(|last| last + 1 == index);
        let last = self.sql.as_bytes().last();
        if is_next {
            self.push(gap, range.start, true);
            return;
        }
        if !gap.trim_ascii().is_empty() {
            // A comment must not begin in what is before it: a minus and the two of a comment.
            self.sql.push(' ');
            self.push(gap, range.start, true);
            return;
        }
        let begins_part = last.is_none_or(|last| last.is_ascii_whitespace() || *last == b'(');
        let first = source.text(index).as_bytes().first();
        let is_apart = begins_part || (gap.is_empty() && is_apart(last, first));
        if !is_apart {
            self.sql.push(' ');
        }
    }
}

/// Whether two characters, side by side, surely belong to two tokens.
fn is_apart(before: Option<&u8>, after: Option<&u8>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return true;
    };
    before.is_ascii_whitespace()
        || b"(,".contains(before)
        || b"),".contains(after)
        || after.is_ascii_whitespace()
        || (is_word(*before) && *after == b'(')
}
