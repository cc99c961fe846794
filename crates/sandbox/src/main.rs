//! `clio-sandbox`: see the crate's README.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;

use clap::Parser as _;
use clio_sandbox::{Options, Sandbox};

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("clio-sandbox: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), String> {
    let (ready_file, until_stdin_closes) = (options.ready_file.clone(), options.until_stdin_closes);
    let sandbox = Sandbox::start(options)?;
    let base_url = sandbox.base_url();
    println!("listening on {base_url}");
    println!("documents at {}", sandbox.storage_url());
    io::stdout()
        .flush()
        .map_err(|error| format!("standard output: {error}"))?;
    if let Some(path) = ready_file {
        // Under another name first, so that whoever waits for the file finds it complete.
        let partial = path.with_extension("partial");
        std::fs::write(&partial, format!("{base_url}\n"))
            .and_then(|()| std::fs::rename(&partial, &path))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let (end, ended) = mpsc::channel();
    if until_stdin_closes {
        let end = end.clone();
        std::thread::spawn(move || {
            let mut sink = [0; 256];
            while matches!(io::stdin().read(&mut sink), Ok(count) if count > 0) {}
            // The receiver is gone only when the program is ending anyway.
            let _ = end.send(());
        });
    }
    wait_for_signal(end)?;
    // Fails only without senders; the signal thread keeps one.
    let _ = ended.recv();
    sandbox.stop();
    Ok(())
}

/// Sends when the program is asked to end.
fn wait_for_signal(end: mpsc::Sender<()>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("signals: {error}"))?;
    std::thread::spawn(move || {
        runtime.block_on(asked_to_end());
        let _ = end.send(());
    });
    Ok(())
}

#[cfg(unix)]
async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn asked_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
