//! Generates the C header and gives the shared library its soname.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    write_header(&root);
    link_arguments();
}

/// Writes the header to the build directory, from where `make header` and the test that compares
/// it with the committed one take it: a build must not change the source tree.
fn write_header(root: &Path) {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("apilink.h");
    match cbindgen::generate(root) {
        Ok(bindings) => {
            let mut header = Vec::new();
            bindings.write(&mut header);
            let header = with_parentheses(&String::from_utf8_lossy(&header));
            if let Err(error) = fs::write(&out, header) {
                println!("cargo:warning=the C header was not written: {error}");
            }
            println!("cargo:rustc-env=APILINK_GENERATED_HEADER={}", out.display());
        }
        // A syntax error in src is better told by the compiler, which runs next.
        Err(error) => {
            let _ = fs::write(&out, "");
            println!("cargo:rustc-env=APILINK_GENERATED_HEADER={}", out.display());
            println!("cargo:warning=the C header was not generated: {error}");
        }
    }
}

/// cbindgen writes negative constants bare, and `-APILINK_NTS` would not compile.
fn with_parentheses(header: &str) -> String {
    let mut text = String::with_capacity(header.len());
    for line in header.lines() {
        match line.rsplit_once(" -") {
            Some((start, number)) if start.starts_with("#define ") => {
                text.extend([start, " (-", number, ")\n"]);
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

fn link_arguments() {
    let major = env::var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default();
    let minor = env::var("CARGO_PKG_VERSION_MINOR").unwrap_or_default();
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux" | "freebsd" | "android") => {
            // Before 1.0 a minor version may break the interface, so it is part of the soname.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libapilink.so.{major}.{minor}");
            // Threads and thread-local destructors of the library outlive a dlclose.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        Ok("macos") => {
            println!(
                "cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libapilink.{major}.{minor}.dylib"
            );
        }
        _ => {}
    }
}
