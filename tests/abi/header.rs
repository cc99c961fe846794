//! The committed header: up to date, complete, documented.

use std::collections::BTreeSet;

use crate::header_text::{committed, committed_path, functions, generated};

/// To take the generated header over, run the tests with `UPDATE_HEADER=1`.
#[test]
fn the_committed_header_is_what_src_says() {
    assert!(
        !generated().is_empty(),
        "the build could not generate the header"
    );
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(committed_path(), generated()).unwrap();
    }
    assert!(
        committed() == generated(),
        "include/apilink.h is not what src says. Take the generated one over: \
         UPDATE_HEADER=1 cargo test --test abi header"
    );
}

#[test]
fn the_header_declares_what_exports_defines() {
    let source = include_str!("../../src/exports.rs");
    let defined: BTreeSet<&str> = source
        .split("extern \"C\" fn ")
        .skip(1)
        .map(|rest| rest.split('(').next().unwrap().trim())
        .collect();
    assert_eq!(
        source.matches("#[unsafe(no_mangle)]").count(),
        defined.len()
    );
    let functions = functions();
    let declared: BTreeSet<&str> = functions.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(declared, defined);
}

#[test]
fn versions_are_those_of_the_header() {
    let text = generated();
    let version = env!("CARGO_PKG_VERSION");
    let mut parts = version.split('.');
    assert!(text.contains(&format!("#define APILINK_VERSION \"{version}\"\n")));
    for name in ["MAJOR", "MINOR", "PATCH"] {
        let line = format!("#define APILINK_VERSION_{name} {}\n", parts.next().unwrap());
        assert!(text.contains(&line), "{line}");
    }
    let found = unsafe { std::ffi::CStr::from_ptr(apilink::exports::apilink_version()) };
    assert_eq!(found.to_str(), Ok(version));
    let abi = apilink::exports::apilink_abi_version();
    assert!(text.contains(&format!("#define APILINK_ABI_VERSION {abi}\n")));
}

/// The header is the reference: every parameter, every result, every function's threads.
#[test]
fn every_function_is_documented_in_full() {
    for function in functions() {
        let name = &function.name;
        let comment = &function.comment;
        for (_, parameter) in &function.parameters {
            assert!(
                comment.contains(&format!("@param {parameter} ")),
                "{name}: {parameter} is not documented"
            );
        }
        assert!(
            comment.contains("@return"),
            "{name}: the result is not documented"
        );
        assert!(
            comment.contains("Threads: any"),
            "{name}: its threads are not documented"
        );
        let fails = function.result == "int32_t" && !function.parameters.is_empty();
        if fails {
            assert!(
                comment.contains("APILINK_SUCCESS") || comment.contains("@return APILINK_NO_DATA"),
                "{name}"
            );
        }
        let takes_handle = [
            "apilink_connection *",
            "apilink_request *",
            "apilink_response *",
        ]
        .iter()
        .any(|handle| function.of_type(handle).next().is_some());
        if takes_handle {
            assert!(comment.contains("APILINK_INVALID_HANDLE"), "{name}");
        }
    }
}

#[test]
fn every_sqlstate_in_the_header_is_one_of_the_core() {
    let core = include_str!("../../crates/core/src/error.rs");
    let text = generated();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let states: BTreeSet<&str> = words
        .filter(|word| word.len() == 5)
        .filter(|word| {
            word.starts_with("HY")
                || (word.as_bytes()[..2].iter().all(u8::is_ascii_digit) && *word != "65536")
        })
        .collect();
    assert!(states.contains("HY008") && states.contains("08S01") && states.contains("22018"));
    for state in states {
        assert!(
            core.contains(&format!("\"{state}\"")),
            "{state} is not a state of the core"
        );
    }
}

#[test]
fn the_header_is_ascii_and_narrow() {
    for (number, line) in generated().lines().enumerate() {
        assert!(line.is_ascii(), "line {}: {line}", number + 1);
        assert!(line.len() <= 103, "line {} is too long: {line}", number + 1);
    }
}

/// The shared library that was built beside this test.
#[cfg(target_os = "linux")]
#[test]
fn the_shared_library_exports_exactly_the_functions_of_the_header() {
    let library = std::env::current_exe()
        .unwrap()
        .with_file_name("libapilink.so");
    let output = std::process::Command::new("nm")
        .args(["-D", "--defined-only", "--format=posix"])
        .arg(&library)
        .output()
        .expect("nm, of the Debian package binutils, is needed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let listing = String::from_utf8(output.stdout).unwrap();
    let exported: BTreeSet<&str> = listing
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let functions = functions();
    let declared: BTreeSet<&str> = functions.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(exported, declared);
}
