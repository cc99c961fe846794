//! Statements by chance.

use std::fmt::Write as _;

use super::model::{Kind, Model};
use super::spelling::either;

/// A statement, and what of its rows can be compared.
pub struct Query {
    /// In both spellings.
    pub text: String,
    pub compared: Compared,
}

/// What of the rows of a statement is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The rows and their order.
    InOrder,
    /// The rows.
    Rows,
    /// How many rows there are, and that they are some of those without the bound, which the other
    /// spelling leaves out.
    Some { limit: usize, offset: usize },
}

/// A table in a query, under a name of its own.
#[derive(Clone)]
pub struct Source {
    pub table: usize,
    pub alias: String,
}

pub struct Maker<'m> {
    state: u64,
    pub(super) model: &'m Model,
    names: usize,
}

impl<'m> Maker<'m> {
    pub fn new(seed: u64, model: &'m Model) -> Self {
        Self {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            model,
            names: 0,
        }
    }

    /// A number below `end` (splitmix64).
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % end as u64).unwrap()
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let at = self.below(from.len());
        from[at].clone()
    }

    /// The position of one of several, by their weights.
    fn weighed(&mut self, weights: impl Iterator<Item = usize> + Clone) -> usize {
        let mut left = self.below(weights.clone().sum());
        weights
            .into_iter()
            .position(|weight| {
                let found = left < weight;
                left = left.saturating_sub(weight);
                found
            })
            .unwrap()
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("t{}", self.names)
    }

    fn source_of(&mut self, table: usize) -> Source {
        let alias = self.name();
        Source { table, alias }
    }

    /// A table that can be read on its own.
    fn source(&mut self) -> Source {
        let model = self.model;
        let table = self.weighed(model.tables.iter().map(|table| {
            if table.needs.is_some() {
                0
            } else {
                table.weight
            }
        }));
        self.source_of(table)
    }

    pub(super) fn named(&self, source: &Source) -> String {
        format!("{} {}", self.model.tables[source.table].name, source.alias)
    }

    pub(super) fn text(&self, source: &Source, column: usize) -> String {
        let column = &self.model.tables[source.table].columns[column].name;
        format!("{}.{column}", source.alias)
    }

    pub(super) fn kind(&self, source: &Source, column: usize) -> Kind {
        self.model.tables[source.table].columns[column].kind
    }

    pub(super) fn any_column(&mut self, source: &Source) -> usize {
        let model = self.model;
        let columns = &model.tables[source.table].columns;
        self.weighed(columns.iter().map(|column| column.weight))
    }

    pub(super) fn column(&mut self, source: &Source) -> String {
        let column = self.any_column(source);
        self.text(source, column)
    }

    pub(super) fn key(&self, source: &Source) -> Option<String> {
        let key = self.model.tables[source.table].key?;
        Some(self.text(source, key))
    }

    /// A table with one key.
    fn keyed(&mut self) -> (Source, String) {
        loop {
            let source = self.source();
            if let Some(key) = self.key(&source)
                && self.has_unique_key(&source)
                && self.kind(&source, self.model.tables[source.table].key.unwrap()) == Kind::Key
            {
                return (source, key);
            }
        }
    }

    /// The rows of arrays show records of other lists, some more than once.
    fn has_unique_key(&self, source: &Source) -> bool {
        let table = &self.model.tables[source.table];
        let Some(key) = table.key else { return false };
        let name = &table.columns[key].name;
        let sql = format!(
            "SELECT count({name}) = count(DISTINCT {name}) FROM {}",
            table.name
        );
        let rows = self.model.oracle.query(&sql, &[]).unwrap();
        rows[0][0] == apilink_sql::Value::Integer(1)
    }

    /// A table that is connected to another one, and the two sides of the condition: of the other, of
    /// the new one.
    fn neighbour(&mut self, of: &Source) -> (Source, String, String) {
        let model = self.model;
        let edges: Vec<_> = model
            .references
            .iter()
            .filter(|(from, _, to)| {
                (*from == of.table || *to == of.table)
                    && model.tables[*from].weight > 0
                    && model.tables[*to].weight > 0
                    && (*to != of.table || self.is_reached(*from, of))
                    && model.tables[*to].needs.is_none()
            })
            .copied()
            .collect();
        if edges.is_empty() {
            // By whatever they have in common.
            let other = self.source();
            let key = |maker: &Self, source: &Source| {
                maker.key(source).unwrap_or_else(|| maker.text(source, 0))
            };
            return (other.clone(), key(self, of), key(self, &other));
        }
        // Favourites are met more often.
        let other_end = |&(from, _, to): &(usize, usize, usize)| {
            let end = if from == of.table { to } else { from };
            model.tables[end].weight
        };
        let at = self.weighed(edges.iter().map(other_end));
        let (from, column, to) = edges[at];
        let is_forward = from == of.table && (to != of.table || self.chance(50));
        let other = self.source_of(if is_forward { to } else { from });
        let key = model.tables[to].key.unwrap();
        if is_forward {
            let sides = (self.text(of, column), self.text(&other, key));
            (other, sides.0, sides.1)
        } else {
            let sides = (self.text(of, key), self.text(&other, column));
            (other, sides.0, sides.1)
        }
    }

    /// Whether a table that needs its parent's key has it from its parent.
    fn is_reached(&self, table: usize, from: &Source) -> bool {
        let model = self.model;
        let Some(needs) = model.tables[table].needs else {
            return true;
        };
        model.references.contains(&(table, needs, from.table))
    }

    /// Whether a table takes the key that it needs from the other side.
    fn needs(&self, source: &Source) -> Option<String> {
        let needs = self.model.tables[source.table].needs?;
        Some(self.text(source, needs))
    }

    fn equal(&mut self, left: &str, right: &str) -> String {
        if self.chance(50) {
            format!("{left} = {right}")
        } else {
            format!("{right} = {left}")
        }
    }

    pub(super) fn filter(&mut self, sources: &[Source]) -> String {
        let mut conditions = Vec::new();
        for source in sources {
            if self.chance(55) {
                conditions.push(self.condition(source, 2));
            }
        }
        if conditions.is_empty() {
            return String::new();
        }
        format!(" WHERE {}", conditions.join(" AND "))
    }

    /// A few columns or expressions of each source.
    fn columns(&mut self, sources: &[Source]) -> String {
        let mut columns = Vec::new();
        for source in sources {
            for _ in 0..=self.below(2) {
                columns.push(if self.chance(30) {
                    self.expression(source)
                } else {
                    self.column(source)
                });
            }
        }
        columns.join(", ")
    }

    pub fn query(&mut self) -> Query {
        let rows = |text| Query {
            text,
            compared: Compared::Rows,
        };
        match self.below(22) {
            0 | 1 => self.plain(),
            2 => self.some(),
            3 | 4 => rows(self.grouped()),
            5..=7 => rows(self.joined()),
            8 | 9 => rows(self.related()),
            10 => self.combined(),
            11 | 12 => rows(self.counted()),
            13 | 14 => rows(self.windowed()),
            15 => rows(self.with_common_table()),
            16 | 17 => rows(self.derived()),
            18 => rows(self.recursive()),
            19 => rows(self.compared_rows()),
            20 => rows(self.counted_rows()),
            _ => rows(self.distinct()),
        }
    }

    fn plain(&mut self) -> Query {
        let (source, key) = self.keyed();
        let columns = self.columns(std::slice::from_ref(&source));
        let filter = self.filter(std::slice::from_ref(&source));
        let from = format!("{columns} FROM {}{filter}", self.named(&source));
        if self.chance(30) {
            return Query {
                text: format!("SELECT {from}"),
                compared: Compared::Rows,
            };
        }
        let direction = self.pick(&["", " DESC", " ASC"]);
        let mut order = format!("{key}{direction}");
        if self.chance(40) {
            let first = if self.chance(70) {
                self.column(&source)
            } else {
                self.expression(&source)
            };
            let direction = self.pick(&["", " DESC", " NULLS LAST", " DESC NULLS FIRST"]);
            order = format!("{first}{direction}, {order}");
        }
        let order = format!(" ORDER BY {order}");
        let (limit, offset) = (self.below(30), self.below(30));
        let (top, limit) = match self.below(7) {
            0 => (
                either(&format!("TOP {limit} "), ""),
                either("", &format!(" LIMIT {limit}")),
            ),
            1 | 2 => (String::new(), format!(" LIMIT {limit}")),
            3 => (String::new(), format!(" LIMIT {limit} OFFSET {offset}")),
            4 => (String::new(), format!(" LIMIT {offset}, {limit}")),
            5 => (
                String::new(),
                either(
                    &format!(" OFFSET {offset} ROWS FETCH NEXT {limit} ROWS ONLY"),
                    &format!(" LIMIT {limit} OFFSET {offset}"),
                ),
            ),
            _ => (String::new(), String::new()),
        };
        Query {
            text: format!("SELECT {top}{from}{order}{limit}"),
            compared: Compared::InOrder,
        }
    }

    /// Some rows of a table, whichever they are.
    fn some(&mut self) -> Query {
        let source = self.source();
        let columns = self.columns(std::slice::from_ref(&source));
        let filter = self.filter(std::slice::from_ref(&source));
        let limit = self.below(20);
        let offset = if self.chance(40) { self.below(10) } else { 0 };
        let mut bound = format!(" LIMIT {limit}");
        if offset > 0 {
            let _ = write!(bound, " OFFSET {offset}");
        }
        let from = format!("SELECT {columns} FROM {}{filter}", self.named(&source));
        Query {
            text: format!("{from}{}", either(&bound, "")),
            compared: Compared::Some { limit, offset },
        }
    }

    fn aggregate(&mut self, source: &Source) -> String {
        let at = self.any_column(source);
        let (column, kind) = (self.text(source, at), self.kind(source, at));
        let is_number = matches!(kind, Kind::Integer | Kind::Decimal);
        match self.below(10) {
            0 | 1 => "COUNT(*)".to_owned(),
            2 => format!("COUNT({column})"),
            3 => format!("COUNT(DISTINCT {column})"),
            4 => format!("MIN({column})"),
            5 => format!("MAX({column})"),
            6 if is_number => format!("SUM({column})"),
            7 if is_number => format!("AVG({column})"),
            8 => format!("COUNT(*) FILTER (WHERE {})", self.condition(source, 0)),
            9 => format!(
                "SUM(CASE WHEN {} THEN 1 ELSE 0 END)",
                self.condition(source, 0)
            ),
            _ => match self.key(source) {
                Some(key) => format!("MIN({key}), MAX({key})"),
                None => "COUNT(*)".to_owned(),
            },
        }
    }

    fn grouped(&mut self) -> String {
        let source = self.source();
        let filter = self.filter(std::slice::from_ref(&source));
        let aggregate = self.aggregate(&source);
        let from = format!("FROM {}{filter}", self.named(&source));
        if self.chance(40) {
            return format!("SELECT {aggregate} {from}");
        }
        let by = if self.chance(75) {
            self.column(&source)
        } else {
            self.expression(&source)
        };
        let group = self.pick(&["1", &by]);
        let having = match self.below(6) {
            0 => " HAVING COUNT(*) > 1".to_owned(),
            1 => format!(" HAVING COUNT(*) <= {}", self.below(5)),
            2 => format!(" HAVING {by} IS NOT NULL"),
            3 => format!(" HAVING MIN({}) IS NOT NULL", self.column(&source)),
            _ => String::new(),
        };
        let order = self.pick(&["", "", " ORDER BY 1", " ORDER BY 2 DESC, 1"]);
        format!("SELECT {by}, {aggregate} {from} GROUP BY {group}{having}{order}")
    }

    fn joined(&mut self) -> String {
        let first = self.source();
        let mut from = format!("FROM {}", self.named(&first));
        let mut sources = vec![first];
        let mut conditions = Vec::new();
        let mut has_outer = false;
        for _ in 0..=self.below(3).saturating_sub(usize::from(self.chance(30))) {
            let of = self.pick(&sources);
            let (other, left, right) = self.neighbour(&of);
            let condition = self.equal(&left, &right);
            let kind = if self.needs(&other).is_some() {
                self.pick(&["JOIN", "LEFT JOIN"])
            } else if conditions.is_empty() {
                self.pick(&["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", ","])
            } else {
                // An outer join would be one with all pairs of what stands before it.
                self.pick(&["JOIN", ","])
            };
            let name = self.named(&other);
            if kind == "," && !has_outer {
                let _ = write!(from, ", {name}");
                conditions.push(condition);
            } else {
                let kind = if kind == "," { "INNER JOIN" } else { kind };
                has_outer |= kind.contains("FULL") || kind.contains("RIGHT");
                let more = match self.below(10) {
                    0 | 1 => format!(" AND {}", self.condition(&other, 1)),
                    2 => format!(" AND {}", self.condition(&of, 0)),
                    _ => String::new(),
                };
                let _ = write!(from, " {kind} {name} ON {condition}{more}");
            }
            sources.push(other);
        }
        let filter = self.filter(&sources);
        let filter = match (filter.is_empty(), conditions.is_empty()) {
            (_, true) => filter,
            (true, false) => format!(" WHERE {}", conditions.join(" AND ")),
            (false, false) => format!("{filter} AND {}", conditions.join(" AND ")),
        };
        match self.below(8) {
            0 => format!("SELECT COUNT(*) {from}{filter}"),
            1 => {
                let source = self.pick(&sources);
                let by = self.column(&source);
                let other = self.pick(&sources);
                let aggregate = self.aggregate(&other);
                format!("SELECT {by}, {aggregate} {from}{filter} GROUP BY {by}")
            }
            2 => {
                let source = self.pick(&sources);
                format!("SELECT DISTINCT {} {from}{filter}", self.column(&source))
            }
            _ => format!("SELECT {} {from}{filter}", self.columns(&sources)),
        }
    }

    fn related(&mut self) -> String {
        let outer = self.source();
        let (inner, mine, theirs) = self.neighbour(&outer);
        let columns = self.columns(std::slice::from_ref(&outer));
        let inner_filter = self.condition(&inner, 1);
        let not = if self.chance(40) { "NOT " } else { "" };
        let from = format!("SELECT {columns} FROM {}", self.named(&outer));
        let more = if self.chance(40) {
            format!("{} AND ", self.condition(&outer, 1))
        } else {
            String::new()
        };
        let name = self.named(&inner);
        let needs = self.needs(&inner).is_some();
        if needs || self.chance(50) {
            let condition = self.equal(&mine, &theirs);
            let what = self.pick(&["1", "*", "NULL", "COUNT(*)"]);
            let what = if what == "*" && inner.table == outer.table {
                "1"
            } else {
                what
            };
            return format!(
                "{from} WHERE {more}{not}EXISTS (SELECT {what} FROM {name} WHERE {condition} AND \
                 {inner_filter})"
            );
        }
        let bound = match (self.below(8), self.key(&inner)) {
            (0, Some(key)) if self.has_unique_key(&inner) => {
                format!(" ORDER BY {key} LIMIT {}", self.below(20))
            }
            _ => String::new(),
        };
        let either_way = if self.chance(15) {
            format!(" OR {}", self.condition(&outer, 0))
        } else {
            String::new()
        };
        let filter = if self.chance(75) {
            format!(" WHERE {inner_filter}")
        } else {
            String::new()
        };
        format!(
            "{from} WHERE {more}({mine} {not}IN (SELECT {theirs} FROM {name}{filter}{bound}){either_way})"
        )
    }

    fn combined(&mut self) -> Query {
        let kind = self.pick(&[Kind::Key, Kind::Key, Kind::Text, Kind::Decimal, Kind::Date]);
        let side = |maker: &mut Self| {
            let (source, column) = loop {
                let source = maker.source();
                let column = maker.any_column(&source);
                if maker.kind(&source, column) == kind {
                    break (source, column);
                }
            };
            let filter = maker.filter(std::slice::from_ref(&source));
            let column = maker.text(&source, column);
            format!("SELECT {column} FROM {}{filter}", maker.named(&source))
        };
        let mut text = side(self);
        for _ in 0..=self.below(2) {
            let operator = self.pick(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]);
            let _ = write!(text, " {operator} {}", side(self));
        }
        if self.chance(40) {
            let direction = self.pick(&["", " DESC"]);
            let _ = write!(text, " ORDER BY 1{direction}");
            if self.chance(60) {
                let _ = write!(text, " LIMIT {} OFFSET {}", self.below(40), self.below(10));
            }
            return Query {
                text,
                compared: Compared::InOrder,
            };
        }
        Query {
            text,
            compared: Compared::Rows,
        }
    }

    /// A subquery with one value, which may look at a row of another table.
    fn scalar(&mut self, outer: &Source) -> String {
        let (inner, mine, theirs) = self.neighbour(outer);
        let condition = self.equal(&mine, &theirs);
        let filter = if self.chance(50) {
            format!(" AND {}", self.condition(&inner, 1))
        } else {
            String::new()
        };
        let from = format!("FROM {} WHERE {condition}{filter}", self.named(&inner));
        match (self.below(4), self.key(&inner)) {
            (0, Some(key)) if self.has_unique_key(&inner) => {
                let direction = self.pick(&["", " DESC"]);
                let column = self.column(&inner);
                format!("(SELECT {column} {from} ORDER BY {key}{direction} LIMIT 1)")
            }
            (1, _) => format!("(SELECT COUNT(*) {from})"),
            _ => {
                let column = self.column(&inner);
                let aggregate = self.pick(&["COUNT", "MIN", "MAX"]);
                format!("(SELECT {aggregate}({column}) {from})")
            }
        }
    }

    fn counted(&mut self) -> String {
        let outer = self.source();
        let columns = self.columns(std::slice::from_ref(&outer));
        let filter = self.filter(std::slice::from_ref(&outer));
        let scalar = self.scalar(&outer);
        let from = self.named(&outer);
        if self.chance(25) {
            let more = if filter.is_empty() {
                " WHERE"
            } else {
                &format!("{filter} AND")
            };
            let test = self.pick(&["IS NULL", "IS NOT NULL", "> 0", "= 0"]);
            let test = if scalar.starts_with("(SELECT COUNT") || test.starts_with("IS") {
                test
            } else {
                "IS NOT NULL"
            };
            return format!("SELECT {columns} FROM {from}{more} {scalar} {test}");
        }
        format!("SELECT {columns}, {scalar} FROM {from}{filter}")
    }

    fn windowed(&mut self) -> String {
        let (source, key) = self.keyed();
        let filter = self.filter(std::slice::from_ref(&source));
        let columns = self.columns(std::slice::from_ref(&source));
        let partition = if self.chance(70) {
            format!("PARTITION BY {} ", self.column(&source))
        } else {
            String::new()
        };
        let direction = self.pick(&["", " DESC"]);
        let at = self.any_column(&source);
        let (column, kind) = (self.text(&source, at), self.kind(&source, at));
        let is_number = matches!(kind, Kind::Integer | Kind::Decimal);
        let over = format!("OVER ({partition}ORDER BY {key}{direction})");
        let window = match self.below(9) {
            0 => format!("ROW_NUMBER() {over}"),
            1 => format!("RANK() OVER ({partition}ORDER BY {column}{direction})"),
            2 => format!("LAG({column}) {over}"),
            3 => format!("LEAD({column}, 2) {over}"),
            4 if is_number => format!("SUM({column}) {over}"),
            5 => format!("COUNT(*) OVER ({})", partition.trim()),
            6 => format!("FIRST_VALUE({column}) {over}"),
            7 => format!("MAX({column}) OVER ({})", partition.trim()),
            8 => format!(
                "COUNT({column}) OVER ({partition}ORDER BY {key} ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)"
            ),
            _ => format!("NTILE(4) {over}"),
        };
        let from = format!("FROM {}{filter}", self.named(&source));
        if self.chance(25) {
            return format!(
                "SELECT * FROM (SELECT {key} AS k, {window} AS w {from}) WHERE w IS NOT NULL"
            );
        }
        format!("SELECT {columns}, {window} {from}")
    }

    /// A subquery whose columns are `k`, a key, and `v`; and whether `k` is a key of a table.
    fn inner_select(&mut self) -> (Source, String) {
        let (source, key) = self.keyed();
        let filter = self.filter(std::slice::from_ref(&source));
        let value = if self.chance(70) {
            self.column(&source)
        } else {
            self.expression(&source)
        };
        let bound = match self.below(6) {
            0 => format!(" ORDER BY {key} LIMIT {}", self.below(40)),
            1 => format!(
                " ORDER BY {key} DESC LIMIT {} OFFSET {}",
                self.below(40),
                self.below(10)
            ),
            2 => format!(" ORDER BY {key}"),
            _ => String::new(),
        };
        let distinct = if bound.is_empty() && self.chance(15) {
            "DISTINCT "
        } else {
            ""
        };
        let from = self.named(&source);
        let text = format!("SELECT {distinct}{key} AS k, {value} AS v FROM {from}{filter}{bound}");
        (source, text)
    }

    fn with_common_table(&mut self) -> String {
        let (source, inner) = self.inner_select();
        let hint = self.pick(&["", "", "MATERIALIZED ", "NOT MATERIALIZED "]);
        let with = format!("WITH c AS {hint}({inner})");
        match self.below(5) {
            0 => format!("{with} SELECT * FROM c"),
            1 => format!("{with} SELECT a.k, b.v FROM c a JOIN c b ON a.k = b.k"),
            2 => format!("{with} SELECT k, v FROM c WHERE k > (SELECT MIN(k) FROM c) OR v IS NULL"),
            3 => {
                let inner = Source {
                    table: source.table,
                    alias: self.name(),
                };
                let key = self.key(&inner).unwrap();
                let columns = self.columns(std::slice::from_ref(&inner));
                format!(
                    "{with} SELECT {columns}, c.v FROM c JOIN {} ON {key} = c.k",
                    self.named(&inner)
                )
            }
            _ => format!(
                "{with}, d AS (SELECT v, COUNT(*) AS n FROM c GROUP BY v) SELECT d.v, d.n, (SELECT COUNT(*) FROM c) FROM d"
            ),
        }
    }

    fn derived(&mut self) -> String {
        let (source, inner) = self.inner_select();
        let as_if = Source {
            table: source.table,
            alias: "d".to_owned(),
        };
        let (other, mine, theirs) = self.neighbour(&as_if);
        let key = self.key(&as_if).unwrap();
        let kind = if self.needs(&other).is_some() {
            self.pick(&["JOIN", "LEFT JOIN"])
        } else {
            self.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        };
        let columns = self.columns(std::slice::from_ref(&other));
        let filter = self.filter(std::slice::from_ref(&other));
        if mine == key {
            let name = self.named(&other);
            return format!(
                "SELECT d.v, {columns} FROM ({inner}) d {kind} {name} ON {theirs} = d.k{filter}"
            );
        }
        let test = match self.below(3) {
            0 => " WHERE d.v IS NOT NULL",
            1 => " WHERE d.k IS NOT NULL ORDER BY d.k",
            _ => "",
        };
        format!("SELECT d.k, d.v FROM ({inner}) d{test}")
    }

    fn recursive(&mut self) -> String {
        let n = self.below(6) + 2;
        let numbers = format!(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {n})"
        );
        let (source, key) = self.keyed();
        let column = self.column(&source);
        let name = self.named(&source);
        match self.below(3) {
            0 => format!("{numbers} SELECT n.x, (SELECT COUNT({column}) FROM {name} WHERE {key} % {n} = n.x) FROM n"),
            1 => format!("{numbers} SELECT n.x, {column} FROM n JOIN {name} ON {key} = (SELECT MIN({key}) FROM {name}) + n.x"),
            _ => "WITH RECURSIVE up(id, depth) AS (SELECT id, 0 FROM contacts WHERE company_id IS NOT NULL \
                  UNION SELECT c.company_id, depth + 1 FROM contacts c JOIN up ON c.id = up.id WHERE c.company_id IS NOT NULL) \
                  SELECT id, MAX(depth) FROM up GROUP BY id".to_owned(),
        }
    }

    /// Comparisons of several columns at once.
    fn compared_rows(&mut self) -> String {
        let source = self.source();
        let columns = self.columns(std::slice::from_ref(&source));
        let (one, other) = (self.any_column(&source), self.any_column(&source));
        let literals = |maker: &mut Self| {
            let (left, right) = (maker.literal(&source, one), maker.literal(&source, other));
            format!("({left}, {right})")
        };
        let pair = format!(
            "({}, {})",
            self.text(&source, one),
            self.text(&source, other)
        );
        let condition = match self.below(4) {
            0 => {
                let some: Vec<String> = (0..=self.below(4)).map(|_| literals(self)).collect();
                format!("{pair} IN (VALUES {})", some.join(", "))
            }
            1 => format!("{pair} = {}", literals(self)),
            2 => format!(
                "{pair} {} {}",
                self.pick(&["<", "<=", ">", ">="]),
                literals(self)
            ),
            _ => {
                let inner = self.source_of(source.table);
                let filter = self.condition(&inner, 1);
                let (left, right) = (self.text(&inner, one), self.text(&inner, other));
                let not = self.pick(&["", "NOT "]);
                format!(
                    "{pair} {not}IN (SELECT {left}, {right} FROM {} WHERE {filter})",
                    self.named(&inner)
                )
            }
        };
        format!(
            "SELECT {columns} FROM {} WHERE {condition}",
            self.named(&source)
        )
    }

    fn counted_rows(&mut self) -> String {
        let inner = match self.below(5) {
            0 => self.joined(),
            1 => self.related(),
            2 => self.distinct(),
            3 => self.inner_select().1,
            _ => {
                let source = self.source();
                let filter = self.filter(std::slice::from_ref(&source));
                format!("SELECT * FROM {}{filter}", self.named(&source))
            }
        };
        format!("SELECT COUNT(*) FROM ({inner})")
    }

    fn distinct(&mut self) -> String {
        let source = self.source();
        let filter = self.filter(std::slice::from_ref(&source));
        let columns = self.columns(std::slice::from_ref(&source));
        format!(
            "SELECT DISTINCT {columns} FROM {}{filter}",
            self.named(&source)
        )
    }
}
