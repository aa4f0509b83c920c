//! What people see: a line for each thing that happens, and a bar that fills.

use std::{
    cell::RefCell,
    io::{self, IsTerminal, Write},
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// Long enough to follow, short enough for a few seconds in all.
const PAUSE: Duration = Duration::from_millis(45);

/// Writes lines, and keeps a bar on the terminal below them.
pub(super) struct Narrator {
    out: RefCell<Box<dyn Write>>,
    bar: ProgressBar,
    pause: Duration,
}

impl Narrator {
    /// A narrator who writes to standard output, at a pace that people can follow.
    pub(super) fn to_people() -> Self {
        let out = io::stdout();
        let pause = if out.is_terminal() { PAUSE } else { Duration::ZERO };
        Self { pause, ..Self::to(Box::new(out)) }
    }

    /// A narrator who writes as fast as it can.
    pub(super) fn to(out: Box<dyn Write>) -> Self {
        // Hidden by itself where standard error is no terminal.
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} tasks") {
            bar.set_style(style);
        }
        Self { out: RefCell::new(out), bar, pause: Duration::ZERO }
    }

    /// Begins a story of so many tasks.
    pub(super) fn begin(&self, tasks: usize) {
        self.bar.set_length(tasks as u64);
    }

    /// Tells of something that happened, in columns: to whom, where, and what.
    pub(super) fn say(&self, whom: &str, place: &str, what: &str) -> io::Result<()> {
        self.print(&format!("{whom:<8} {place:<15} {what}"))
    }

    /// Shows a text as it is.
    pub(super) fn print(&self, text: &str) -> io::Result<()> {
        self.bar.suspend(|| writeln!(self.out.borrow_mut(), "{}", text.trim_end()))?;
        thread::sleep(self.pause);
        Ok(())
    }

    /// One task is done.
    pub(super) fn advance(&self) {
        self.bar.inc(1);
    }

    /// All tasks are done.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
