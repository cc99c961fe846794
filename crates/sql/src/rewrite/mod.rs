//! Statements in a form that lets the engine ask for less.
//!
//! `SQLite` plans joins and passes conditions on; but some forms of a query hide what the service
//! can do. Each rule here replaces one form by an equivalent one, and only where it is sure. The
//! text around it stays as it was. A rule says why what it writes means the same.

mod carried;
mod condition;
mod count;
mod edits;
mod either;
mod ends;
mod exists;
mod holder;
mod limit;
mod not_in;
mod not_null;
mod only_set;
mod propagate;
mod right_join;
mod scope;
mod semi_join;
mod star;
mod syntax;
#[cfg(test)]
mod tests;
mod tokens;

use std::borrow::Cow;
use std::slice::Iter;

use crate::catalog::Catalog;
use edits::Edits;
pub(crate) use limit::bounded;
pub(crate) use only_set::only_set;
pub(crate) use right_join::may_have_outer_join;
use scope::{Ctes, From};
pub(crate) use star::without_stars;
use syntax::{Core, Select};
use tokens::{Span, Tokens};

/// An arm of a SELECT that rules look at.
struct Place<'p> {
    tokens: &'p Tokens<'p>,
    catalog: &'p Catalog,
    ctes: &'p Ctes<'p>,
    select: &'p Select,
    core: &'p Core,
    /// `None`: there is none, or it has a form that is not known.
    from: Option<From<'p>>,
    /// It is not within another SELECT: the names of its columns do not matter.
    is_outermost: bool,
}

/// A rule, and the words without which it has nothing to do.
struct Rule {
    words: &'static [&'static str],
    apply: fn(&Place, &mut Edits),
}

/// The rules, in the order in which they are applied: what one writes, the next may read.
const RULES: [Rule; 10] = [
    Rule {
        words: &["RIGHT"],
        apply: right_join::apply,
    },
    Rule {
        words: &["EXISTS"],
        apply: exists::apply,
    },
    Rule {
        words: &["IN"],
        apply: carried::apply,
    },
    Rule {
        words: &["JOIN", ",", "IN"],
        apply: holder::apply,
    },
    Rule {
        words: &["COUNT"],
        apply: count::apply,
    },
    Rule {
        words: &["MIN", "MAX"],
        apply: ends::apply,
    },
    Rule {
        words: &["OR"],
        apply: either::apply,
    },
    Rule {
        words: &["NOT"],
        apply: not_in::apply,
    },
    Rule {
        words: &["JOIN", ","],
        apply: propagate::apply,
    },
    Rule {
        words: &["NULL", "NOTNULL"],
        apply: not_null::apply,
    },
];

/// An equivalent of a statement that lets the engine ask for less. The statement has to be valid;
/// one that cannot be read comes back as it is. The names of its columns may change.
pub(crate) fn rewrite<'s>(sql: &'s str, catalog: &Catalog) -> Cow<'s, str> {
    let mut sql = Cow::Borrowed(sql);
    let mut rules = RULES.iter();
    while let Some(changed) = first_change(&sql, catalog, &mut rules) {
        sql = Cow::Owned(changed);
    }
    sql
}

/// Applies one rule after the other up to the first that changes something.
fn first_change(sql: &str, catalog: &Catalog, rules: &mut Iter<Rule>) -> Option<String> {
    let tokens = Tokens::new(sql)?;
    let has = |word: &&str| {
        tokens
            .all()
            .any(|at| tokens.text(at).eq_ignore_ascii_case(word))
    };
    rules
        .filter(|rule| rule.words.iter().any(has))
        .find_map(|rule| Walk::of(rule, &tokens, catalog).apply(&tokens))
}

/// The way of a rule through all SELECTs of a statement.
struct Walk<'w> {
    tokens: &'w Tokens<'w>,
    catalog: &'w Catalog,
    apply: fn(&Place, &mut Edits),
    edits: Edits,
}

impl<'w> Walk<'w> {
    /// What a rule changes.
    fn of(rule: &Rule, tokens: &'w Tokens<'w>, catalog: &'w Catalog) -> Edits {
        let mut walk = Self {
            tokens,
            catalog,
            apply: rule.apply,
            edits: Edits::default(),
        };
        let ctes = Ctes {
            names: Vec::new(),
            parent: None,
        };
        walk.select(&tokens.all(), &ctes, true);
        walk.edits
    }

    fn select(&mut self, span: &Span, ctes: &Ctes, is_outermost: bool) {
        let Some(select) = Select::parse(self.tokens, span) else {
            return self.subqueries(span.clone(), ctes);
        };
        let own = Ctes {
            names: select.ctes.iter().map(|cte| cte.name.clone()).collect(),
            parent: Some(ctes),
        };
        for cte in &select.ctes {
            self.select(&cte.body, &own, false);
        }
        for core in &select.cores {
            let place = Place::new(
                self.tokens,
                self.catalog,
                &own,
                (&select, core),
                is_outermost,
            );
            (self.apply)(&place, &mut self.edits);
            self.subqueries(core.span.clone(), &own);
        }
        self.subqueries(select.tail.clone(), &own);
    }

    fn subqueries(&mut self, span: Span, ctes: &Ctes) {
        let (_, subqueries) = self.tokens.outside_subqueries(span);
        for subquery in subqueries {
            self.select(&subquery, ctes, false);
        }
    }
}

impl<'p> Place<'p> {
    fn new(
        tokens: &'p Tokens<'p>,
        catalog: &'p Catalog,
        ctes: &'p Ctes<'p>,
        (select, core): (&'p Select, &'p Core),
        is_outermost: bool,
    ) -> Self {
        let from = core
            .from
            .as_ref()
            .filter(|_| !core.is_opaque)
            .and_then(|span| From::parse(tokens, span, catalog, ctes));
        Self {
            tokens,
            catalog,
            ctes,
            select,
            core,
            from,
            is_outermost,
        }
    }

    /// The parts of WHERE that all have to be true.
    fn conjuncts(&self) -> Vec<Span> {
        self.core
            .condition
            .as_ref()
            .map(|condition| condition::conjuncts(self.tokens, condition))
            .unwrap_or_default()
    }
}
