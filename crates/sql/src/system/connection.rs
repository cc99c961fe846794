//! The connection: its properties, the product, and what its SQL can do.

use apilink_core::properties::{Category, Kind, PROPERTIES, Property};

use super::{BOOLEAN, Definition, INTEGER, NAME, TEXT, View, flag, optional, ordinal, text};
use crate::value::Value;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "sys_connection_props",
        description: "The connection's properties; the values of secret ones are masked",
        columns: &[
            ("Name", NAME),
            ("ShortDescription", TEXT),
            ("Type", NAME),
            ("Values", TEXT),
            ("Default", TEXT),
            ("Category", NAME),
            ("Required", BOOLEAN),
            ("Value", TEXT),
            ("IsSessionProperty", BOOLEAN),
            ("Sensitivity", NAME),
            ("PropertyName", NAME),
            ("Ordinal", INTEGER),
            ("CatOrdinal", INTEGER),
            ("Hierarchy", TEXT),
            ("Visible", BOOLEAN),
            ("ETC", TEXT),
            ("Alias", TEXT),
            ("UserCredential", BOOLEAN),
        ],
        rows: properties,
    },
    Definition {
        name: "sys_information",
        description: "The product and the service it speaks to",
        columns: &[("Name", NAME), ("Value", TEXT)],
        rows: information,
    },
    Definition {
        name: "sys_sqlinfo",
        description: "What the connection's SQL can do",
        columns: &[("Name", NAME), ("Value", TEXT)],
        rows: |_| {
            SQL_INFO
                .iter()
                .map(|&(name, value)| pair(name, value))
                .collect()
        },
    },
];

/// True of every connection. SQL is `SQLite`'s.
const SQL_INFO: &[(&str, &str)] = &[
    (
        "AGGREGATE_FUNCTIONS",
        "COUNT, AVG, MIN, MAX, SUM, TOTAL, GROUP_CONCAT",
    ),
    ("COUNT", "YES"),
    ("GROUP_BY", "NO_RELATION"),
    ("HAVING", "YES"),
    ("ORDER_BY", "YES"),
    ("JOINS", "INNER, LEFT, RIGHT, FULL, CROSS"),
    ("OUTER_JOINS", "YES"),
    ("SUBQUERIES", "COMPARISON, EXISTS, IN, CORRELATED"),
    ("UNION", "UNION, UNION ALL, INTERSECT, EXCEPT"),
    ("COMMON_TABLE_EXPRESSIONS", "YES"),
    ("WINDOW_FUNCTIONS", "YES"),
    ("PAGING", "LIMIT, OFFSET, TOP"),
    ("IDENTIFIER_QUOTE_OPEN_CHAR", "\"[`"),
    ("IDENTIFIER_QUOTE_CLOSE_CHAR", "\"]`"),
    ("STRING_QUOTE_CHAR", "'"),
    ("IDENTIFIER_CASE", "MIXED"),
    ("TRANSACTIONS", "NO"),
    ("INSERT", "NO"),
    ("UPDATE", "NO"),
    ("DELETE", "NO"),
];

fn pair(name: &str, value: &str) -> Vec<Value> {
    vec![text(name), text(value)]
}

fn information(view: &View) -> Vec<Vec<Value>> {
    let connection = view.connection;
    let mut rows = vec![
        pair("Product", "apilink"),
        pair("Version", env!("CARGO_PKG_VERSION")),
        pair("Profile", &connection.schema),
        pair("Service", &connection.region),
    ];
    if let Some(version) = &connection.version {
        rows.push(pair("ServiceVersion", version));
    }
    rows
}

fn properties(view: &View) -> Vec<Vec<Value>> {
    let properties = PROPERTIES.iter().enumerate();
    properties
        .map(|(at, property)| property_row(view, at, property))
        .collect()
}

fn property_row(view: &View, at: usize, property: &Property) -> Vec<Value> {
    let in_category = |other: &&Property| other.category == property.category;
    let place = PROPERTIES.iter().take(at).filter(in_category).count();
    let words = match property.kind {
        Kind::OneOf(words) => Some(words.join(",")),
        Kind::Boolean => Some("true,false".to_owned()),
        _ => None,
    };
    let default = Some(property.default).filter(|default| !default.is_empty());
    let aliases = property.aliases.join(",");
    vec![
        text(property.name),
        text(property.meaning),
        text(property.kind.name()),
        optional(words.as_deref()),
        optional(default),
        text(property.category.title()),
        flag(false),
        optional(view.connection.property(property.name)),
        flag(false),
        text(if property.secret { "SENSITIVE" } else { "NONE" }),
        text(property.name),
        ordinal(at),
        ordinal(place),
        Value::Null,
        flag(property.category != Category::Compatibility),
        Value::Null,
        optional(Some(aliases.as_str()).filter(|aliases| !aliases.is_empty())),
        flag(matches!(
            property.name,
            "OAuthClientId" | "OAuthClientSecret" | "User" | "Password"
        )),
    ]
}
