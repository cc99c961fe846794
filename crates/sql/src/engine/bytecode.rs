//! What `SQLite` is going to do with each scan, read from the program that it made of a statement
//! (`EXPLAIN`): which columns it reads, whether a scan is repeated, and where its values come from.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::constants::{list, reached};
use super::plan::Constant;

/// One instruction of a program.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub(crate) opcode: String,
    pub(crate) p1: i64,
    pub(crate) p2: i64,
    pub(crate) p3: i64,
    pub(crate) p4: String,
}

/// What is known about the scans of a plan. Plans are numbered; several scans may share one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScanFacts {
    /// The columns that are read.
    pub(crate) columns: BTreeSet<usize>,
    /// Its row id is read.
    pub(crate) reads_rowid: bool,
    /// It is inside of a loop, so that it may begin many times.
    pub(crate) is_inner: bool,
    /// Whether the statement may leave it before its last row.
    pub(crate) stops: Stops,
    /// The number of places in the program where such a scan begins.
    pub(crate) places: usize,
    /// Where each of its values comes from.
    pub(crate) arguments: Vec<Source>,
    /// The values of each that is a list which the statement says.
    pub(crate) lists: Vec<Option<Vec<Constant>>>,
    /// A condition that no row can change keeps it from beginning.
    pub(crate) never_begins: bool,
}

/// What makes a statement leave a scan before its last row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stops {
    /// Nothing does.
    #[default]
    Never,
    /// Only the LIMIT of the statement. Where the scan was told that LIMIT, it has no row beyond.
    AtLimit,
    /// Something that is not known before.
    Anywhere,
}

/// Where a value given to a scan comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A column of the row at which a scan of this plan is.
    Column { plan: usize, column: usize },
    /// A value that does not change while the statement runs.
    Constant,
    /// Something computed on the way.
    Unknown,
}

/// Reads a program.
pub(crate) fn read(program: &[Instruction]) -> HashMap<usize, ScanFacts> {
    let mut facts: HashMap<usize, ScanFacts> = HashMap::new();
    let plans = plans_of_cursors(program);
    let loops = loops(program);
    let subroutines = subroutines(program);
    let reached = reached(program);
    for (address, instruction) in program.iter().enumerate() {
        if instruction.opcode == "VFilter" {
            let Some(plan) = plan_number(instruction) else {
                continue;
            };
            let registers = registers(program, address, instruction);
            let arguments: Vec<Source> = registers
                .clone()
                .map(|register| source(program, address, register, &plans, 0))
                .collect();
            let lists: Vec<Option<Vec<Constant>>> = registers
                .map(|register| list(program, address, register))
                .collect();
            let is_inner = is_repeated(address, instruction.p1, &loops, &subroutines, 0);
            let stops = stops(program, address, instruction.p1, &subroutines);
            let fact = facts.entry(plan).or_default();
            fact.stops = fact.stops.max(stops);
            fact.places += 1;
            fact.is_inner |= is_inner;
            let is_unreached = !reached.contains(&address);
            if fact.places == 1 {
                fact.arguments = arguments;
                fact.lists = lists;
                fact.never_begins = is_unreached;
            } else {
                fact.arguments = merged(&fact.arguments, &arguments);
                let pairs = fact.lists.iter_mut().zip(&lists);
                pairs
                    .filter(|(known, list)| **known != **list)
                    .for_each(|(known, _)| *known = None);
                fact.never_begins &= is_unreached;
            }
        }
    }
    for instruction in program {
        let Some(cursor_plans) = plans.get(&instruction.p1) else {
            continue;
        };
        for plan in cursor_plans {
            let fact = facts.entry(*plan).or_default();
            match instruction.opcode.as_str() {
                "VColumn" => {
                    fact.columns.extend(usize::try_from(instruction.p2).ok());
                }
                "Rowid" => fact.reads_rowid = true,
                _ => {}
            }
        }
    }
    facts
}

/// A scan that begins in several places has a known source only where they agree.
fn merged(one: &[Source], other: &[Source]) -> Vec<Source> {
    one.iter()
        .zip(other)
        .map(|(one, other)| if one == other { *one } else { Source::Unknown })
        .collect()
}

fn plan_number(instruction: &Instruction) -> Option<usize> {
    instruction.p4.trim().parse().ok()
}

/// The plans of each cursor.
fn plans_of_cursors(program: &[Instruction]) -> HashMap<i64, Vec<usize>> {
    let mut plans: HashMap<i64, Vec<usize>> = HashMap::new();
    for instruction in program {
        if instruction.opcode == "VFilter"
            && let Some(plan) = plan_number(instruction)
        {
            let known = plans.entry(instruction.p1).or_default();
            if !known.contains(&plan) {
                known.push(plan);
            }
        }
    }
    plans
}

/// The loops: the cursor that drives each, and its first and last address.
fn loops(program: &[Instruction]) -> Vec<(i64, usize, usize)> {
    program
        .iter()
        .enumerate()
        .filter(|(_, instruction)| {
            matches!(
                instruction.opcode.as_str(),
                "VNext" | "Next" | "Prev" | "SorterNext" | "Goto" | "RowSetRead"
            )
        })
        .filter_map(|(address, instruction)| {
            let from = usize::try_from(instruction.p2).ok()?;
            let cursor = if instruction.opcode == "Goto" {
                -1
            } else {
                instruction.p1
            };
            (from < address).then_some((cursor, from, address))
        })
        // The jump back to the beginning of the program, after its set-up, is no loop.
        .filter(|&(cursor, from, _)| cursor != -1 || from > 1)
        .collect()
}

/// A part of the program that others call, as the rows of groups are handed out.
struct Subroutine {
    from: usize,
    to: usize,
    /// Where it is called.
    calls: Vec<usize>,
    /// It counts rows for a LIMIT.
    counts: bool,
}

fn subroutines(program: &[Instruction]) -> Vec<Subroutine> {
    let mut found: Vec<Subroutine> = Vec::new();
    for (address, call) in program.iter().enumerate() {
        let Some(from) = (call.opcode == "Gosub")
            .then(|| usize::try_from(call.p2).ok())
            .flatten()
        else {
            continue;
        };
        if let Some(known) = found.iter_mut().find(|known| known.from == from) {
            known.calls.push(address);
            continue;
        }
        let within = || program.iter().enumerate().skip(from);
        let returns = |one: &Instruction| one.opcode == "Return" && one.p1 == call.p1;
        // It may return in several places.
        let to = within()
            .rfind(|(_, one)| returns(one))
            .map_or(from, |(to, _)| to);
        let leaves = |one: &Instruction| {
            usize::try_from(one.p2).is_ok_and(|target| target < from || to < target)
        };
        found.push(Subroutine {
            from,
            to,
            calls: vec![address],
            counts: within()
                .take_while(|&(at, _)| at <= to)
                .any(|(_, one)| counts(one) && leaves(one)),
        });
    }
    found
}

/// Whether an instruction may run again and again: in a loop that is not that of its own scan, or in a
/// subroutine that is called in one.
fn is_repeated(
    address: usize,
    cursor: i64,
    loops: &[(i64, usize, usize)],
    subroutines: &[Subroutine],
    depth: usize,
) -> bool {
    /// Subroutines call one another, but not in circles.
    const DEEPEST: usize = 8;
    let is_in_loop = loops
        .iter()
        .any(|&(other, from, to)| other != cursor && from <= address && address <= to);
    is_in_loop
        || (depth < DEEPEST
            && subroutines
                .iter()
                .filter(|part| part.from <= address && address <= part.to)
                .flat_map(|part| &part.calls)
                .any(|&call| is_repeated(call, cursor, loops, subroutines, depth + 1)))
}

fn counts(instruction: &Instruction) -> bool {
    instruction.opcode == "DecrJumpZero"
}

/// What in the loop over a scan leaves it: a LIMIT that is reached, the first row of an
/// EXISTS, the least of an ordered scan. A part of the program that hands rows to another part
/// (a coroutine) is left whenever that one is.
fn stops(
    program: &[Instruction],
    address: usize,
    cursor: i64,
    subroutines: &[Subroutine],
) -> Stops {
    let Some(end) = program
        .iter()
        .enumerate()
        .skip(address)
        .find(|(_, next)| next.opcode == "VNext" && next.p1 == cursor)
        .map(|(end, _)| end)
    else {
        return Stops::Anywhere;
    };
    let is_outside =
        |target: i64| usize::try_from(target).is_ok_and(|target| target > end || target < address);
    let in_loop = program.get(address + 1..end).unwrap_or_default();
    let mut leaving = in_loop
        .iter()
        .filter(|instruction| counts(instruction) || instruction.opcode == "Goto")
        .filter(|instruction| is_outside(instruction.p2))
        .peekable();
    let calls_counter = subroutines.iter().any(|part| {
        let is_within = |call: &usize| address < *call && *call < end;
        part.counts && part.calls.iter().any(is_within)
    });
    let is_in_coroutine = program.iter().take(address).any(|instruction| {
        instruction.opcode == "InitCoroutine"
            && usize::try_from(instruction.p2).is_ok_and(|end| address < end)
    });
    // The only row of an aggregate is counted too, and nothing left for it.
    let limits = program
        .iter()
        .zip(1..)
        .filter(|(instruction, next)| counts(instruction) && instruction.p2 != *next)
        .count();
    let leaves = leaving.peek().is_some() || calls_counter || (is_in_coroutine && limits > 0);
    if !leaves {
        Stops::Never
    } else if !is_in_coroutine && !calls_counter && limits == 1 && leaving.all(counts) {
        Stops::AtLimit
    } else {
        Stops::Anywhere
    }
}

/// The registers with the values given to a scan.
fn registers(program: &[Instruction], address: usize, filter: &Instruction) -> Range<i64> {
    // Register P3 has the index number, P3+1 the number of arguments; the arguments follow.
    let count = last_write(program, address, filter.p3 + 1)
        .filter(|write| write.opcode == "Integer")
        .map_or(0, |write| write.p1);
    let first = filter.p3 + 2;
    first..first + count
}

fn source(
    program: &[Instruction],
    address: usize,
    register: i64,
    plans: &HashMap<i64, Vec<usize>>,
    depth: usize,
) -> Source {
    /// Copies of copies are rare.
    const DEEPEST: usize = 4;
    let Some(write) = last_write(program, address, register) else {
        return Source::Unknown;
    };
    // COALESCE and CASE write one register in several places, of which one counts.
    if is_written_before(program, address, register, write) {
        return Source::Unknown;
    }
    match write.opcode.as_str() {
        "VColumn" => match (
            plans.get(&write.p1).map(Vec::as_slice),
            usize::try_from(write.p2),
        ) {
            (Some([plan]), Ok(column)) => Source::Column {
                plan: *plan,
                column,
            },
            _ => Source::Unknown,
        },
        "Integer" | "Int64" | "String8" | "String" | "Real" | "Blob" | "Variable" => {
            Source::Constant
        }
        "SCopy" | "Copy" | "IntCopy" if depth < DEEPEST => {
            source(program, address, write.p1, plans, depth + 1)
        }
        _ => Source::Unknown,
    }
}

/// The last instruction before `address` that writes a register. Constants may be set up behind the
/// program's end, so the rest is searched too.
pub(super) fn last_write(
    program: &[Instruction],
    address: usize,
    register: i64,
) -> Option<&Instruction> {
    let writes = |instruction: &&Instruction| writes(instruction, register);
    program
        .get(..address)?
        .iter()
        .rev()
        .find(writes)
        .or_else(|| program.get(address..)?.iter().rev().find(writes))
}

/// Whether a register is written shortly before its last write, in the same expression.
fn is_written_before(
    program: &[Instruction],
    address: usize,
    register: i64,
    last: &Instruction,
) -> bool {
    /// The length of an expression's program.
    const NEAR: usize = 24;
    let before = program.get(..address).unwrap_or_default();
    let Some(at) = before.iter().rposition(|one| std::ptr::eq(one, last)) else {
        return false;
    };
    let start = at.saturating_sub(NEAR);
    // What was written before a scan begins belongs to something else.
    let near = before.get(start..at).unwrap_or_default();
    let begin = near
        .iter()
        .rposition(|one| matches!(one.opcode.as_str(), "VFilter" | "VOpen" | "VNext"))
        .map_or(0, |begin| begin + 1);
    near.get(begin..)
        .unwrap_or_default()
        .iter()
        .any(|one| writes(one, register))
}

pub(super) fn writes(instruction: &Instruction, register: i64) -> bool {
    match instruction.opcode.as_str() {
        "Integer" | "Int64" | "String8" | "String" | "Real" | "Blob" | "Variable" | "Rowid" => {
            instruction.p2 == register
        }
        "Null" => instruction.p2 <= register && register <= instruction.p3.max(instruction.p2),
        "SCopy" | "IntCopy" => instruction.p2 == register,
        "Copy" => instruction.p2 <= register && register <= instruction.p2 + instruction.p3,
        // Functions and arithmetic leave their result in P3, as reading a column does.
        "VColumn" | "Column" | "Function" | "PureFunc" | "Add" | "Subtract" | "Multiply"
        | "Divide" | "Remainder" | "Concat" => instruction.p3 == register,
        // The list, and a place for its values.
        "VInitIn" => instruction.p2 == register || instruction.p3 == register,
        _ => false,
    }
}
