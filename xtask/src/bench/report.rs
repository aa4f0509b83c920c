//! What people see of it: a bar, a line for each figure, a table, a page of Markdown, and JSON.

mod page;

use std::{fmt::Write as _, path::Path};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{
    cases::Bench,
    figure::{Figure, Verdict, median},
    machine::Machine,
    plots::Curve,
    targets::{Goal, Target},
};

/// The bar, a step for each group.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'f> {
    machine: Machine,
    rounds: usize,
    seconds: u32,
    quick: bool,
    took_s: u64,
    figures: &'f [Figure],
    curves: &'f [Curve],
}

impl Progress {
    pub(crate) fn new(groups: u64) -> Self {
        let bar = ProgressBar::new(groups);
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Self(bar)
    }

    /// What is going on.
    pub(crate) fn say(&self, message: &str) {
        self.0.set_message(message.to_owned());
    }

    /// That a figure is there.
    pub(crate) fn tell(&self, figure: &Figure) {
        let line = format!("{:<7} {}", mark(figure.verdict()), words(figure));
        if self.0.is_hidden() {
            println!("{line}");
        } else {
            self.0.println(line);
        }
    }

    /// That a group is done.
    pub(crate) fn step(&self) {
        self.0.inc(1);
    }

    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

impl<'f> Report<'f> {
    pub(crate) fn new(bench: &'f Bench) -> Self {
        Self {
            machine: Machine::here(bench),
            rounds: bench.rounds,
            seconds: bench.seconds,
            quick: bench.quick,
            took_s: bench.began.elapsed().as_secs(),
            figures: &bench.figures,
            curves: &bench.curves,
        }
    }

    /// What a run of everything would have measured and this one has not.
    pub(crate) fn unmeasured(&self) -> Vec<Goal> {
        let measured = |goal: &Goal| self.figures.iter().any(|figure| figure.goal == Some(*goal));
        Goal::ALL.into_iter().filter(|goal| !measured(goal)).collect()
    }

    /// A table for a terminal.
    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header(HEADER);
        for figure in self.figures {
            table.add_row(cells(figure));
        }
        table.to_string()
    }

    /// The machine and the run, in two lines.
    pub(crate) fn conditions(&self) -> String {
        let Self { machine, rounds, seconds, quick, took_s, .. } = self;
        let sizes =
            if *quick { "; small sizes (--quick), which the targets do not speak of" } else { "" };
        format!(
            "{}.\n{rounds} rounds of {seconds} s after a warm-up, floor and subject in turn; {} \
             minutes in all{sizes}.",
            machine.words(),
            took_s.div_ceil(60)
        )
    }

    /// Everything that was measured.
    pub(crate) fn write_json(&self, file: &Path) -> anyhow::Result<()> {
        Ok(std::fs::write(file, serde_json::to_string_pretty(self)? + "\n")?)
    }
}

const HEADER: [&str; 8] =
    ["what", "database", "clients", "measured", "floor", "value (spread)", "target", ""];

fn cells(figure: &Figure) -> [String; 8] {
    let Figure { name, database, connections, against, unit, floor, subject, .. } = figure;
    let connections = if *connections == 0 { String::new() } else { connections.to_string() };
    let measured = format!("{} {unit}{}", number(median(subject)), latency(figure));
    let floor = if floor.is_empty() {
        String::new()
    } else {
        format!("{} ({against})", number(median(floor)))
    };
    let (least, most) = figure.spread();
    let value = if figure.floor.is_empty() {
        format!("{} ({}–{})", number(figure.value()), number(least), number(most))
    } else {
        format!("{:.2} ({least:.2}–{most:.2})", figure.value())
    };
    let mut name = name.clone();
    if !figure.note.is_empty() {
        let _ = write!(name, " [{}]", figure.note);
    }
    [
        name,
        database.clone(),
        connections,
        measured,
        floor,
        value,
        target(figure.target),
        mark(figure.verdict()).to_owned(),
    ]
}

fn words(figure: &Figure) -> String {
    let [name, database, connections, measured, floor, value, target, _] = cells(figure);
    let clients =
        if connections.is_empty() { connections } else { format!(", {connections} clients") };
    let beside = if floor.is_empty() { floor } else { format!(" beside {floor}: {value}") };
    format!("{name} {database}{clients}: {measured}{beside}; wanted {target}")
}

fn latency(figure: &Figure) -> String {
    match (figure.p50_ms, figure.p99_ms) {
        (Some(p50), Some(p99)) => format!(", p50 {p50:.2} ms, p99 {p99:.2} ms"),
        (_, _) => String::new(),
    }
}

fn target(target: Target) -> String {
    match target {
        Target::AtLeast(least) => format!("≥ {least}"),
        Target::AtMost(most) => format!("≤ {most}"),
        Target::None => "–".to_owned(),
    }
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::WithinNoise => "nearly",
        Verdict::Missed => "MISSED",
        Verdict::Told => "",
    }
}

/// A number with as many digits as say something.
pub(crate) fn number(number: f64) -> String {
    if number >= 100.0 {
        let digits = format!("{number:.0}");
        let groups: Vec<&str> = digits
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|group| std::str::from_utf8(group).unwrap_or_default())
            .collect();
        groups.join(",")
    } else if number.fract() == 0.0 {
        format!("{number:.0}")
    } else if number >= 1.0 {
        format!("{number:.2}")
    } else {
        format!("{number:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_say_something() {
        let numbers = [0.0, 0.0234, 1.5, 16.0, 64.256, 100.4, 1_000.0, 1_234_567.8];
        let said = ["0", "0.023", "1.50", "16", "64.26", "100", "1,000", "1,234,568"];
        assert_eq!(numbers.map(number), said);
    }
}
