//! Reading the diagnostic records of a handle.

use apilink_abi::code;
use apilink_abi::output::{Fit, TextOut, ValueOut};
use apilink_core::{Diagnostic, Result, SqlState};

use crate::entry::Object;

impl Object {
    #[allow(
        clippy::unnecessary_wraps,
        reason = "the calls of exports.rs have one form"
    )]
    pub(crate) fn diagnostic_count(&self, count: ValueOut<i32>) -> Result<i32> {
        count.write(i32::try_from(self.records().count()).unwrap_or(i32::MAX));
        Ok(code::SUCCESS)
    }

    pub(crate) fn diagnostic_get(
        &self,
        number: i32,
        sqlstate: TextOut,
        native_code: ValueOut<i32>,
        message: TextOut,
    ) -> Result<i32> {
        if number < 1 {
            return Err(Diagnostic::new(
                SqlState::INVALID_INDEX,
                "Records are counted from 1.",
            ));
        }
        let record = usize::try_from(number)
            .ok()
            .and_then(|number| self.records().get(number));
        let Some(record) = record else {
            return Ok(code::NO_DATA);
        };
        let _ = sqlstate.write(record.sqlstate.as_str());
        native_code.write(record.native);
        Ok(match message.write(&record.message) {
            Fit::Whole => code::SUCCESS,
            Fit::Cut => code::SUCCESS_WITH_INFO,
        })
    }
}
