//! Handles: tokens that name a slot of a table, never addresses.
//!
//! A token is made of the number of a slot (the lower half of its bits) and a generation (the
//! upper half). The generation is new for each handle, so a freed, forged or null token finds
//! nothing instead of something else. With 32-bit pointers the generation has 16 bits only, and a
//! token that was freed 65,535 handles ago may be in use again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use apilink_core::{Diagnostic, Result, SqlState};

use crate::boundary::{FaultPoint, pass};

const SLOT_BITS: u32 = usize::BITS / 2;
const SLOT_MASK: usize = (1 << SLOT_BITS) - 1;

/// The generation of the last handle. One for all registries of the process: a forked child goes
/// on from its parent's value, so that no inherited token can name one of the child's handles.
///
/// It begins where tokens of 64 bits are larger than every address of a user's program, so that a
/// stray pointer is never a token by chance.
static LAST_GENERATION: AtomicUsize = AtomicUsize::new(1 << 24);

/// A table of handles. Finding, inserting and removing take constant time.
pub struct Registry<T> {
    table: RwLock<Table<T>>,
}

struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
}

struct Slot<T> {
    generation: usize,
    value: Option<T>,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Registry<T> {
    /// A registry without handles.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            table: RwLock::new(Table {
                slots: Vec::new(),
                free: Vec::new(),
            }),
        }
    }

    /// Makes a handle for a value. The token is never 0.
    ///
    /// # Errors
    /// HY001 when there is no room for another handle.
    pub fn insert(&self, value: T) -> Result<usize> {
        let mut table = self.write();
        pass(FaultPoint::Registry);
        let slot = table.vacant_slot().ok_or_else(too_many)?;
        let generation = next_generation();
        if let Some(place) = table.slots.get_mut(slot) {
            *place = Slot {
                generation,
                value: Some(value),
            };
        }
        Ok(generation << SLOT_BITS | slot)
    }

    /// Takes the value out of a handle and ends the handle, if the value is one that `accept`
    /// accepts.
    pub fn remove(&self, token: usize, accept: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut table = self.write();
        pass(FaultPoint::Registry);
        let slot = table.slots.get_mut(token & SLOT_MASK)?;
        if slot.generation != token >> SLOT_BITS || !slot.value.as_ref().is_some_and(accept) {
            return None;
        }
        let value = slot.value.take();
        table.free.push(token & SLOT_MASK);
        value
    }

    fn read(&self) -> RwLockReadGuard<'_, Table<T>> {
        // A panic cannot come between the steps of a change: none of them can panic.
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table<T>> {
        // As above.
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Registry<T> {
    /// The value of a handle.
    pub fn get(&self, token: usize) -> Option<T> {
        let table = self.read();
        pass(FaultPoint::Registry);
        let slot = table.slots.get(token & SLOT_MASK)?;
        slot.value
            .as_ref()
            .filter(|_| slot.generation == token >> SLOT_BITS)
            .cloned()
    }
}

impl<T> Table<T> {
    /// A slot without a value. Makes room to give it back, so that removing allocates nothing.
    fn vacant_slot(&mut self) -> Option<usize> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        let slot = self.slots.len();
        if slot > SLOT_MASK {
            return None;
        }
        self.slots.try_reserve(1).ok()?;
        self.free.try_reserve(slot.checked_add(1)?).ok()?;
        self.slots.push(Slot {
            generation: 0,
            value: None,
        });
        Some(slot)
    }
}

/// Generation 0 is left out: it would make token 0 possible, and tokens that look like small
/// numbers.
fn next_generation() -> usize {
    loop {
        let generation = LAST_GENERATION
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1)
            & SLOT_MASK;
        if generation != 0 {
            return generation;
        }
    }
}

fn too_many() -> Diagnostic {
    Diagnostic::new(
        SqlState::OUT_OF_MEMORY,
        "There is no room for another handle. Free handles that are no longer needed.",
    )
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::cast_possible_wrap
    )]

    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_finds_its_value_until_it_is_removed() {
        let registry = Registry::new();
        let token = registry.insert("a").unwrap();
        assert_eq!(registry.get(token), Some("a"));
        assert_eq!(registry.remove(token, |_| false), None);
        assert_eq!(registry.remove(token, |_| true), Some("a"));
        assert_eq!(registry.get(token), None);
        assert_eq!(registry.remove(token, |_| true), None);
    }

    #[test]
    fn a_slot_that_is_used_again_has_another_token() {
        let registry = Registry::new();
        let first = registry.insert(1).unwrap();
        registry.remove(first, |_| true);
        let second = registry.insert(2).unwrap();
        assert_eq!(first & SLOT_MASK, second & SLOT_MASK);
        assert_ne!(first, second);
        assert_eq!(registry.get(first), None);
        assert_eq!(registry.table.read().unwrap().slots.len(), 1);
    }

    #[test]
    fn forged_tokens_find_nothing() {
        let registry = Registry::new();
        let token = registry.insert(1).unwrap();
        for forged in [
            0,
            1,
            0xdead_beef,
            usize::MAX,
            token ^ 1,
            token ^ (1 << SLOT_BITS),
        ] {
            assert_eq!(registry.get(forged), None, "{forged:#x}");
            assert_eq!(registry.remove(forged, |_| true), None, "{forged:#x}");
        }
    }

    #[test]
    fn two_registries_never_give_out_the_same_token() {
        let (first, second) = (Registry::new(), Registry::new());
        let token = first.insert(1).unwrap();
        second.insert(2).unwrap();
        assert_eq!(second.get(token), None);
    }

    #[test]
    fn a_panic_while_the_lock_is_held_does_no_harm() {
        let registry = Registry::new();
        let token = registry.insert(1).unwrap();
        let panicked =
            crate::boundary::catch(|| registry.remove(token, |_| unreachable!("a test")));
        assert!(panicked.is_none());
        assert!(registry.table.is_poisoned());
        assert_eq!(registry.get(token), Some(1));
        assert!(registry.insert(2).is_ok());
    }

    #[test]
    fn threads_can_use_it_side_by_side() {
        let registry = Registry::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let registry = &registry;
                scope.spawn(move || {
                    for number in 0..2_000 {
                        let token = registry.insert((thread, number)).unwrap();
                        assert_eq!(registry.get(token), Some((thread, number)));
                        assert_eq!(registry.remove(token, |_| true), Some((thread, number)));
                        assert_eq!(registry.get(token), None);
                    }
                });
            }
        });
        assert!(registry.table.read().unwrap().slots.len() <= 4);
    }

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..200)) {
            let registry = Registry::new();
            let mut expected = HashMap::new();
            let mut issued = Vec::new();
            for (number, (insert, index)) in steps.into_iter().enumerate() {
                if insert || issued.is_empty() {
                    let token = registry.insert(number).unwrap();
                    prop_assert!(token != 0 && !issued.contains(&token));
                    issued.push(token);
                    expected.insert(token, number);
                } else {
                    let token = *index.get(&issued);
                    prop_assert_eq!(registry.remove(token, |_| true), expected.remove(&token));
                }
                for token in &issued {
                    prop_assert_eq!(registry.get(*token), expected.get(token).copied());
                }
            }
        }
    }
}
