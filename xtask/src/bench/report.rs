//! What people see of it: a bar, a line for each figure, a table, a page of Markdown, and JSON.

use std::{fmt::Write as _, path::Path};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::figure::{Figure, Target, Verdict};

/// The bar, a step for each group.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

/// The machine that it was measured on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'f> {
    machine: Machine,
    rounds: usize,
    seconds: u32,
    quick: bool,
    figures: &'f [Figure],
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

impl Machine {
    /// This one.
    pub(crate) fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
                .unwrap_or_default()
        };
        let kib = field(&read("/proc/meminfo"), "MemTotal");
        let kib: f64 = kib.split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or_default();
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: (kib / (1 << 20) as f64 * 10.0).round() / 10.0,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

impl<'f> Report<'f> {
    pub(crate) fn new(bench: &'f super::cases::Bench) -> Self {
        Self {
            machine: Machine::here(),
            rounds: bench.rounds,
            seconds: bench.seconds,
            quick: bench.quick,
            figures: &bench.figures,
        }
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

    /// The same as Markdown, with the machine.
    pub(crate) fn markdown(&self) -> String {
        let Machine { processor, cores, memory_gib, kernel } = &self.machine;
        let mut page = format!(
            "{processor}, {cores} cores shared with the load generator and the database, {memory_gib} \
             GiB, Linux {kernel}. {} rounds of {} s, floor and subject in turn; medians.\n\n",
            self.rounds, self.seconds
        );
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        page += &row(&HEADER.map(str::to_owned));
        page += &format!("|{}\n", "---|".repeat(HEADER.len()));
        for figure in self.figures {
            page += &row(&cells(figure));
        }
        page
    }

    /// Everything that was measured.
    pub(crate) fn write_json(&self, file: &Path) -> anyhow::Result<()> {
        Ok(std::fs::write(file, serde_json::to_string_pretty(self)? + "\n")?)
    }
}

const HEADER: [&str; 8] =
    ["what", "database", "clients", "measured", "floor", "value", "target", ""];

fn cells(figure: &Figure) -> [String; 8] {
    let Figure { name, database, connections, against, unit, floor, subject, .. } = figure;
    let connections = if *connections == 0 { String::new() } else { connections.to_string() };
    let measured = format!("{} {unit}{}", number(super::figure::median(subject)), latency(figure));
    let floor = if floor.is_empty() {
        String::new()
    } else {
        format!("{} ({against})", number(super::figure::median(floor)))
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
fn number(number: f64) -> String {
    if number >= 100.0 {
        let digits = format!("{number:.0}");
        let groups: Vec<&str> = digits
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|group| std::str::from_utf8(group).unwrap_or_default())
            .collect();
        groups.join(",")
    } else {
        format!("{number:.2}")
    }
}
