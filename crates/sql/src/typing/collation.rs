//! Which texts compare without regard to case.
//!
//! `SQLite` takes the collation of a comparison from its left side, and only where that is a bare
//! column; then from its right side. Here a comparison ignores case if a value on either side does:
//! a column that ignores case, and what shows its values in another form (CASE, COALESCE, MIN, a
//! subquery, …). A COLLATE that was written decides before that.
//!
//! Where `SQLite` would compare in another way, COLLATE is written behind the left side. A COLLATE
//! within an operand decides in `SQLite` as one behind it does; so an operand that has one of ours
//! inside gets another one outside.

use super::Analyzer;
use super::typed::{Form, Typed};
use crate::types::SqlType;

/// The collations of `SQLite`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Name {
    /// Case matters.
    #[default]
    Binary,
    /// Letters of ASCII are the same in either case.
    NoCase,
    /// Blanks at the end do not matter.
    RTrim,
}

impl Name {
    pub(super) fn of(ignore_case: bool) -> Self {
        if ignore_case {
            Self::NoCase
        } else {
            Self::Binary
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Binary => "BINARY",
            Self::NoCase => "NOCASE",
            Self::RTrim => "RTRIM",
        }
    }
}

/// How an expression compares as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Collation {
    pub(super) name: Name,
    /// It was written with COLLATE, in the expression or in a part of it.
    pub(super) is_written: bool,
}

impl From<Name> for Collation {
    fn from(name: Name) -> Self {
        Self {
            name,
            is_written: false,
        }
    }
}

impl Collation {
    /// What was written behind COLLATE. What is none is for `SQLite` to refuse.
    pub(super) fn written(name: &str) -> Self {
        let name = [Name::NoCase, Name::RTrim]
            .into_iter()
            .find(|known| known.text().eq_ignore_ascii_case(name))
            .unwrap_or_default();
        Self {
            name,
            is_written: true,
        }
    }

    /// That of two values together.
    pub(super) fn with(self, other: Self) -> Self {
        let is_stronger = if self.is_written || other.is_written {
            self.is_written
        } else {
            self.name != Name::Binary
        };
        if is_stronger { self } else { other }
    }

    /// That of several values together.
    pub(super) fn of_all<'t>(values: impl IntoIterator<Item = &'t Typed>) -> Self {
        let collations = values.into_iter().map(|value| value.collation);
        collations.reduce(Self::with).unwrap_or_default()
    }

    /// That of a text which is made of others: as `SQLite` has it.
    pub(super) fn of_parts<'t>(values: impl IntoIterator<Item = &'t Typed>) -> Self {
        let mut collations = values.into_iter().map(|value| value.collation);
        collations
            .find(|collation| collation.is_written)
            .unwrap_or_default()
    }
}

/// What `SQLite` sees of a value whose collation is asked for.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub(super) collation: Collation,
    /// There is a COLLATE in its text.
    pub(super) has_collate: bool,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Column,
    /// A literal or a parameter.
    Constant,
    Other,
}

impl Side {
    pub(super) fn of(value: &Typed) -> Self {
        Self {
            collation: value.collation,
            has_collate: value.has_collate(),
            kind: match value.form {
                Form::Column => Kind::Column,
                Form::Text(_) | Form::Number | Form::Parameter(_) => Kind::Constant,
                Form::Row(_) | Form::Json | Form::Other => Kind::Other,
            },
        }
    }

    /// Whether `SQLite` takes this collation for a value that stands alone, or before all others.
    fn gives(self, wanted: Collation) -> bool {
        if self.has_collate {
            return self.collation.is_written && self.collation == wanted;
        }
        match self.kind {
            Kind::Column => self.collation.name == wanted.name,
            Kind::Constant | Kind::Other => wanted.name == Name::Binary,
        }
    }

    /// Whether `SQLite` takes this collation for a comparison of two.
    fn gives_beside(self, right: Self, wanted: Collation) -> bool {
        if self.has_collate {
            return self.gives(wanted);
        }
        if right.has_collate {
            return right.collation.is_written && right.collation == wanted;
        }
        if self.kind == Kind::Constant {
            return right.gives(wanted);
        }
        self.gives(wanted)
    }
}

impl Analyzer<'_> {
    /// The left side of a comparison of two.
    pub(super) fn collated_beside(&mut self, left: Typed, right: Side) -> Typed {
        let wanted = left.collation.with(right.collation);
        let is_given = Side::of(&left).gives_beside(right, wanted);
        self.collated_unless(is_given, left, wanted)
    }

    /// What is compared with each of several others, by one collation.
    pub(super) fn collated_among(&mut self, first: Typed, others: &[Typed]) -> Typed {
        let wanted = first.collation.with(Collation::of_all(others));
        let any_has = others.iter().any(Typed::has_collate);
        let side = Side::of(&first);
        let is_given = side.gives(wanted) && (side.has_collate || !any_has);
        self.collated_unless(is_given, first, wanted)
    }

    /// What is grouped or ordered by, or can be compared as a column of a subquery.
    pub(super) fn collated(&mut self, value: Typed) -> Typed {
        self.collated_among(value, &[])
    }

    /// The same for all of several.
    pub(super) fn all_collated(&mut self, values: Vec<Typed>) -> Vec<Typed> {
        values
            .into_iter()
            .map(|value| self.collated(value))
            .collect()
    }

    /// A value with this collation, whatever its own is.
    pub(super) fn collated_as(&mut self, value: Typed, name: Name) -> Typed {
        let is_given = value.collation.name == name;
        self.collated_unless(is_given, value, name.into())
    }

    fn collated_unless(&mut self, is_given: bool, value: Typed, wanted: Collation) -> Typed {
        let can_be_text = matches!(value.sql_type, None | Some(SqlType::Varchar { .. }));
        if is_given || !can_be_text || matches!(value.form, Form::Row(_)) {
            return value;
        }
        self.rewritten = true;
        value.with_collate(wanted.name)
    }
}

/// COLLATE binds more tightly than all operators.
pub(super) fn with_collate(text: &str, is_simple: bool, name: Name) -> String {
    if is_simple {
        format!("{text} COLLATE {}", name.text())
    } else {
        format!("({text}) COLLATE {}", name.text())
    }
}
