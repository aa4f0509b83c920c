//! Steps: commands run one after the other, each announced, with their durations at the end.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

/// The steps taken so far. Whether they all went well or one failed, the table of durations is
/// printed when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    taken: Vec<(String, Duration)>,
}

impl Steps {
    /// Announces a step, runs it, and remembers how long it took.
    ///
    /// # Errors
    /// What the step says.
    pub(crate) fn take(
        &mut self,
        name: &str,
        step: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        println!("\n==> {name}");
        let began = Instant::now();
        let outcome = step();
        self.taken.push((name.to_owned(), began.elapsed()));
        outcome.with_context(|| format!("the step failed: {name}"))
    }

    /// A step that is one command.
    ///
    /// # Errors
    /// The command cannot be started, or ends with another status than 0.
    pub(crate) fn run(&mut self, name: &str, mut command: Command) -> anyhow::Result<()> {
        self.take(name, || {
            let shown = shown(&command);
            let status = command.status().with_context(|| format!("cannot start {shown}"))?;
            if !status.success() {
                bail!("{shown} ended with {status}");
            }
            Ok(())
        })
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        println!();
        for (name, duration) in &self.taken {
            println!("{:>8.1} s  {name}", duration.as_secs_f64());
        }
    }
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
