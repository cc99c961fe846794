//! The tables of a service: which lists it has, what their records hold, and what it can filter,
//! order and count itself. Member `tables` of a profile; described in `docs/profiles.md`.
//!
//! This is data only. What a table means in SQL, and which requests answer a query, is decided
//! elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A table: the records of a list, the rows of an array that another table's records hold, or
/// both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name, in lower-case letters, digits and `_`, unique in the profile.
    pub name: String,
    /// What it holds, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The request that lists its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<List>,
    /// The array that holds its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<Array>,
    /// The path of one record, with the names of key columns in braces: `matters/{id}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<String>,
    /// The path to which new records are posted. For a later version of apilink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<String>,
    /// The path to which changes of one record are sent. For a later version of apilink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<String>,
    /// The path of a record that is to be deleted. For a later version of apilink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<String>,
    /// The names of the columns that together identify a row; empty where nothing does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// What the list can filter by. Without a list of its own: what the list of the records can filter
    /// by whose array holds the rows, so that at least those records come that hold a row for which the
    /// comparison is true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    /// The account's own fields, where records of this table have such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_fields: Option<TableCustomFields>,
}

/// The request that lists a table's records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "as the format has it")]
pub struct List {
    /// Its path, relative to the API's base path, with the names of columns in braces where a
    /// value belongs: `contacts/{contact_id}/email_addresses`.
    pub path: String,
    /// The largest page the service gives.
    pub page_size: u32,
    /// The reply holds one record in place of a list.
    #[serde(default, skip_serializing_if = "is_false")]
    pub single: bool,
    /// The list has no pages: one reply holds it all.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unpaged: bool,
    /// The reply holds plain values in place of records: those of the only column that is neither
    /// of a parent nor a parameter.
    #[serde(default, skip_serializing_if = "is_false")]
    pub values: bool,
    /// The request does not take the parameter that says how many records to leave out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub without_offset: bool,
    /// The request does not take the parameter that names the wanted fields.
    #[serde(default, skip_serializing_if = "is_false")]
    pub without_fields: bool,
    /// The orders it can give its records in. A list whose `id` is among them can be read to its
    /// end by page tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<ListOrder>,
    /// Parameters that must be given, and what may be given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<RequiredParameter>,
    /// Parameters that every request gets: without them, the list would leave records out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub constant: BTreeMap<String, String>,
}

/// An order that a list can give its records in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListOrder {
    /// The column.
    pub column: String,
    /// What the service calls it, without the direction.
    pub name: String,
    /// The order is the one SQL asks for: by value, NULLs first when ascending. Where this is
    /// not known, the order is not used.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exact: bool,
}

/// A parameter without which a list answers with an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredParameter {
    /// The parameter; there is a filter with operator `=` for it.
    pub parameter: String,
    /// All the values there are. A query that does not name one reads the list once for each.
    /// Empty: a query has to name one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// The array that holds a table's rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// The table whose records hold it.
    pub table: String,
    /// The field that is the array.
    pub field: String,
    /// The column of this table that holds the key of the record. The record's table has one key
    /// column.
    pub parent_column: String,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in lower-case letters, digits and `_`, unique in the table.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Where a record holds it: a field, or a field of an object (`client.name`). The column's
    /// name where it is absent. In a table that is an array, it is where an element holds it;
    /// of an object in an element only `id` can be had, and it comes without being asked for by
    /// name: the request names the object alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The record does not hold it; it is the value that the request was made with: the key of the
    /// parent in a path, or of the record that holds an array.
    #[serde(default, skip_serializing_if = "is_false")]
    pub parent: bool,
    /// The record does not hold it; it can only be compared with a value, which a filter passes
    /// to the service. Not a part of `SELECT *`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub parameter: bool,
    /// The table whose key this column holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Texts that differ in case only are equal.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ignore_case: bool,
    /// The unit of a number, such as `seconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// When it may be written. For a later version of apilink.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<Write>,
    /// What it holds, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Column {
    /// Where a record holds it: the field, and within it the field of an object.
    #[must_use]
    pub fn path(&self) -> (&str, Option<&str>) {
        let field = self.field.as_deref().unwrap_or(&self.name);
        match field.split_once('.') {
            Some((object, field)) => (object, Some(field)),
            None => (field, None),
        }
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// A whole number of 64 bits.
    Bigint,
    /// A whole number of 32 bits.
    Integer,
    /// A number with four places behind the point: money, hours, rates.
    Decimal,
    /// A number that need not be exact.
    Double,
    /// `true` or `false`.
    Boolean,
    /// A day.
    Date,
    /// A point in time.
    Timestamp,
    /// Text.
    Text,
    /// An array of plain values, or an object of no known form, as JSON text.
    Json,
}

/// What a column refers to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The table.
    pub table: String,
    /// The object that holds this key shows the same record as the table does: the object's field
    /// of a name is the table's column of that name. Queries read it there, without a request.
    #[serde(default, skip_serializing_if = "is_false")]
    pub same_record: bool,
    /// The object that shows the record, where the column is not itself a field of that object.
    /// (Only with `same_record`.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

/// When a column may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Write {
    /// When the record is made.
    Create,
    /// When it is changed.
    Update,
}

/// A comparison that a list can make itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The column that is compared.
    pub column: String,
    /// How.
    pub operator: FilterOperator,
    /// The parameter that says so.
    pub parameter: String,
    /// How the value is written, with `{}` for the value: `>={}`. In place of `{}` a date can be
    /// written as `{-1 day}` or `{+1 day}`: the day before or after it. `{}` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The values it knows, as the service spells them. Others are not passed to the service.
    /// Empty: every value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The service may return records for which the comparison is not true.
    #[serde(default, skip_serializing_if = "is_false")]
    pub wider: bool,
    /// Parameters that have to go with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, String>,
    /// How many values one request may hold, for the operators that take several; the page size
    /// of the list where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_values: Option<u32>,
}

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FilterOperator {
    /// Equal.
    #[serde(rename = "=")]
    Equal,
    /// One of several; the parameter is repeated.
    #[serde(rename = "in")]
    In,
    /// One of several; the parameter is given once, with the values joined by commas.
    #[serde(rename = "in joined")]
    InJoined,
    /// None of several; the parameter is repeated.
    #[serde(rename = "not in")]
    NotIn,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// Greater.
    #[serde(rename = ">")]
    Greater,
    /// Greater or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// NULL; the template is the value.
    #[serde(rename = "is null")]
    IsNull,
    /// Not NULL; the template is the value.
    #[serde(rename = "is not null")]
    IsNotNull,
}

/// That records of a table have fields of the account's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableCustomFields {
    /// The array field of a record that holds their values.
    pub field: String,
    /// Which definitions belong to this table: the value of [`CustomFieldsProfile::parent_type`].
    pub parent_type: String,
    /// The parameter with which the list filters by a field, with `{}` for the `id` of its
    /// definition. [`CustomFieldType::filters`] says how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// How a service describes the fields that its accounts have added. Member `custom_fields` of a
/// profile. Names of fields are those of records of the definitions, or of values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomFieldsProfile {
    /// The table with the definitions.
    pub table: String,
    /// The field of a definition with its name.
    pub name: String,
    /// The field of a definition with its type.
    pub kind: String,
    /// The field of a definition with the kind of record it belongs to.
    pub parent_type: String,
    /// The field of a definition that is true when it is no longer in use.
    pub deleted: String,
    /// The field of a definition with the list of options; each has an `id` and an `option`.
    pub options: String,
    /// The field of an option with its text.
    pub option_text: String,
    /// The object of a value with the `id` of its definition.
    pub value_definition: String,
    /// The field of a value with what was entered.
    pub value: String,
    /// What the types mean.
    pub types: BTreeMap<String, CustomFieldType>,
}

/// What a type of custom field means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomFieldType {
    /// The type of its column.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// The value is the `id` of an option; the column shows the option's text.
    #[serde(default, skip_serializing_if = "is_false")]
    pub option: bool,
    /// The value is the `id` of a record; the column shows the text of this field of the object
    /// in the value, and a second column, with `_id` behind its name, the `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<CustomFieldObject>,
    /// The comparisons that a list can make itself, and how the parameter is written, with `{}`
    /// for the value: of an option or a record, its `id`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filters: BTreeMap<FilterOperator, String>,
    /// With these, the service may return records for which the comparison is not true.
    #[serde(default, skip_serializing_if = "is_false")]
    pub wider: bool,
}

/// The object that a custom field's value holds when it stands for a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomFieldObject {
    /// The object field of a value.
    pub field: String,
    /// The field of the object with the text to show.
    pub text: String,
    /// The table that the `id` refers to.
    pub table: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
