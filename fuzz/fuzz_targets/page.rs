//! Replies of a list of any content: they are read into rows of their table, or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    apilink_sql::fuzzing::read_page(bytes);
});
