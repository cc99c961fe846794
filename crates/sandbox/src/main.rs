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
    let (end, ended) = mpsc::channel();
    // Before anyone is told that the sandbox is there, and could want it to end.
    on_signal(end.clone())?;
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
    if until_stdin_closes {
        std::thread::spawn(move || {
            let mut sink = [0; 256];
            while matches!(io::stdin().read(&mut sink), Ok(count) if count > 0) {}
            // The receiver is gone only when the program is ending anyway.
            let _ = end.send(());
        });
    }
    // Fails only without senders; the signal thread keeps one.
    let _ = ended.recv();
    sandbox.stop();
    Ok(())
}

/// Sends when the program is asked to end; signals count from when this returns.
fn on_signal(end: mpsc::Sender<()>) -> Result<(), String> {
    let failed = |error: io::Error| format!("signals: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let mut signals = {
        let _within = runtime.enter();
        Signals::new().map_err(failed)?
    };
    std::thread::spawn(move || {
        runtime.block_on(signals.any());
        let _ = end.send(());
    });
    Ok(())
}

/// The signals that ask a program to end.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The signals that ask a program to end.
#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn any(&mut self) {
        // None would mean that no more signals can come.
        let _ = self.0.recv().await;
    }
}
