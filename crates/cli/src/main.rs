//! The command-line tool of apilink.

#[allow(dead_code, reason = "called by the command line, which is yet to come")]
mod profile;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    match profile::run(&arguments) {
        Ok(text) => print!("{text}"),
        Err(error) => eprintln!("{error}"),
    }
}
