//! Prints the connection-string reference, `docs/connection-string.md`.

fn main() {
    print!("{}", apilink_core::properties::reference());
}
