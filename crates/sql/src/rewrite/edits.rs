//! Changes to a text, which may lie within one another.

use super::tokens::{Span, Tokens};

/// A part of what stands in the place of some tokens.
pub(super) enum Piece {
    Text(String),
    /// Tokens as they are, with the changes within them.
    Copy(Span),
}

impl From<&str> for Piece {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Changes: tokens and what stands in their place.
#[derive(Default)]
pub(super) struct Edits {
    list: Vec<(Span, Vec<Piece>)>,
}

impl Edits {
    pub(super) fn replace(&mut self, span: Span, pieces: Vec<Piece>) {
        self.list.push((span, pieces));
    }

    /// Puts a text in front of the token at a position.
    pub(super) fn insert(&mut self, at: usize, text: String) {
        self.list.push((at..at, vec![Piece::Text(text)]));
    }

    /// The text with the changes; `None` if there are none.
    pub(super) fn apply(mut self, tokens: &Tokens) -> Option<String> {
        if self.list.is_empty() {
            return None;
        }
        // What lies around something comes before it.
        self.list
            .sort_by(|(a, _), (b, _)| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));
        let mut out = String::new();
        render(tokens, tokens.all(), &self.list, &mut out);
        Some(out)
    }
}

fn render(tokens: &Tokens, span: Span, edits: &[(Span, Vec<Piece>)], out: &mut String) {
    let mut at = span.start;
    for (number, (place, pieces)) in edits.iter().enumerate() {
        if place.start < at || place.end > span.end {
            continue;
        }
        push(out, tokens.source(&(at..place.start)));
        for piece in pieces {
            match piece {
                Piece::Text(text) => push(out, text),
                Piece::Copy(copied) => {
                    let inner = edits.get(number + 1..).unwrap_or_default();
                    render(tokens, copied.clone(), inner, out);
                }
            }
        }
        at = place.end;
    }
    push(out, tokens.source(&(at..span.end)));
}

fn push(out: &mut String, text: &str) {
    if !text.is_empty() && !out.is_empty() && !out.ends_with('(') && !text.starts_with(')') {
        out.push(' ');
    }
    out.push_str(text);
}
