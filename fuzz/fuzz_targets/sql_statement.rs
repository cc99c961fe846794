//! Statements of any content over Clio's tables: they are refused or get types, without a panic, and
//! what is said of them is one line and names a place inside the text.

#![no_main]

use std::sync::LazyLock;

use apilink_core::profile::Profile;
use apilink_sql::catalog::Catalog;
use apilink_sql::typing::{Failure, analyze};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::of_profile(Profile::built_in_clio().tables()));

fuzz_target!(|bytes: &[u8]| {
    let Ok(sql) = std::str::from_utf8(bytes) else {
        return;
    };
    match analyze(sql, &CATALOG) {
        Ok(analysis) => {
            assert!(!analysis.columns.is_empty());
            apilink_sql::fuzzing::rewrite(&analysis.sql, &CATALOG);
        }
        Err(Failure::NeedsCustomFields { .. }) => {}
        Err(Failure::Wrong(problem)) => {
            if let Some(place) = &problem.place {
                assert!(place.end <= sql.len(), "{place:?}");
            }
            let message = problem.into_diagnostic(sql).message;
            assert!(!message.contains('\n'), "{message:?}");
        }
    }
});
