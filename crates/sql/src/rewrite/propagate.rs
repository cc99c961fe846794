//! From `a.x = b.y` and `a.x = 5` follows `b.y = 5`, which is added to WHERE, so that the service
//! can be asked for the rows of `b` without the rows of `a`; likewise with `IN (…)`.
//!
//! Both are true of every row of the result: they are conjuncts of WHERE, or of the condition of an
//! inner join that no outer join around it can leave out. The columns have the same type and
//! collation, so that equality is transitive among them and literals are compared alike. What is
//! added is therefore true of every row that WHERE lets through, and takes none away.

use super::Place;
use super::condition::{Operand, comparison, conjuncts, has_or, in_list};
use super::edits::Edits;
use super::scope::{Column, From, compare_alike};
use super::tokens::Span;

/// Columns that are equal to one another, each with the text that names it.
type Class = Vec<(Column, Span)>;

/// More equalities than this are not looked at.
const MAX_EQUALITIES: usize = 32;

/// `column = value` or `column IN value`.
struct Known {
    column: Column,
    text: String,
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
    let added: Vec<String> = classes(place, from, &parts)
        .iter()
        .flat_map(|class| consequences(place, class, &known))
        .collect();
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
    let (name, text, is_list) = if let Some(list) = in_list(tokens, part) {
        if list.is_negated {
            return None;
        }
        let text = format!("IN {}", tokens.source(&list.list));
        (list.name, text, true)
    } else {
        let comparison = comparison(tokens, part).filter(|found| is_equality(found.operator))?;
        let (name, value) = match (comparison.left, comparison.right) {
            (Operand::Name(name), Operand::Literal(value))
            | (Operand::Literal(value), Operand::Name(name)) => (name, value),
            _ => return None,
        };
        (name, format!("= {}", tokens.source(&value)), false)
    };
    Some(Known {
        column: from.resolve(tokens, &name)?,
        text,
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
        let mut joined = Class::from(pair);
        let touches = |class: &Class| {
            class
                .iter()
                .any(|(column, _)| joined.iter().any(|(other, _)| other == column))
        };
        let (touched, others): (Vec<Class>, Vec<Class>) = classes.into_iter().partition(touches);
        classes = others;
        joined.extend(touched.into_iter().flatten());
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

/// What the known value of one column says of those equal to it of which nothing is known.
fn consequences(place: &Place, class: &Class, known: &[Known]) -> Vec<String> {
    let is_known = |column: Column| known.iter().any(|known| known.column == column);
    let here = known
        .iter()
        .filter(|known| class.iter().any(|(column, _)| *column == known.column));
    let Some(best) = here.min_by_key(|known| known.is_list) else {
        return Vec::new();
    };
    let mut done = Vec::new();
    let mut added = Vec::new();
    for (column, name) in class {
        if !is_known(*column) && !done.contains(column) {
            done.push(*column);
            added.push(format!("{} {}", place.tokens.source(name), best.text));
        }
    }
    added
}

/// Adds a conjunct to WHERE.
fn add(place: &Place, conjunct: &str, edits: &mut Edits) {
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
