//! What fuzz targets look at that is private otherwise.

use std::sync::{Arc, LazyLock};

use apilink_core::profile::Profile;

use crate::catalog::{Catalog, TableShape};
use crate::engine::layout::{Extra, Layout};
use crate::engine::page::{CustomNames, Expected, Reader};
use crate::engine::row::Row;

/// A table with many columns, and one whose rows are arrays in its records.
static SHAPES: LazyLock<Option<(Arc<TableShape>, Arc<TableShape>)>> = LazyLock::new(|| {
    let catalog = Catalog::of_profile(Profile::built_in_clio().tables());
    let matters = catalog.table("matters")?.clone();
    let values = catalog.table("matters_custom_field_values")?.clone();
    Some((matters, values))
});

/// Rewrites a statement.
pub fn rewrite(sql: &str, catalog: &Catalog) {
    let _ = crate::rewrite::rewrite(sql, catalog);
}

/// Reads a reply as a page of matters with their custom field values.
///
/// # Panics
/// If a row has not as many values as its layout has places, which is what fuzzing looks for.
pub fn read_page(body: &[u8]) {
    let Some((matters, values)) = &*SHAPES else {
        return;
    };
    let all = |shape: &TableShape| (0..shape.columns.len()).collect::<Vec<usize>>();
    let mut layout = Layout::new(matters, &all(matters), false);
    layout.mark("client");
    layout.carry(Extra {
        shape: Arc::clone(values),
        layout: Arc::new(Layout::new(values, &all(values), true)),
    });
    let reader = Reader {
        expected: Expected::Records,
        layout: &layout,
        data: &["data".to_owned()],
        parent_key: None,
        parent_type: crate::types::SqlType::Bigint,
        parent: None,
        key_slot: matters.key.first().and_then(|&key| layout.slot(key)),
        custom: CustomNames {
            definition: "custom_field",
            value: "value",
        },
    };
    if let Ok(page) = reader.read(body) {
        let is_whole = |row: &Row| row.values().count() == layout.width();
        assert!(page.rows.iter().all(is_whole));
    }
}
