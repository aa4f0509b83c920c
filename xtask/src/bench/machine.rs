//! The machine that it was measured on.

use std::path::Path;

use serde::Serialize;

use super::{cases::Bench, world};

/// What a figure depends on besides the program.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    disk: String,
    sqlite: String,
    postgres: Option<String>,
}

impl Machine {
    /// This one.
    pub(crate) fn here(bench: &Bench) -> Self {
        let kib = field(&read("/proc/meminfo"), "MemTotal");
        let kib: f64 = kib.split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or_default();
        let postgres = bench.postgres.as_deref().and_then(|url| world::version(url).ok());
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: (kib / f64::from(1 << 20) * 10.0).round() / 10.0,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            disk: disk(&world::target()),
            sqlite: rusqlite::version().to_owned(),
            postgres,
        }
    }

    /// In a sentence.
    pub(crate) fn words(&self) -> String {
        let Self { processor, cores, memory_gib, kernel, disk, sqlite, postgres } = self;
        let postgres = postgres.as_deref().map_or_else(
            || "no PostgreSQL".to_owned(),
            |version| format!("PostgreSQL {version} on the same machine"),
        );
        format!(
            "{processor}, {cores} cores shared with the load generator and the database, \
             {memory_gib} GiB of memory, Linux {kernel}, {disk}; SQLite {sqlite}, {postgres}"
        )
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn field(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned())).unwrap_or_default()
}

/// The file system that a folder is on: what kind, and on which device.
fn disk(folder: &Path) -> String {
    let Ok(folder) = folder.canonicalize() else { return String::new() };
    let mounts = read("/proc/self/mounts");
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?, words.next()?, words.next()?))
    });
    let nearest = mounted
        .filter(|(_, at, _)| folder.starts_with(at))
        .max_by_key(|(_, at, _)| Path::new(at).components().count());
    nearest.map_or_else(String::new, |(device, _, kind)| format!("{kind} on {device}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_what_stands_behind_its_name() {
        assert_eq!(field("MemTotal:  24 kB\nMemFree: 1 kB", "MemTotal"), "24 kB");
        assert_eq!(field("", "MemTotal"), "");
    }
}
