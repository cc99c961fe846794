//! `live-check`: finds out on a real account, by reading only, what Clio's documentation leaves
//! open. It reports statuses, counts, names of fields and headers, and never what a record holds.

mod checks;
mod counts;
mod lists;
mod probe;

use std::collections::VecDeque;
use std::sync::Arc;

use apilink_core::session::Session;
use apilink_core::{Diagnostic, Result, SqlState};
use apilink_sql::types::SqlType;
use apilink_sql::{ResultColumn, Value, ValueRef};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::{ConnectionArgs, LiveCheckArgs};
use crate::connection::ConnectionSource;
use crate::failure::{Failure, Outcome};
use crate::interrupt::{self, Interruptible};
use crate::output;
use crate::rows::{ListedRows, RowSource, column, value_of};
use probe::Probe;

/// A check: its name for `--only`, what it is about, and what it does.
pub struct Check {
    name: &'static str,
    about: &'static str,
    scope: Scope,
}

/// What a check looks at.
enum Scope {
    /// The service.
    Service(fn(&mut Probe<'_>) -> Result<()>),
    /// Every list, one after another.
    EachList(fn(&mut Probe<'_>, &lists::List<'_>) -> Result<()>),
}

/// Something that was found out.
#[derive(Debug)]
pub struct Finding {
    /// The table, or empty.
    subject: String,
    /// What is said, in Clio's documentation or by others.
    claim: &'static str,
    verdict: Verdict,
    evidence: String,
}

/// Whether what is said is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Confirmed,
    /// It is not.
    Contradicted,
    /// This account does not show it.
    Unclear,
}

impl Verdict {
    fn of(is_so: bool) -> Self {
        if is_so {
            Self::Confirmed
        } else {
            Self::Contradicted
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Contradicted => "contradicted",
            Self::Unclear => "could not tell",
        }
    }
}

/// `live-check`.
pub fn live_check(connection: &ConnectionArgs, args: &LiveCheckArgs) -> Outcome {
    let chosen = choose(&args.only)?;
    let file = args.output.file.as_deref();
    let format = args.output.format()?;
    let write = |rows: &mut dyn RowSource, before_first: &dyn Fn()| {
        let options = args.output.listing_options();
        output::write(rows, format, &options, file, before_first)
    };
    if args.list {
        let rows = chosen
            .iter()
            .map(|check| [check.name, check.about].map(|text| Some(text.to_owned())))
            .collect();
        return write(&mut ListedRows::of_texts(["check", "about"], rows), &|| ());
    }
    let source = ConnectionSource::find(connection, args.target.as_deref())?;
    let mut settings = source.settings()?;
    if settings.profile.name != "Clio" {
        return Err(Failure::Usage(
            "The checks are about Clio, and the profile is another one.".to_owned(),
        ));
    }
    settings.readonly = true;
    let cancel = interrupt::begin();
    let session = source.connect_with(settings, &cancel)?;
    let mut run = Run::new(session, cancel, &chosen);
    let line = run.line.clone();
    let written = write(&mut run, &|| line.finish_and_clear());
    line.finish_and_clear();
    written
}

fn choose(only: &[String]) -> Outcome<Vec<&'static Check>> {
    if only.is_empty() {
        return Ok(checks::ALL.iter().collect());
    }
    only.iter()
        .map(|name| {
            checks::ALL
                .iter()
                .find(|check| check.name == name)
                .ok_or_else(|| {
                    Failure::Usage(format!(
                        "There is no check {name}. The option --list lists them."
                    ))
                })
        })
        .collect()
}

/// The findings of checks, made as they are read.
struct Run {
    session: Arc<Session>,
    cancel: Interruptible,
    columns: Vec<ResultColumn>,
    /// Checks to come, with the table that each looks at.
    steps: VecDeque<(&'static Check, Option<usize>)>,
    found: VecDeque<(&'static Check, Finding)>,
    /// The finding that is shown.
    row: Vec<Value>,
    line: ProgressBar,
}

impl Run {
    fn new(session: Arc<Session>, cancel: Interruptible, chosen: &[&'static Check]) -> Self {
        let tables = session.settings().profile.tables();
        let mut steps = VecDeque::new();
        for &check in chosen {
            match check.scope {
                Scope::Service(_) => steps.push_back((check, None)),
                Scope::EachList(_) => {
                    let known = tables.iter().enumerate();
                    let lists = known.filter(|(_, table)| lists::List::of(table).is_some());
                    steps.extend(lists.map(|(index, _)| (check, Some(index))));
                }
            }
        }
        // Invisible where standard error is no terminal.
        let line = ProgressBar::new(steps.len() as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len}: {msg}") {
            line.set_style(style);
        }
        let names = ["check", "table", "claim", "verdict", "evidence"];
        Self {
            session,
            cancel,
            columns: names.map(|name| column(name, SqlType::TEXT)).to_vec(),
            steps,
            found: VecDeque::new(),
            row: Vec::new(),
            line,
        }
    }

    /// Makes one check. What goes wrong on the way is a finding, unless nothing can go on.
    fn step(&mut self, check: &'static Check, table: Option<usize>) -> Result<()> {
        let session = Arc::clone(&self.session);
        let table = table.and_then(|index| session.settings().profile.tables().get(index));
        let subject = table.map_or("", |table| &table.name);
        self.line.set_message(format!("{} {subject}", check.name));
        let mut probe = Probe::new(&session, &self.cancel);
        let done = match (&check.scope, table.and_then(lists::List::of)) {
            (Scope::Service(run), _) => run(&mut probe),
            (Scope::EachList(run), Some(list)) => run(&mut probe, &list),
            (Scope::EachList(_), None) => Ok(()),
        };
        let mut findings = probe.into_findings();
        if let Err(problem) = done {
            if is_final(&problem) {
                return Err(problem);
            }
            findings.push(Finding {
                subject: subject.to_owned(),
                claim: check.about,
                verdict: Verdict::Unclear,
                evidence: problem.message,
            });
        }
        self.found
            .extend(findings.into_iter().map(|finding| (check, finding)));
        self.line.inc(1);
        Ok(())
    }
}

/// Whether there is no point in going on.
fn is_final(problem: &Diagnostic) -> bool {
    matches!(
        problem.sqlstate,
        SqlState::CANCELLED | SqlState::AUTHORIZATION | SqlState::CANNOT_CONNECT
    )
}

impl RowSource for Run {
    fn columns(&self) -> &[ResultColumn] {
        &self.columns
    }

    fn advance(&mut self) -> Result<bool> {
        loop {
            if let Some((check, finding)) = self.found.pop_front() {
                let subject = Some(finding.subject).filter(|subject| !subject.is_empty());
                let text = |text: &str| Value::Text(text.to_owned());
                self.row = vec![
                    text(check.name),
                    subject.map_or(Value::Null, Value::Text),
                    text(finding.claim),
                    text(finding.verdict.text()),
                    Value::Text(finding.evidence),
                ];
                return Ok(true);
            }
            let Some((check, table)) = self.steps.pop_front() else {
                return Ok(false);
            };
            self.step(check, table)?;
        }
    }

    fn value(&self, column: usize) -> ValueRef<'_> {
        value_of(Some(&self.row), column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_checks_are_distinct_and_can_be_chosen() {
        let mut names: Vec<&str> = checks::ALL.iter().map(|check| check.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        let only = names.iter().map(|name| (*name).to_owned());
        assert_eq!(
            choose(&only.collect::<Vec<_>>()).map(|all| all.len()).ok(),
            Some(count)
        );
        assert!(choose(&["nonsense".to_owned()]).is_err());
    }
}
