//! From a document and an overlay to tables.

use std::collections::{BTreeMap, BTreeSet};

use apilink_core::profile::tables::{
    Array, Column, ColumnType, Filter, List, ListOrder, Table, Write,
};

use super::columns::{Objects, RecordColumns, Source, base_name, plain_column};
use super::document::{Document, Object, Operation, Shape};
use super::filters::FilteredList;
use super::names::{Segment, key_column, segments, singular, table_name};
use super::overlay::{FORMAT, Overlay, ParameterRule, ParameterUse, TableRules};
use super::references::{key_kinds, key_of, set_key_columns, set_references};

/// A table that is being made.
#[derive(Debug)]
pub struct Draft<'a> {
    /// What is made of it.
    pub table: Table,
    /// The path of its list, in parts.
    segments: Vec<Segment<'a>>,
    /// The columns of a record, and what is known of them.
    pub record: RecordColumns<'a>,
    /// The schema of a record, or of an element.
    pub schema: Option<&'a str>,
}

/// Makes tables.
struct Generator<'a, 'o> {
    document: Document<'a>,
    overlay: &'o Overlay,
    operations: Vec<Operation<'a>>,
    open: Vec<String>,
    warnings: Vec<String>,
}

/// What was made of a document.
#[derive(Debug)]
pub struct Generated {
    /// The tables, sorted by name.
    pub tables: Vec<Table>,
    /// What the document has and nothing accounts for. The tables are without it.
    pub open: Vec<String>,
    /// What the overlay says about things that the document does not have.
    pub warnings: Vec<String>,
}

/// The tables of a document.
///
/// # Errors
/// For an overlay of another format.
pub fn tables(document: Document<'_>, overlay: &Overlay) -> Result<Generated, String> {
    if overlay.format != FORMAT {
        let given = overlay.format;
        return Err(format!(
            "the overlay has format {given}; this is format {FORMAT}"
        ));
    }
    let mut generator = Generator {
        document,
        overlay,
        operations: document.operations(),
        open: Vec::new(),
        warnings: Vec::new(),
    };
    let mut drafts = generator.lists();
    set_parent_types(&mut drafts);
    let arrays = generator.arrays(&drafts);
    merge(&mut drafts, arrays);
    set_references(&mut drafts, overlay);
    set_key_columns(&mut drafts, overlay);
    generator.apply_rules(&mut drafts);
    generator.check_overlay(&drafts);
    let mut tables: Vec<Table> = drafts.into_iter().map(|draft| draft.table).collect();
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Generated {
        tables,
        open: generator.open,
        warnings: generator.warnings,
    })
}

/// What a request replies with.
struct Reply<'a> {
    record: Shape<'a>,
    several: bool,
}

impl<'a> Generator<'a, '_> {
    fn source(&self) -> Source<'a, '_> {
        Source {
            document: self.document,
            overlay: self.overlay,
        }
    }

    fn segments(&self, path: &'a str) -> Vec<Segment<'a>> {
        segments(path, &self.overlay.conventions.path_suffix)
    }

    fn rules(&self, table: &str) -> Option<&TableRules> {
        self.overlay.tables.get(table)
    }

    fn lists(&mut self) -> Vec<Draft<'a>> {
        let mut drafts = Vec::new();
        for operation in self.operations.clone() {
            let ignored = self.overlay.ignored_paths.contains_key(operation.path);
            if operation.method != "get" || ignored {
                continue;
            }
            match self.list(operation) {
                Ok(draft) => drafts.extend(draft),
                Err(problem) => self.open.push(format!("{}: {problem}", operation.path)),
            }
        }
        drafts
    }

    fn reply(&self, operation: Operation<'a>) -> Option<Reply<'a>> {
        let whole = self.document.shape(self.document.reply(operation)?);
        let data = self.overlay.conventions.data.as_deref();
        let inner = match (&whole, data) {
            (Shape::Object(object), Some(data)) => object.field(data),
            // Where nothing is said: an array of this name is what most services reply with.
            (Shape::Object(object), None) => object
                .field("data")
                .filter(|schema| matches!(self.document.shape(schema), Shape::Array(_))),
            _ => None,
        };
        Some(
            match inner.map_or(whole, |schema| self.document.shape(schema)) {
                Shape::Array(element) => Reply {
                    record: *element,
                    several: true,
                },
                record => Reply {
                    record,
                    several: false,
                },
            },
        )
    }

    /// The table of a request, if it lists records or shows one that needs no key.
    fn list(&mut self, operation: Operation<'a>) -> Result<Option<Draft<'a>>, String> {
        let Some(reply) = self.reply(operation) else {
            return Ok(None);
        };
        let conventions = &self.overlay.conventions;
        let parameters = self.document.parameters(operation);
        let size = parameters
            .iter()
            .find(|parameter| parameter.name == conventions.page_size_parameter);
        let is_list = reply.several || size.is_some();
        let segments = self.segments(operation.path);
        if !is_list && !matches!(segments.last(), Some(Segment::Text(_))) {
            return Ok(None);
        }
        let name = table_name(&segments);
        let values = self.rules(&name).is_some_and(|rules| rules.values);
        let (parents, path) = self.parents(&segments);
        let taken: Vec<String> = parents.iter().map(|column| column.name.clone()).collect();
        let (mut record, schema, values) = match reply.record {
            Shape::Object(object) => {
                let mut record = self.source().columns(&object, Objects::Whole, &taken, "")?;
                if values {
                    record.columns.retain(|column| column.name == "id");
                    record.arrays.clear();
                    record.objects.clear();
                }
                (record, object.name, values)
            }
            Shape::Scalar(scalar) => {
                let column = plain_column("value".to_owned(), scalar.kind);
                let record = RecordColumns {
                    columns: vec![column],
                    ..RecordColumns::default()
                };
                (record, None, true)
            }
            _ => return Err("its records have no known fields".into()),
        };
        let mut columns = parents;
        columns.append(&mut record.columns);
        let has = |name: &str| parameters.iter().any(|parameter| parameter.name == name);
        let page_size = size.and_then(super::document::Parameter::maximum);
        let list = List {
            path,
            page_size: page_size.unwrap_or(conventions.page_size),
            single: !is_list,
            unpaged: is_list && size.is_none(),
            values,
            without_offset: self.rules(&name).is_some_and(|rules| rules.without_offset),
            without_fields: !has(&conventions.fields_parameter),
            orders: Vec::new(),
            required: Vec::new(),
            constant: self
                .rules(&name)
                .map_or_else(BTreeMap::new, |rules| rules.constant.clone()),
        };
        let mut draft = Draft {
            table: Table {
                list: Some(list),
                ..empty_table(name, columns)
            },
            segments,
            record,
            schema: schema.map(base_name),
        };
        self.set_key(&mut draft);
        self.set_filters(&mut draft, operation);
        self.set_orders(&mut draft, operation);
        self.set_paths(&mut draft);
        Ok(Some(draft))
    }

    /// The columns for the placeholders of a path, and the path with their names.
    fn parents(&self, segments: &[Segment<'a>]) -> (Vec<Column>, String) {
        let mut columns = Vec::new();
        let mut parts = Vec::new();
        for (at, segment) in segments.iter().enumerate() {
            match segment {
                Segment::Text(text) => parts.push((*text).to_owned()),
                Segment::Placeholder(_) => {
                    let before = segments.get(..at).unwrap_or_default();
                    let name = key_column(before, self.overlay);
                    parts.push(format!("{{{name}}}"));
                    columns.push(Column {
                        parent: true,
                        reference: Some(key_of(&table_name(before))),
                        ..plain_column(name, ColumnType::Bigint)
                    });
                }
            }
        }
        (columns, parts.join("/"))
    }

    fn set_key(&mut self, draft: &mut Draft<'a>) {
        let table = &mut draft.table;
        let ruled = self.overlay.tables.get(&table.name);
        if let Some(key) = ruled.and_then(|rules| rules.key.clone()) {
            match key.iter().find(|name| !has_column(table, name)) {
                None => {
                    table.key = key;
                    return;
                }
                Some(missing) => self.no_column(&table.name, missing),
            }
        }
        if table.columns.iter().any(|column| column.name == "id") {
            let parents = table.columns.iter().filter(|column| column.parent);
            table.key = parents.map(|column| column.name.clone()).collect();
            table.key.push("id".to_owned());
        }
    }

    fn set_filters(&mut self, draft: &mut Draft<'a>, operation: Operation<'a>) {
        let Some(list) = &mut draft.table.list else {
            return;
        };
        let filtered = FilteredList {
            table: &draft.table.name,
            columns: &draft.table.columns,
            values: &draft.record.values,
            page_size: list.page_size,
            overlay: self.overlay,
        };
        let found = filtered.read(&self.document.parameters(operation));
        list.required = found.required;
        draft.table.filters = found.comparisons;
        draft.table.columns.extend(found.columns);
        self.open.extend(found.open);
        self.warnings.extend(found.warnings);
    }

    /// The overlay names a column that the document does not have.
    fn no_column(&mut self, table: &str, name: &str) {
        let warning = format!("{table}: there is no column {name}");
        self.warnings.push(warning);
    }

    fn set_orders(&mut self, draft: &mut Draft<'a>, operation: Operation<'a>) {
        let conventions = &self.overlay.conventions;
        let parameters = self.document.parameters(operation);
        let find = |name: &str| parameters.iter().find(|parameter| parameter.name == name);
        let mut names: Vec<&str> = find(&conventions.order_parameter)
            .into_iter()
            .flat_map(|parameter| parameter.scalar().values)
            .map(|value| value.split('(').next().unwrap_or_default())
            .collect();
        let assumed = conventions.assumed_order.as_deref();
        let documented = names.clone();
        if find(&conventions.token_parameter).is_some() {
            names.extend(assumed);
        }
        names.sort_by_key(|name| (Some(*name) != assumed, *name));
        names.dedup();
        let mut orders = Vec::new();
        for name in names {
            let order = self.order(draft, name, documented.contains(&name));
            match order {
                Some(order) if !has_column(&draft.table, &order.column) => {
                    self.no_column(&draft.table.name, &order.column);
                }
                order => orders.extend(order),
            }
        }
        if let Some(list) = &mut draft.table.list {
            list.orders = orders;
        }
    }

    fn order(&self, draft: &Draft<'a>, name: &str, documented: bool) -> Option<ListOrder> {
        let table = &draft.table;
        let rule = self
            .rules(&table.name)
            .and_then(|rules| rules.orders.get(name));
        if let Some(rule) = rule {
            return Some(ListOrder {
                column: rule.column.clone(),
                name: name.to_owned(),
                exact: rule.exact && documented,
            });
        }
        let column = table.columns.iter().find(|column| {
            let own = column.field.as_deref().unwrap_or(&column.name);
            !column.parent && !column.parameter && (own == name || column.name == name)
        })?;
        let is_key = table.key.contains(&column.name);
        let never_empty = self.overlay.conventions.exact_orders.contains(&column.name);
        let exact = documented && column.kind != ColumnType::Text && (is_key || never_empty);
        Some(ListOrder {
            column: column.name.clone(),
            name: name.to_owned(),
            exact,
        })
    }

    /// The requests on one record, and what they can write.
    fn set_paths(&self, draft: &mut Draft<'a>) {
        let own_key = draft.table.key.last().map(String::as_str) == Some("id");
        for operation in &self.operations {
            let path = self.segments(operation.path);
            let is_list = path == draft.segments;
            let is_record = own_key
                && path.len() == draft.segments.len() + 1
                && path.starts_with(&draft.segments)
                && matches!(path.last(), Some(Segment::Placeholder(_)));
            let (_, own_path) = self.parents(&draft.segments);
            let record_path = format!("{own_path}/{{id}}");
            match operation.method {
                "get" if is_record => draft.table.get = Some(record_path),
                "post" if is_list => {
                    draft.table.create = Some(own_path);
                    self.set_writable(draft, *operation, Write::Create);
                }
                "patch" if is_record => {
                    draft.table.update = Some(record_path);
                    self.set_writable(draft, *operation, Write::Update);
                }
                "delete" if is_record => draft.table.delete = Some(record_path),
                _ => {}
            }
        }
    }

    fn set_writable(&self, draft: &mut Draft<'a>, operation: Operation<'a>, write: Write) {
        let Some(Shape::Object(body)) = self
            .document
            .body(operation)
            .map(|s| self.document.shape(s))
        else {
            return;
        };
        let data = self.overlay.conventions.data.as_deref();
        let inner = data
            .and_then(|data| body.field(data))
            .map(|s| self.document.shape(s));
        let body = match inner {
            Some(Shape::Object(object)) => object,
            _ => body,
        };
        for column in &mut draft.table.columns {
            if column.parent || column.parameter {
                continue;
            }
            let (field, nested) = column.path();
            let writes = |field: &str, nested: Option<&str>| {
                let shape = body.field(field).map(|schema| self.document.shape(schema));
                match (shape, nested) {
                    (Some(Shape::Object(object)), Some(nested)) => object.field(nested).is_some(),
                    (Some(Shape::Object(_)), None) | (None, _) => false,
                    (Some(_), nested) => nested.is_none(),
                }
            };
            let object = field.strip_suffix("_id");
            let is_key = nested.is_none() && object.is_some_and(|field| writes(field, Some("id")));
            if writes(field, nested) || is_key {
                column.writable.push(write);
            }
        }
    }

    /// A table for each array of objects in a record that has a key of one column.
    fn arrays(&mut self, drafts: &[Draft<'a>]) -> Vec<Draft<'a>> {
        let kinds = key_kinds(drafts);
        let mut found = Vec::new();
        for draft in drafts {
            let rules = self.rules(&draft.table.name);
            let Some(kind) = kinds.get(&draft.table.name) else {
                continue;
            };
            if rules.is_some_and(|rules| rules.without_arrays) {
                continue;
            }
            for (field, element) in &draft.record.arrays {
                match self.array(draft, field, element, *kind) {
                    Ok(array) => found.push(array),
                    Err(problem) => {
                        let place = format!("{}: the array {field}", draft.table.name);
                        self.open.push(format!("{place}: {problem}"));
                    }
                }
            }
        }
        found
    }

    fn array(
        &mut self,
        draft: &Draft<'a>,
        field: &str,
        element: &Object<'a>,
        kind: ColumnType,
    ) -> Result<Draft<'a>, String> {
        let parent_column = key_column(&draft.segments, self.overlay);
        let prefix = singular(field, &self.overlay.singulars);
        let taken = [parent_column.clone()];
        let mut record = self
            .source()
            .columns(element, Objects::Key, &taken, &prefix)?;
        let parent = Column {
            parent: true,
            reference: Some(key_of(&draft.table.name)),
            ..plain_column(parent_column.clone(), kind)
        };
        let mut columns = vec![parent];
        columns.append(&mut record.columns);
        let name = format!("{}_{}", draft.table.name, super::names::column_name(field));
        let mut array = Draft {
            table: Table {
                array: Some(Array {
                    table: draft.table.name.clone(),
                    field: field.to_owned(),
                    parent_column,
                }),
                ..empty_table(name, columns)
            },
            segments: Vec::new(),
            record,
            schema: element.name.map(base_name),
        };
        self.set_key(&mut array);
        Ok(array)
    }

    fn apply_rules(&mut self, drafts: &mut [Draft<'a>]) {
        let known: BTreeSet<(String, String)> = drafts
            .iter()
            .flat_map(|draft| {
                let parameters = draft.table.filters.iter().map(|filter| &filter.parameter);
                parameters.map(|parameter| (draft.table.name.clone(), parameter.clone()))
            })
            .collect();
        let kinds = key_kinds(drafts);
        for draft in drafts {
            let table = &mut draft.table;
            let Some(rules) = self.overlay.tables.get(&table.name) else {
                continue;
            };
            if let Some(array) = table.array.as_ref().filter(|_| table.list.is_none()) {
                for (parameter, rule) in &rules.parameters {
                    if !known.contains(&(array.table.clone(), parameter.clone())) {
                        let holder = &array.table;
                        self.warnings
                            .push(format!("{holder}: there is no parameter {parameter}"));
                        continue;
                    }
                    table.filters.extend(array_filters(parameter, rule));
                }
            }
            table.description.clone_from(&rules.description);
            table.custom_fields.clone_from(&rules.custom_fields);
            for (name, rule) in &rules.columns {
                let Some(column) = table.columns.iter_mut().find(|column| &column.name == name)
                else {
                    self.no_column(&table.name, name);
                    continue;
                };
                column.description.clone_from(&rule.description);
                column.ignore_case |= rule.ignore_case;
                match rule.reference.as_deref() {
                    Some("") => column.reference = None,
                    Some(target) if kinds.get(target) == Some(&column.kind) => {
                        column.reference = Some(key_of(target));
                    }
                    Some(target) => {
                        let warning =
                            format!("{}: {name} cannot refer to a table {target}", table.name);
                        self.warnings.push(warning);
                    }
                    None => {}
                }
            }
        }
    }

    /// What the overlay says about things that are not there.
    fn check_overlay(&mut self, drafts: &[Draft<'a>]) {
        let overlay = self.overlay;
        let tables: BTreeSet<_> = drafts
            .iter()
            .map(|draft| draft.table.name.as_str())
            .collect();
        let named = overlay.tables.keys().chain(overlay.incomplete_lists.keys());
        let referred = overlay
            .references
            .values()
            .chain(overlay.key_columns.values());
        for name in named.chain(referred).collect::<BTreeSet<_>>() {
            if !tables.contains(name.as_str()) {
                self.warnings.push(format!("there is no table {name}"));
            }
        }
        for path in overlay.ignored_paths.keys() {
            if !self
                .operations
                .iter()
                .any(|operation| operation.path == path)
            {
                self.warnings.push(format!("there is no path {path}"));
            }
        }
        for schema in overlay.references.keys() {
            if !self.document.has_schema(schema, None) {
                self.warnings.push(format!("there is no schema {schema}"));
            }
        }
        let fields = overlay.types.keys().chain(overlay.units.keys());
        for name in fields.chain(overlay.ignored_fields.keys()) {
            let (schema, field) = name.split_once('.').unwrap_or((name, ""));
            if !self.document.has_schema(schema, Some(field)) {
                self.warnings.push(format!("there is no field {name}"));
            }
        }
    }
}

/// What a parameter of the records' list says about the rows in their arrays.
fn array_filters<'r>(
    parameter: &'r str,
    rule: &'r ParameterRule,
) -> impl Iterator<Item = Filter> + 'r {
    let uses = match rule {
        ParameterRule::Uses(uses) => uses.as_slice(),
        ParameterRule::Column(_) | ParameterRule::Ignored(_) => &[],
    };
    uses.iter().filter_map(move |used| match used {
        ParameterUse::Filter(rule) => Some(Filter {
            column: rule.column.clone(),
            operator: rule.operator,
            parameter: parameter.to_owned(),
            template: rule.template.clone(),
            values: rule.values.clone().unwrap_or_default(),
            wider: rule.wider,
            with: rule.with.clone(),
            max_values: None,
        }),
        ParameterUse::Column(_) => None,
    })
}

/// Parents' keys have the type that they have in the parent's table.
fn set_parent_types(drafts: &mut [Draft<'_>]) {
    let kinds = key_kinds(drafts);
    for column in drafts.iter_mut().flat_map(|draft| &mut draft.table.columns) {
        let table = column.reference.as_ref().map(|reference| &reference.table);
        match table.and_then(|table| kinds.get(table)) {
            Some(kind) if column.parent => column.kind = *kind,
            Some(_) => {}
            // The document has no list of the parents.
            None => column.reference = None,
        }
    }
}

/// Arrays become tables of their own, or are the same table as a list under their parent, if
/// their columns agree.
fn merge<'a>(drafts: &mut Vec<Draft<'a>>, arrays: Vec<Draft<'a>>) {
    for array in arrays {
        let same_name = drafts
            .iter_mut()
            .find(|draft| draft.table.name == array.table.name);
        match same_name {
            None => drafts.push(array),
            Some(list) if agree(&list.table, &array.table) => list.table.array = array.table.array,
            Some(_) => {}
        }
    }
}

fn agree(list: &Table, array: &Table) -> bool {
    let form = |table: &Table| -> Vec<_> {
        let real = table.columns.iter().filter(|column| !column.parameter);
        real.map(|column| {
            (
                column.name.clone(),
                column.kind,
                column.field.clone(),
                column.parent,
            )
        })
        .collect()
    };
    form(list) == form(array)
}

fn has_column(table: &Table, name: &str) -> bool {
    table.columns.iter().any(|column| column.name == name)
}

fn empty_table(name: String, columns: Vec<Column>) -> Table {
    Table {
        name,
        description: None,
        list: None,
        array: None,
        get: None,
        create: None,
        update: None,
        delete: None,
        key: Vec::new(),
        columns,
        filters: Vec::new(),
        custom_fields: None,
    }
}
