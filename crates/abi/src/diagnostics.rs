//! The diagnostic records of a handle.

use std::sync::{Mutex, MutexGuard, PoisonError};

use apilink_core::{Diagnostic, Result};

use crate::code::{self, Outcome};

/// The records that the last call on a handle left behind.
#[derive(Debug, Default)]
pub struct Records(Mutex<Vec<Diagnostic>>);

impl Records {
    /// Ends a call: keeps its records in place of those of the call before, and says its return
    /// code. An error comes first; `notes` keep their order.
    pub fn finish(&self, result: Result<Outcome>, mut notes: Vec<Diagnostic>) -> i32 {
        let code = match result {
            Ok(Outcome::Done) if notes.is_empty() => code::SUCCESS,
            Ok(Outcome::Done) => code::SUCCESS_WITH_INFO,
            Ok(Outcome::NoData) => {
                notes.clear();
                code::NO_DATA
            }
            Ok(Outcome::InvalidHandle) => {
                notes.clear();
                code::INVALID_HANDLE
            }
            Err(error) => {
                notes.insert(0, error);
                code::ERROR
            }
        };
        for note in &mut notes {
            make_one_line(&mut note.message);
        }
        let before = std::mem::replace(&mut *self.lock(), notes);
        drop(before);
        code
    }

    /// How many records there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// A record by its number, the first being 1.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<Diagnostic> {
        self.lock().get(number.checked_sub(1)?).cloned()
    }

    /// The list is replaced as a whole, so a panic cannot have left it half changed.
    fn lock(&self) -> MutexGuard<'_, Vec<Diagnostic>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replaces what would break a line, or end a C string early, by a blank. Messages can quote what
/// a service sent.
fn make_one_line(message: &mut String) {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if message.contains(breaks) {
        *message = message.replace(breaks, " ");
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::cast_possible_wrap
    )]

    use apilink_core::SqlState;

    use super::*;

    fn warning(message: &str) -> Diagnostic {
        Diagnostic::new(SqlState::GENERAL_WARNING, message)
    }

    #[test]
    fn the_records_of_a_call_replace_those_of_the_call_before() {
        let records = Records::default();
        assert_eq!(records.finish(Ok(Outcome::Done), Vec::new()), code::SUCCESS);
        let notes = vec![warning("a"), warning("b")];
        assert_eq!(
            records.finish(Ok(Outcome::Done), notes),
            code::SUCCESS_WITH_INFO
        );
        assert_eq!(records.count(), 2);
        assert_eq!(records.get(2).unwrap().message, "b");
        assert!(records.get(0).is_none() && records.get(3).is_none());
        assert_eq!(records.finish(Ok(Outcome::Done), Vec::new()), code::SUCCESS);
        assert_eq!(records.count(), 0);
    }

    #[test]
    fn errors_come_first() {
        let records = Records::default();
        let code = records.finish(Err(Diagnostic::cancelled()), vec![warning("a")]);
        assert_eq!(code, code::ERROR);
        assert_eq!(records.get(1).unwrap().sqlstate, SqlState::CANCELLED);
        assert_eq!(records.get(2).unwrap().message, "a");
    }

    #[test]
    fn no_data_and_invalid_handles_leave_no_record() {
        for (outcome, expected) in [
            (Outcome::NoData, code::NO_DATA),
            (Outcome::InvalidHandle, code::INVALID_HANDLE),
        ] {
            let records = Records::default();
            assert_eq!(records.finish(Ok(outcome), vec![warning("a")]), expected);
            assert_eq!(records.count(), 0);
        }
    }

    #[test]
    fn a_message_is_one_line_without_nul() {
        let records = Records::default();
        records.finish(
            Ok(Outcome::Done),
            vec![warning("a\r\nb\0c\u{2028}d\u{85}é")],
        );
        assert_eq!(records.get(1).unwrap().message, "a  b c d é");
    }
}
