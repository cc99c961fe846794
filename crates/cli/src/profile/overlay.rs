//! The overlay: what a document cannot say, or says wrongly. Its format is described in
//! `docs/profiles.md`.

use std::collections::BTreeMap;

use apilink_core::profile::tables::{ColumnType, FilterOperator, TableCustomFields};
use serde::Deserialize;

/// The version of the overlay format that is read.
pub const FORMAT: u32 = 1;

/// What a document cannot say. Fields are named `Schema.field`, with the name of the schema as in
/// the document but without the ending `_base`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// The version of the format, [`FORMAT`].
    #[serde(rename = "apilink_overlay")]
    pub format: u32,
    /// How requests and replies are made.
    #[serde(default)]
    pub conventions: Conventions,
    /// Plural to singular, where the rules of English do not say it.
    #[serde(default)]
    pub singulars: BTreeMap<String, String>,
    /// Which columns come first, and which last, in every table.
    #[serde(default)]
    pub column_order: ColumnOrder,
    /// Paths that become no table, with the reason.
    #[serde(default)]
    pub ignored_paths: BTreeMap<String, String>,
    /// Fields that become no column, with the reason.
    #[serde(default)]
    pub ignored_fields: BTreeMap<String, String>,
    /// The types of fields whose type in the document is wrong.
    #[serde(default)]
    pub types: BTreeMap<String, ColumnType>,
    /// The units of fields.
    #[serde(default)]
    pub units: BTreeMap<String, String>,
    /// The tables that schemas refer to, where the schema of the table has another name.
    #[serde(default)]
    pub references: BTreeMap<String, String>,
    /// The tables whose key columns of these names hold, where the document does not say it.
    #[serde(default)]
    pub key_columns: BTreeMap<String, String>,
    /// Tables whose list may leave out records that other records show, with the reason.
    #[serde(default)]
    pub incomplete_lists: BTreeMap<String, String>,
    /// What parameters mean, in every list.
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterRule>,
    /// What is to be said about single tables.
    #[serde(default)]
    pub tables: BTreeMap<String, TableRules>,
}

impl Default for Overlay {
    /// One that says nothing.
    fn default() -> Self {
        Self {
            format: FORMAT,
            conventions: Conventions::default(),
            singulars: BTreeMap::new(),
            column_order: ColumnOrder::default(),
            ignored_paths: BTreeMap::new(),
            ignored_fields: BTreeMap::new(),
            types: BTreeMap::new(),
            units: BTreeMap::new(),
            references: BTreeMap::new(),
            key_columns: BTreeMap::new(),
            incomplete_lists: BTreeMap::new(),
            parameters: BTreeMap::new(),
            tables: BTreeMap::new(),
        }
    }
}

impl Default for Conventions {
    fn default() -> Self {
        Self {
            path_suffix: String::new(),
            data: None,
            fields_parameter: "fields".to_owned(),
            page_size_parameter: "limit".to_owned(),
            token_parameter: "page_token".to_owned(),
            order_parameter: "order".to_owned(),
            page_size: 100,
            max_values: 100,
            assumed_order: None,
            exact_orders: Vec::new(),
        }
    }
}

/// How requests and replies are made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conventions {
    /// What paths in the document end with, and paths in the profile do not.
    pub path_suffix: String,
    /// The member of a reply that holds the record or the records; absent: the reply is it.
    pub data: Option<String>,
    /// The parameter that names the wanted fields.
    pub fields_parameter: String,
    /// The parameter with the size of a page. A request that has it is a list.
    pub page_size_parameter: String,
    /// The parameter that names a page.
    pub token_parameter: String,
    /// The parameter with the order.
    pub order_parameter: String,
    /// The page size where the document does not say it.
    pub page_size: u32,
    /// How many values a filter may hold.
    pub max_values: u32,
    /// Lists that can be read by page tokens are read in the order of this field, even where the
    /// document lists no orders.
    pub assumed_order: Option<String>,
    /// Columns that are never empty, and can thus be used for ordering wherever they are.
    pub exact_orders: Vec<String>,
}

/// Which columns come first, and which last.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnOrder {
    /// The first, in this order.
    #[serde(default)]
    pub first: Vec<String>,
    /// The last before those of objects, in this order.
    #[serde(default)]
    pub last: Vec<String>,
}

/// What a parameter of a list means.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ParameterRule {
    /// All that it is used for.
    Uses(Vec<ParameterUse>),
    /// The one column that it becomes.
    Column(ParameterColumn),
    /// It is not used.
    Ignored(Ignored),
}

/// What a parameter is used for.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ParameterUse {
    /// It filters by a column.
    Filter(FilterRule),
    /// It filters by nothing that a record holds: it becomes a column that can only be compared.
    Column(ParameterColumn),
}

/// A comparison that a parameter makes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterRule {
    /// The column that is compared.
    pub column: String,
    /// How.
    pub operator: FilterOperator,
    /// How the value is written.
    #[serde(default)]
    pub template: Option<String>,
    /// The values it knows; those of the document where it is absent.
    #[serde(default)]
    pub values: Option<Vec<String>>,
    /// It may return more.
    #[serde(default)]
    pub wider: bool,
    /// Parameters that have to go with it.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    /// Why, for the reader of the overlay.
    #[serde(default, rename = "note")]
    _note: Option<String>,
}

/// The column that a parameter becomes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterColumn {
    /// Its name.
    pub becomes: String,
    /// All the values there are, for one that must be given.
    #[serde(default)]
    pub values: Vec<String>,
    /// Parameters that have to go with it.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    /// Why, for the reader of the overlay.
    #[serde(default, rename = "note")]
    _note: Option<String>,
}

/// That a parameter is not used.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignored {
    /// Why, for the reader of the overlay.
    pub ignored: String,
}

/// What is to be said about one table.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableRules {
    /// What it holds, for people.
    pub description: Option<String>,
    /// The columns that identify a row, where that is not `id`.
    pub key: Option<Vec<String>>,
    /// What its rows are called in the names of columns that hold their key, where the last part
    /// of the path does not say it.
    pub singular: Option<String>,
    /// The arrays in its records become no tables: the same records are in another table.
    pub without_arrays: bool,
    /// The list holds plain values.
    pub values: bool,
    /// The list takes no offset.
    pub without_offset: bool,
    /// Parameters that every request gets.
    pub constant: BTreeMap<String, String>,
    /// Orders by the service's name for them, where that is not the column's name or field.
    pub orders: BTreeMap<String, OrderRule>,
    /// What is to be said about columns.
    pub columns: BTreeMap<String, ColumnRules>,
    /// What parameters mean.
    pub parameters: BTreeMap<String, ParameterRule>,
    /// The account's own fields.
    pub custom_fields: Option<TableCustomFields>,
}

/// What an order means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderRule {
    /// The column.
    pub column: String,
    /// It is the order that SQL asks for.
    #[serde(default)]
    pub exact: bool,
}

/// What is to be said about a column.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnRules {
    /// What it holds, for people.
    pub description: Option<String>,
    /// The table whose key it holds; empty for none.
    pub reference: Option<String>,
    /// Texts that differ in case only are equal.
    pub ignore_case: bool,
}
