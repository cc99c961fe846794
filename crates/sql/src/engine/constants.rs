//! What is certain about a program before it runs: the parts that it never reaches, and the values of
//! lists that the statement says. For people who ask what a statement is going to do.

use std::collections::HashSet;

use super::bytecode::{Instruction, last_write, writes};
use super::plan::Constant;
use crate::value::Value;

/// The addresses that a program may reach; conditions between numbers of the statement are decided.
pub(super) fn reached(program: &[Instruction]) -> HashSet<usize> {
    let mut reached = HashSet::new();
    let mut waiting = vec![0];
    while let Some(address) = waiting.pop() {
        if let Some(instruction) = program.get(address)
            && reached.insert(address)
        {
            let next = following(program, address, instruction).into_iter();
            waiting.extend(next.flatten());
        }
    }
    reached
}

/// Where a program may go from an instruction.
fn following(
    program: &[Instruction],
    address: usize,
    instruction: &Instruction,
) -> [Option<usize>; 3] {
    let target = |operand: i64| usize::try_from(operand).ok();
    let (next, jump) = (Some(address + 1), target(instruction.p2));
    match instruction.opcode.as_str() {
        "Halt" | "EndCoroutine" => [None; 3],
        "Goto" | "Init" => [jump, None, None],
        "Jump" => [target(instruction.p1), jump, target(instruction.p3)],
        "InitCoroutine" => [next, jump, target(instruction.p3)],
        opcode if !JUMPS.contains(&opcode) => [next, None, None],
        _ => match decided(program, address, instruction) {
            Some(true) => [jump, None, None],
            Some(false) => [next, None, None],
            None => [next, jump, None],
        },
    }
}

/// The instructions that may go to the address in their second operand. Any other goes on with the next.
const JUMPS: [&str; 52] = [
    "Gosub",
    "Yield",
    "Once",
    "If",
    "IfNot",
    "IsType",
    "IsNull",
    "NotNull",
    "Ne",
    "Eq",
    "Gt",
    "Le",
    "Lt",
    "Ge",
    "ElseEq",
    "IfNullRow",
    "SeekLT",
    "SeekLE",
    "SeekGE",
    "SeekGT",
    "SeekScan",
    "IfNotOpen",
    "IfNoHope",
    "NoConflict",
    "NotFound",
    "Found",
    "SeekRowid",
    "NotExists",
    "Last",
    "IfEmpty",
    "IfSizeBetween",
    "SorterSort",
    "Sort",
    "Rewind",
    "SorterNext",
    "Prev",
    "Next",
    "IdxLE",
    "IdxGT",
    "IdxLT",
    "IdxGE",
    "RowSetRead",
    "RowSetTest",
    "Program",
    "IfPos",
    "IfNotZero",
    "DecrJumpZero",
    "VFilter",
    "VNext",
    "Filter",
    "MustBeInt",
    "VInitIn",
];

/// Whether a condition jumps, where it compares numbers that the statement says.
fn decided(program: &[Instruction], address: usize, instruction: &Instruction) -> Option<bool> {
    let constant = |register| constant(program, address, register);
    let value = constant(instruction.p1)?;
    match instruction.opcode.as_str() {
        "If" => return Some(value.map_or(instruction.p3 != 0, |number| number != 0)),
        "IfNot" => return Some(value.map_or(instruction.p3 != 0, |number| number == 0)),
        _ => {}
    }
    let order = constant(instruction.p3)??.cmp(&value?);
    match instruction.opcode.as_str() {
        "Eq" => Some(order.is_eq()),
        "Ne" => Some(order.is_ne()),
        "Lt" => Some(order.is_lt()),
        "Le" => Some(order.is_le()),
        "Gt" => Some(order.is_gt()),
        "Ge" => Some(order.is_ge()),
        _ => None,
    }
}

/// The number in a register, or that it is NULL, where that is set just before, or in the set-up behind
/// the program's end and nowhere else.
fn constant(program: &[Instruction], address: usize, register: i64) -> Option<Option<i64>> {
    let is_plain =
        |one: &&Instruction| matches!(one.opcode.as_str(), "Integer" | "Null" | "Affinity");
    let mut before = program.get(..address)?.iter().rev().take_while(is_plain);
    let write = before.find(|one| writes(one, register)).or_else(|| {
        let mut all = program.iter().enumerate();
        let mut found = all.by_ref().filter(|(_, one)| writes(one, register));
        let (at, write) = found.next()?;
        (at > address && found.next().is_none()).then_some(write)
    })?;
    match write.opcode.as_str() {
        "Integer" => Some(Some(write.p1)),
        "Null" => Some(None),
        _ => None,
    }
}

/// The values of the list that a scan is given in a register, where the statement says them.
pub(super) fn list(
    program: &[Instruction],
    address: usize,
    register: i64,
) -> Option<Vec<Constant>> {
    let given = last_write(program, address, register).filter(|write| write.opcode == "VInitIn")?;
    let is = |one: &Instruction, opcode: &str| one.opcode == opcode && one.p1 == given.p1;
    let before = program.get(..address)?;
    let opened = before.iter().rposition(|one| is(one, "OpenEphemeral"))?;
    let filled = before.iter().rposition(|one| is(one, "IdxInsert"))?;
    let mut values = Vec::new();
    for one in before.get(opened + 1..=filled)? {
        let value = match one.opcode.as_str() {
            "MakeRecord" | "IdxInsert" => continue,
            "Null" => Value::Null,
            "Integer" => Value::Integer(one.p1),
            "Int64" => Value::Integer(one.p4.parse().ok()?),
            "Real" => Value::Real(one.p4.parse().ok()?),
            "String8" => Value::Text(one.p4.clone()),
            _ => return None,
        };
        values.push(Constant(value));
    }
    Some(values)
}
