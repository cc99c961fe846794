//! Names of tables and columns.

use std::collections::BTreeMap;

use super::overlay::Overlay;

/// A part of a path: text, or a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Text.
    Text(&'a str),
    /// The name in braces.
    Placeholder(&'a str),
}

/// The parts of a path, without its suffix.
pub fn segments<'a>(path: &'a str, suffix: &str) -> Vec<Segment<'a>> {
    path.strip_suffix(suffix)
        .unwrap_or(path)
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let inner = part.strip_prefix('{').and_then(|p| p.strip_suffix('}'));
            inner.map_or(Segment::Text(part), Segment::Placeholder)
        })
        .collect()
}

/// The name of the table at a path: the path without its placeholders, with `_` for `/`.
pub fn table_name(segments: &[Segment<'_>]) -> String {
    let texts: Vec<_> = segments
        .iter()
        .filter_map(|segment| match segment {
            Segment::Text(text) => Some(column_name(text)),
            Segment::Placeholder(_) => None,
        })
        .collect();
    texts.join("_")
}

/// A name of a field or parameter as the name of a column: lower-case letters, digits and `_`.
pub fn column_name(name: &str) -> String {
    let spaced: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    spaced.trim_matches('_').to_owned()
}

/// The column with the key of the record that `segments` lead to: `matter_id` for `/matters`.
pub fn key_column(segments: &[Segment<'_>], overlay: &Overlay) -> String {
    let table = table_name(segments);
    let rule = overlay.tables.get(&table);
    if let Some(singular) = rule.and_then(|rules| rules.singular.as_deref()) {
        return format!("{singular}_id");
    }
    let last = segments.iter().rev().find_map(|segment| match segment {
        Segment::Text(text) => Some(column_name(text)),
        Segment::Placeholder(_) => None,
    });
    let last = last.unwrap_or_default();
    format!("{}_id", singular(&last, &overlay.singulars))
}

/// The singular of the last word of a name.
pub fn singular(name: &str, exceptions: &BTreeMap<String, String>) -> String {
    if let Some(known) = exceptions.get(name) {
        return known.clone();
    }
    let ending = |plural: &str, single: &str| {
        let stem = name.strip_suffix(plural)?;
        (stem.len() > 1).then(|| format!("{stem}{single}"))
    };
    ending("ies", "y")
        .or_else(|| ending("sses", "ss"))
        .or_else(|| ending("xes", "x"))
        .or_else(|| ending("ches", "ch"))
        .or_else(|| ending("shes", "sh"))
        .or_else(|| name.ends_with("ss").then(|| name.to_owned()))
        .or_else(|| ending("s", ""))
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singulars_follow_english() {
        let exceptions = BTreeMap::from([("people".to_owned(), "person".to_owned())]);
        for (plural, single) in [
            ("matters", "matter"),
            ("activities", "activity"),
            ("calendar_entries", "calendar_entry"),
            ("email_addresses", "email_address"),
            ("expenses", "expense"),
            ("tax_boxes", "tax_box"),
            ("branches", "branch"),
            ("people", "person"),
            ("staff", "staff"),
            ("address", "address"),
            ("", ""),
            ("s", "s"),
        ] {
            assert_eq!(singular(plural, &exceptions), single);
        }
    }

    #[test]
    fn tables_are_named_by_their_paths() {
        for (path, name) in [
            ("/matters.json", "matters"),
            ("/clio_payments/payments.json", "clio_payments_payments"),
            (
                "/contacts/{contact_id}/email_addresses.json",
                "contacts_email_addresses",
            ),
            ("/Big-Things/", "big_things"),
            ("/", ""),
        ] {
            assert_eq!(table_name(&segments(path, ".json")), name);
        }
    }
}
