//! From `a.x = b.y` and `a.x = 5` follows `b.y = 5`, which is added to WHERE, so that the service
//! can be asked for the rows of `b` without the rows of `a`; likewise with `IN (…)`.
//!
//! Both are true of every row of the result: they are conjuncts of WHERE, or of the condition of an
//! inner join that no outer join around it can leave out. The columns have the same type and
//! collation, so that equality is transitive among them and literals are compared alike. What is
//! added is therefore true of every row that WHERE lets through, and takes none away.
//!
//! Where `b.y` is a reference to the key `a.x`, the record of `b` often shows all that is asked of
//! `a`. So that `a` is looked up by what `b` says, and not by the literal, `a.x = 5` in WHERE is
//! replaced by `b.y = 5`: with `a.x = b.y` either means the other. `SQLite` would copy the literal
//! back, unless it has an affinity: `b.y = CAST(5 AS INTEGER)`, which compares a column of whole
//! numbers with the same value.

use apilink_core::profile::tables::FilterOperator;

use super::Place;
use super::condition::{Operand, comparison, conjuncts, has_or, in_list};
use super::edits::{Edits, Piece};
use super::scope::{Column, From, compare_alike};
use super::tokens::Span;
use crate::catalog::TableSource;
use crate::types::SqlType;

/// Columns that are equal to one another, each with the text that names it.
type Class = Vec<(Column, Span)>;

/// More equalities than this are not looked at.
const MAX_EQUALITIES: usize = 32;

/// A longer list of values is not passed on: for each of them, the service could be asked.
const MAX_VALUES: usize = 20;

/// `column = value` or `column IN (values)`.
struct Known {
    column: Column,
    /// Where it stands.
    part: Span,
    /// The value, or the list with its brackets.
    value: Span,
    is_list: bool,
}

pub(super) fn apply(place: &Place, edits: &mut Edits) {
    let Some(from) = &place.from else { return };
    if from.has_right || from.relations.len() < 2 {
        return;
    }
    let certain = from.conditions.iter().filter(|on| on.is_certain);
    let parts: Vec<Span> = certain
        .flat_map(|on| conjuncts(place.tokens, &on.condition))
        .chain(place.conjuncts())
        .collect();
    let known = known_values(place, from, &parts);
    if known.is_empty() {
        return;
    }
    let mut added = Vec::new();
    for class in classes(place, from, &parts) {
        let spread = Spread::new(place, from, &class, &known);
        spread.move_keys(edits);
        added.append(&mut spread.consequences());
    }
    if !added.is_empty() {
        add(place, &added.join(" AND "), edits);
    }
}

/// The columns that are compared with literals.
pub(super) fn known_columns(place: &Place, from: &From, parts: &[Span]) -> Vec<Column> {
    let known = known_values(place, from, parts);
    known.into_iter().map(|known| known.column).collect()
}

fn known_values(place: &Place, from: &From, parts: &[Span]) -> Vec<Known> {
    parts
        .iter()
        .filter_map(|part| known_value(place, from, part))
        .collect()
}

fn known_value(place: &Place, from: &From, part: &Span) -> Option<Known> {
    let tokens = place.tokens;
    let (name, value, is_list) = if let Some(list) = in_list(tokens, part) {
        if list.is_negated || list.values.len() > MAX_VALUES {
            return None;
        }
        (list.name, list.list, true)
    } else {
        let comparison = comparison(tokens, part).filter(|found| is_equality(found.operator))?;
        match (comparison.left, comparison.right) {
            (Operand::Name(name), Operand::Literal(value))
            | (Operand::Literal(value), Operand::Name(name)) => (name, value, false),
            _ => return None,
        }
    };
    Some(Known {
        column: from.resolve(tokens, &name)?,
        part: part.clone(),
        value,
        is_list,
    })
}

fn is_equality(operator: &str) -> bool {
    matches!(operator, "=" | "==")
}

/// The columns that the parts make equal.
fn classes(place: &Place, from: &From, parts: &[Span]) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    let equalities = parts
        .iter()
        .filter_map(|part| equality(place, from, part))
        .take(MAX_EQUALITIES);
    for pair in equalities {
        let has = |class: &Class, column: Column| class.iter().any(|(other, _)| *other == column);
        let meets = |class: &Class| pair.iter().any(|(column, _)| has(class, *column));
        let (touched, others): (Vec<Class>, Vec<Class>) = classes.into_iter().partition(meets);
        classes = others;
        let mut joined = Class::new();
        for (column, name) in touched.into_iter().flatten().chain(pair) {
            if !has(&joined, column) {
                joined.push((column, name));
            }
        }
        classes.push(joined);
    }
    classes
}

/// `a.x = b.y`, where no outer join can fill either with NULL.
fn equality(place: &Place, from: &From, part: &Span) -> Option<[(Column, Span); 2]> {
    let found = comparison(place.tokens, part).filter(|found| is_equality(found.operator))?;
    let (Operand::Name(left), Operand::Name(right)) = (found.left, found.right) else {
        return None;
    };
    let a = from.resolve(place.tokens, &left)?;
    let b = from.resolve(place.tokens, &right)?;
    let is_certain = !from.is_nullable(a) && !from.is_nullable(b);
    (is_certain && compare_alike(from.shape(a)?, from.shape(b)?)).then_some([(a, left), (b, right)])
}

/// What is known of equal columns, and which of them are to be compared with it.
struct Spread<'s> {
    place: &'s Place<'s>,
    class: &'s Class,
    known: Vec<&'s Known>,
    /// The keys to which others of the class refer.
    keys: Vec<Column>,
    /// The columns that refer to them, and by which the service can filter.
    references: Vec<(Column, &'s Span)>,
}

impl<'s> Spread<'s> {
    fn new(place: &'s Place, from: &From, class: &'s Class, known: &'s [Known]) -> Self {
        let mut keys = Vec::new();
        let mut references = Vec::new();
        for (key, _) in class {
            let refer: Vec<(Column, &Span)> = class
                .iter()
                .filter(|(column, _)| refers(from, *column, *key))
                .map(|(column, name)| (*column, name))
                .collect();
            if !refer.is_empty() {
                keys.push(*key);
                references.extend(refer);
            }
        }
        // What is a key itself is looked up.
        references.retain(|(column, _)| !keys.contains(column));
        if references.is_empty() {
            keys.clear();
        }
        let has = |known: &&Known| class.iter().any(|(column, _)| *column == known.column);
        Self {
            place,
            class,
            known: known.iter().filter(has).collect(),
            keys,
            references,
        }
    }

    fn is_known(&self, column: Column) -> bool {
        self.known.iter().any(|known| known.column == column)
    }

    fn is_in_where(&self, known: &Known) -> bool {
        let condition = self.place.core.condition.as_ref();
        condition.is_some_and(|condition| condition.contains(&known.part.start))
    }

    /// Compares the references with what WHERE compares the keys with.
    fn move_keys(&self, edits: &mut Edits) {
        let Some((first, first_name)) = self.references.first() else {
            return;
        };
        for known in self.known.iter().filter(|known| self.is_in_where(known)) {
            let names: Vec<&Span> = if self.keys.contains(&known.column) {
                let unknown = self
                    .references
                    .iter()
                    .filter(|(column, _)| column == first || !self.is_known(*column));
                unknown.map(|(_, name)| *name).collect()
            } else if known.column == *first {
                vec![first_name]
            } else {
                continue;
            };
            let texts: Vec<String> = names
                .into_iter()
                .map(|name| self.comparison(name, known))
                .collect();
            edits.replace(known.part.clone(), vec![Piece::Text(texts.join(" AND "))]);
        }
    }

    /// What the known value of one column says of those of which nothing is known.
    fn consequences(&self) -> Vec<String> {
        let Some(best) = self.known.iter().min_by_key(|known| known.is_list) else {
            return Vec::new();
        };
        // The references have it already.
        let is_moved = self.keys.contains(&best.column) && self.is_in_where(best);
        let is_reference =
            |column: Column| self.references.iter().any(|(other, _)| *other == column);
        self.class
            .iter()
            .filter(|(column, _)| {
                let has_it = is_moved && is_reference(*column);
                !(has_it || self.is_known(*column) || self.keys.contains(column))
            })
            .map(|(_, name)| self.comparison(name, best))
            .collect()
    }

    fn comparison(&self, name: &Span, known: &Known) -> String {
        let tokens = self.place.tokens;
        let (name, value) = (tokens.source(name), tokens.source(&known.value));
        let is_whole = value.bytes().all(|byte| byte.is_ascii_digit()) && value.len() < 19;
        if known.is_list {
            format!("{name} IN {value}")
        } else if is_whole && !self.keys.is_empty() {
            format!("{name} = CAST({value} AS INTEGER)")
        } else {
            format!("{name} = {value}")
        }
    }
}

/// Whether a column refers to a key, both of whole numbers, and the service can filter by it.
fn refers(from: &From, column: Column, key: Column) -> bool {
    let (Some(table), Some(shape)) = (from.table(column), from.shape(column)) else {
        return false;
    };
    let Some(target) = from.table(key) else {
        return false;
    };
    let TableSource::Service(source) = &table.source else {
        return false;
    };
    let is_filtered = source.filters.iter().any(|filter| {
        matches!(
            filter.operator,
            FilterOperator::Equal | FilterOperator::In | FilterOperator::InJoined
        ) && filter.column.eq_ignore_ascii_case(&shape.name)
    });
    let is_reference = shape
        .references
        .as_ref()
        .is_some_and(|name| name.eq_ignore_ascii_case(&target.name));
    let is_whole = matches!(shape.sql_type, SqlType::Bigint | SqlType::Integer);
    column != key && target.key == [key.column] && is_reference && is_filtered && is_whole
}

/// Adds a conjunct to WHERE.
pub(super) fn add(place: &Place, conjunct: &str, edits: &mut Edits) {
    match (&place.core.condition, &place.core.from) {
        (Some(condition), _) if has_or(place.tokens, condition) => {
            edits.insert(condition.start, "(".to_owned());
            edits.insert(condition.end, format!(") AND {conjunct}"));
        }
        (Some(condition), _) => edits.insert(condition.end, format!("AND {conjunct}")),
        (None, Some(from)) => edits.insert(from.end, format!("WHERE {conjunct}")),
        (None, None) => {}
    }
}
