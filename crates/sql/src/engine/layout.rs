//! Which fields of a record a scan needs, how they are asked for, and where their values go.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::json::Name;
use crate::catalog::{ColumnShape, CustomColumn, CustomShow, Origin, TableShape, TableSource};
use crate::types::SqlType;

/// The fields that a scan asks for, and the place of each in a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// The columns of the table that a row holds, in the order of its slots.
    pub(crate) columns: Vec<usize>,
    /// The slot of each column of the table.
    slots: HashMap<usize, usize>,
    /// What a record holds, by field.
    pub(crate) record: Object,
    /// Where the rows are: in the elements of this field of the record.
    pub(crate) array: Option<ArrayRows>,
    /// The slot of the parent's key.
    pub(crate) parent: Option<usize>,
    /// The number of slots behind those of columns, for [`Layout::mark`].
    markers: usize,
    /// Rows of other tables that the records hold as arrays, read along with them.
    pub(crate) extras: Vec<Extra>,
}

/// Rows of another table, in an array that the records hold.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    /// The table.
    pub(crate) shape: Arc<TableShape>,
    /// Its rows.
    pub(crate) layout: Arc<Layout>,
}

/// The rows of an array in a record.
#[derive(Clone, Debug, Default)]
pub(crate) struct ArrayRows {
    /// The field.
    pub(crate) field: String,
    /// What an element holds.
    pub(crate) element: Object,
    /// A field that is asked for where none is wanted.
    fallback: String,
}

/// What an object holds that is wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    fields: Vec<Field>,
    by_name: HashMap<String, usize>,
}

/// What is wanted of a field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: Name,
    /// The slot for its value.
    pub(crate) value: Option<Slot>,
    /// The slot for all of it, as JSON text.
    pub(crate) json: Option<usize>,
    /// What it holds as an object.
    pub(crate) inner: Vec<(Name, Slot)>,
    /// The account's own fields in it.
    pub(crate) custom: Vec<(CustomColumn, Slot)>,
    /// The slot that says whether the object is there and shows its fields.
    pub(crate) marker: Option<usize>,
    /// The rows of other tables in it: positions in [`Layout::extras`].
    pub(crate) extras: Vec<usize>,
}

/// What is to be made of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// A value.
    Value(Slot),
    /// An object, of which some fields are wanted.
    Object,
    /// Something else, or more than one of these.
    Mixed,
}

/// A place in a row, and the type of what belongs there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) at: usize,
    pub(crate) sql_type: SqlType,
    /// An array or an object, shown as JSON text.
    pub(crate) is_json: bool,
}

impl Object {
    fn field(&mut self, name: &str) -> &mut Field {
        let next = self.fields.len();
        let at = *self.by_name.entry(name.to_owned()).or_insert(next);
        if at == next {
            self.fields.push(Field {
                name: Name::new(name),
                value: None,
                json: None,
                inner: Vec::new(),
                custom: Vec::new(),
                marker: None,
                extras: Vec::new(),
            });
        }
        #[allow(
            clippy::indexing_slicing,
            reason = "the map holds positions of the list"
        )]
        &mut self.fields[at]
    }

    /// The position of a field among those that are wanted.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// All that is wanted.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }
}

impl Layout {
    /// A row with these columns of a table, and its key.
    pub(crate) fn new(shape: &TableShape, used: &[usize], from_array: bool) -> Self {
        let mut layout = Self::default();
        if from_array && let TableSource::Service(table) = &shape.source {
            layout.array = table.array.as_ref().map(|array| ArrayRows {
                field: array.field.clone(),
                element: Object::default(),
                fallback: String::new(),
            });
        }
        for &column in used.iter().chain(&shape.key) {
            layout.add(shape, column);
        }
        if from_array {
            // Rows are found by the key of the record that holds them, even where they have none.
            let is_parent = |column: &ColumnShape| column.origin == Origin::Parent;
            if let Some(parent) = shape.columns.iter().position(is_parent) {
                layout.add(shape, parent);
            }
            if let Some(array) = &mut layout.array {
                array.fallback = any_field(shape);
            }
        }
        layout
    }

    fn add(&mut self, shape: &TableShape, column: usize) {
        if self.slots.contains_key(&column) {
            return;
        }
        let Some(wanted) = shape.columns.get(column) else {
            return;
        };
        let at = self.columns.len();
        self.columns.push(column);
        self.slots.insert(column, at);
        let slot = Slot {
            at,
            sql_type: wanted.sql_type,
            is_json: matches!(wanted.origin, Origin::Field { is_json: true, .. }),
        };
        let object = match &mut self.array {
            Some(array) => &mut array.element,
            None => &mut self.record,
        };
        match &wanted.origin {
            Origin::Field {
                field,
                inner: None,
                is_json: true,
            } => object.field(field).json = Some(at),
            Origin::Field {
                field, inner: None, ..
            } => object.field(field).value = Some(slot),
            Origin::Field {
                field,
                inner: Some(inner),
                ..
            } => {
                // In the order in which they are asked for.
                let known = &mut object.field(field).inner;
                let at = known.partition_point(|(name, _)| name.as_str() <= inner.as_str());
                known.insert(at, (Name::new(inner), slot));
            }
            Origin::Custom(custom) => {
                if let TableSource::Service(table) = &shape.source
                    && let Some(own) = &table.custom_fields
                {
                    object.field(&own.field).custom.push((custom.clone(), slot));
                }
            }
            Origin::Parent => self.parent = Some(at),
            Origin::Parameter | Origin::System => {}
        }
    }

    /// The type of the parent's key.
    pub(crate) fn parent_type(&self, shape: &TableShape) -> SqlType {
        self.parent
            .and_then(|slot| self.columns.get(slot))
            .and_then(|&column| shape.columns.get(column))
            .map_or(SqlType::Bigint, |column| column.sql_type)
    }

    /// The slot of a column; `None` if a row does not hold it.
    pub(crate) fn slot(&self, column: usize) -> Option<usize> {
        self.slots.get(&column).copied()
    }

    /// The value of the parameter that names the wanted fields. `parent_key` is the field with
    /// the key of the record that holds an array.
    pub(crate) fn fields_parameter(&self, parent_key: Option<&str>) -> String {
        let mut parts = Vec::new();
        if let Some(array) = &self.array {
            parts.extend(parent_key.map(str::to_owned));
            let inner: Vec<&str> = array.element_fields().into_iter().collect();
            parts.push(format!("{}{{{}}}", array.field, inner.join(",")));
            return parts.join(",");
        }
        for field in self.record.fields() {
            let mut inner = field.wanted();
            for extra in &self.extras {
                if let Some(array) = extra
                    .layout
                    .array
                    .as_ref()
                    .filter(|array| array.field == field.name.as_str())
                {
                    inner.extend(array.element_fields());
                }
            }
            if inner.is_empty() {
                parts.push(field.name.as_str().to_owned());
            } else {
                let inner: Vec<&str> = inner.into_iter().collect();
                parts.push(format!("{}{{{}}}", field.name.as_str(), inner.join(",")));
            }
        }
        if parts.is_empty() {
            parts.push("id".to_owned());
        }
        parts.join(",")
    }

    /// Reads rows of another table along, which the records hold.
    pub(crate) fn carry(&mut self, extra: Extra) {
        let is_known = |known: &Extra| known.shape.name == extra.shape.name;
        if self.extras.iter().any(is_known) {
            return;
        }
        if let Some(array) = &extra.layout.array {
            let field = self.record.field(&array.field);
            field.extras.push(self.extras.len());
            self.extras.push(extra);
        }
    }
}

/// The first field of a record that is no object.
fn any_field(shape: &TableShape) -> String {
    shape
        .columns
        .iter()
        .find_map(|column| match &column.origin {
            Origin::Field {
                field, inner: None, ..
            } => Some(field.clone()),
            _ => None,
        })
        .unwrap_or_else(|| "id".to_owned())
}

impl ArrayRows {
    /// The fields that are asked for in an element.
    fn element_fields(&self) -> BTreeSet<&str> {
        let mut names: BTreeSet<&str> = self
            .element
            .fields()
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        if names.is_empty() {
            names.insert(&self.fallback);
        }
        names
    }
}

impl Field {
    /// What is to be made of it.
    pub(crate) fn form(&self) -> Form {
        let is_simple = self.json.is_none() && self.custom.is_empty() && self.extras.is_empty();
        let is_object = !self.inner.is_empty() || self.marker.is_some();
        match self.value {
            Some(slot) if is_simple && !is_object => Form::Value(slot),
            None if is_simple && !self.inner.iter().any(|(_, slot)| slot.is_json) => Form::Object,
            _ => Form::Mixed,
        }
    }

    /// The fields that are asked for in the object, or in the elements of the array.
    fn wanted(&self) -> BTreeSet<&str> {
        let mut inner: BTreeSet<&str> = self.inner.iter().map(|(name, _)| name.as_str()).collect();
        for (custom, _) in &self.custom {
            inner.extend(["id", "value", "custom_field"]);
            match &custom.show {
                CustomShow::Value | CustomShow::Option(_) => {}
                CustomShow::Object { field, .. } | CustomShow::ObjectId { field } => {
                    inner.insert(field);
                }
            }
        }
        inner
    }
}

impl Layout {
    /// The number of slots.
    pub(crate) fn width(&self) -> usize {
        self.columns.len() + self.markers
    }

    /// Adds a slot that says whether an object is there and shows all its fields: 1 if so.
    pub(crate) fn mark(&mut self, object: &str) -> usize {
        let at = self.width();
        let field = self.record.field(object);
        if let Some(known) = field.marker {
            return known;
        }
        field.marker = Some(at);
        self.markers += 1;
        at
    }
}
