//! The SELECTs and LIMITs of a statement in the order of its text, which ties the syntax tree to
//! the tokens: the tree keeps no places.

use std::collections::HashMap;

use sqlite3_parser::ast::{
    Expr, FrameBound, FromClause, FunctionCallOrder, FunctionTail, JoinConstraint, Limit,
    OneSelect, Over, ResultColumn, Select, SelectTable, SortedColumn, Window,
};

use super::failure::{Outcome, Problem};

/// How deep expressions may be nested, as in `SQLite`. Chains of binary operators count once.
const MAX_DEPTH: usize = 250;

/// The number of each SELECT and each LIMIT, by the address of its node.
#[derive(Default)]
pub(super) struct Order {
    selects: HashMap<*const (), usize>,
    limits: HashMap<*const (), usize>,
    depth: usize,
}

impl Order {
    pub(super) fn of(select: &Select) -> Outcome<Self> {
        let mut order = Self::default();
        order.select(select)?;
        Ok(order)
    }

    /// The number of a SELECT; `None` for VALUES.
    pub(super) fn number(&self, select: &OneSelect) -> Option<usize> {
        self.selects.get(&address(select)).copied()
    }

    /// The number of a LIMIT.
    pub(super) fn limit_number(&self, limit: &Limit) -> Option<usize> {
        self.limits.get(&address(limit)).copied()
    }

    fn select(&mut self, select: &Select) -> Outcome<()> {
        for cte in select.with.iter().flat_map(|with| with.ctes) {
            self.select(cte.select)?;
        }
        self.one_select(&select.body.select)?;
        for compound in select.body.compounds.iter().flatten() {
            self.one_select(&compound.select)?;
        }
        self.sorted(select.order_by)?;
        if let Some(limit) = select.limit {
            let number = self.limits.len();
            self.limits.insert(address(limit), number);
            self.expr(&limit.expr)?;
            self.optional(limit.offset.as_ref())?;
        }
        Ok(())
    }

    fn one_select(&mut self, select: &OneSelect) -> Outcome<()> {
        match select {
            OneSelect::Select {
                columns,
                from,
                where_clause,
                group_by,
                having,
                window_clause,
                ..
            } => {
                let number = self.selects.len();
                self.selects.insert(address(select), number);
                for column in *columns {
                    if let ResultColumn::Expr(expr, _) = column {
                        self.expr(expr)?;
                    }
                }
                if let Some(from) = from {
                    self.from(from)?;
                }
                self.optional(*where_clause)?;
                self.all(group_by.unwrap_or_default())?;
                self.optional(*having)?;
                for definition in window_clause.unwrap_or_default() {
                    self.window(&definition.window)?;
                }
                Ok(())
            }
            OneSelect::Values(rows) => rows.iter().try_for_each(|row| self.all(row)),
        }
    }

    fn from(&mut self, from: &FromClause) -> Outcome<()> {
        if let Some(table) = from.select {
            self.table(table)?;
        }
        for join in from.joins.iter().flatten() {
            self.table(&join.table)?;
            if let Some(JoinConstraint::On(expr)) = &join.constraint {
                self.expr(expr)?;
            }
        }
        Ok(())
    }

    fn table(&mut self, table: &SelectTable) -> Outcome<()> {
        match table {
            SelectTable::Table(..) => Ok(()),
            SelectTable::TableCall(_, arguments, _) => self.all(arguments.unwrap_or_default()),
            SelectTable::Select(select, _) => self.select(select),
            SelectTable::Sub(from, _) => self.from(from),
        }
    }

    fn sorted(&mut self, columns: Option<&[SortedColumn]>) -> Outcome<()> {
        columns
            .unwrap_or_default()
            .iter()
            .try_for_each(|column| self.expr(&column.expr))
    }

    fn window(&mut self, window: &Window) -> Outcome<()> {
        self.all(window.partition_by.unwrap_or_default())?;
        self.sorted(window.order_by)?;
        let Some(frame) = &window.frame_clause else {
            return Ok(());
        };
        for bound in std::iter::once(&frame.start).chain(&frame.end) {
            if let FrameBound::Following(expr) | FrameBound::Preceding(expr) = bound {
                self.expr(expr)?;
            }
        }
        Ok(())
    }

    fn tail(&mut self, tail: Option<&FunctionTail>) -> Outcome<()> {
        let Some(tail) = tail else {
            return Ok(());
        };
        self.optional(tail.filter_clause)?;
        match tail.over_clause {
            Some(Over::Window(window)) => self.window(window),
            _ => Ok(()),
        }
    }

    fn all(&mut self, exprs: &[Expr]) -> Outcome<()> {
        exprs.iter().try_for_each(|expr| self.expr(expr))
    }

    fn optional(&mut self, expr: Option<&Expr>) -> Outcome<()> {
        expr.map_or(Ok(()), |expr| self.expr(expr))
    }

    fn expr(&mut self, expr: &Expr) -> Outcome<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Problem::syntax(format!(
                "An expression is nested more than {MAX_DEPTH} deep."
            ))
            .into());
        }
        self.nested(expr)?;
        self.depth -= 1;
        Ok(())
    }

    fn nested(&mut self, expr: &Expr) -> Outcome<()> {
        match expr {
            Expr::Binary(..) => {
                let (first, rest) = chain(expr);
                self.expr(first)?;
                rest.iter()
                    .rev()
                    .try_for_each(|(_, right)| self.expr(right))
            }
            Expr::Between {
                lhs, start, end, ..
            } => [lhs, start, end]
                .iter()
                .try_for_each(|expr| self.expr(expr)),
            Expr::Case {
                base,
                when_then_pairs,
                else_expr,
            } => {
                self.optional(*base)?;
                for (when, then) in *when_then_pairs {
                    self.expr(when)?;
                    self.expr(then)?;
                }
                self.optional(*else_expr)
            }
            Expr::Cast { expr, .. }
            | Expr::Collate(expr, _)
            | Expr::IsNull(expr)
            | Expr::NotNull(expr)
            | Expr::Unary(_, expr) => self.expr(expr),
            Expr::Exists(select) | Expr::Subquery(select) => self.select(select),
            Expr::FunctionCall {
                args,
                order_by,
                filter_over,
                ..
            } => {
                self.all(args.unwrap_or_default())?;
                if let Some(FunctionCallOrder::SortList(columns)) = order_by {
                    self.sorted(Some(columns))?;
                }
                self.tail(filter_over.as_ref())
            }
            Expr::FunctionCallStar { filter_over, .. } => self.tail(filter_over.as_ref()),
            Expr::InList { lhs, rhs, .. } => {
                self.expr(lhs)?;
                self.all(rhs.unwrap_or_default())
            }
            Expr::InSelect { lhs, rhs, .. } => {
                self.expr(lhs)?;
                self.select(rhs)
            }
            Expr::InTable { lhs, args, .. } => {
                self.expr(lhs)?;
                self.all(args.unwrap_or_default())
            }
            Expr::Like {
                lhs, rhs, escape, ..
            } => {
                self.expr(lhs)?;
                self.expr(rhs)?;
                self.optional(*escape)
            }
            Expr::Parenthesized(exprs) => self.all(exprs),
            _ => Ok(()),
        }
    }
}

/// The leftmost operand of a chain of binary operators, and the others from the right to the left.
pub(super) fn chain<'e, 'b>(
    expr: &'e Expr<'b>,
) -> (
    &'e Expr<'b>,
    Vec<(sqlite3_parser::ast::Operator, &'e Expr<'b>)>,
) {
    let mut rest = Vec::new();
    let mut first = expr;
    while let Expr::Binary(left, operator, right) = first {
        rest.push((*operator, *right));
        first = left;
    }
    (first, rest)
}

fn address<T>(node: &T) -> *const () {
    std::ptr::from_ref(node).cast()
}
