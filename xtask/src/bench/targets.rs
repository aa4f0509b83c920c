//! What is wanted of the figures: one row for each number that the design asks for.

use serde::Serialize;

/// What is wanted of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// The subject reaches this part of its floor.
    AtLeast(f64),
    /// The subject takes no more than this: times its floor, or in its unit where there is none.
    AtMost(f64),
    /// It is only to be known.
    None,
}

/// A number that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    Heartbeat,
    Search,
    SearchInProcess,
    SearchOfMany,
    IndexChange,
    IndexPause,
    TransitionSqlite,
    TransitionSlowDisk,
    TransitionPostgres,
    TransitionPostgresFive,
    Creation,
    Pair,
    ReadSqlite,
    ReadPostgres,
    UpdateContext,
    Pack,
    PackAgain,
    Page,
    TransitionOfMany,
    Arrival,
    OpenStreams,
    StartEmpty,
    StartFull,
    MemoryIdle,
    MemoryFull,
}

impl Goal {
    /// All of them.
    pub(crate) const ALL: [Self; 25] = [
        Self::Heartbeat,
        Self::Search,
        Self::SearchInProcess,
        Self::SearchOfMany,
        Self::IndexChange,
        Self::IndexPause,
        Self::TransitionSqlite,
        Self::TransitionSlowDisk,
        Self::TransitionPostgres,
        Self::TransitionPostgresFive,
        Self::Creation,
        Self::Pair,
        Self::ReadSqlite,
        Self::ReadPostgres,
        Self::UpdateContext,
        Self::Pack,
        Self::PackAgain,
        Self::Page,
        Self::TransitionOfMany,
        Self::Arrival,
        Self::OpenStreams,
        Self::StartEmpty,
        Self::StartFull,
        Self::MemoryIdle,
        Self::MemoryFull,
    ];

    /// In words, as the design says it.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat ≥ 0.7 × echo",
            Self::Search => "search and best-fit among 100,000 agents ≥ 0.3 × hello of like size",
            Self::SearchInProcess => "search in process p99 < 100 µs at 100,000 agents",
            Self::SearchOfMany => "search in process p99 < 1 ms at 1,000,000 agents",
            Self::IndexChange => "register, update, heartbeat in the index < 20 µs each",
            Self::IndexPause => "no pause above 5 ms for readers of the index",
            Self::TransitionSqlite => "transition, SQLite, 64 connections ≥ 0.5 × 64 a commit",
            Self::TransitionSlowDisk => "transition, an fsync of 5 ms ≥ 8 × one a commit",
            Self::TransitionPostgres => "transition, PostgreSQL, 16 connections ≥ 0.5 × pgbench",
            Self::TransitionPostgresFive => "transition, PostgreSQL, beyond five statements",
            Self::Creation => "ticket made, task made, agent registered ≥ 0.4 × the same floors",
            Self::Pair => "claim + complete (a pair) ≥ 0.3 × the same floors",
            Self::ReadSqlite => "one ticket read ≥ 0.25 × hello on SQLite",
            Self::ReadPostgres => "one ticket read ≥ 0.15 × hello on PostgreSQL",
            Self::UpdateContext => "update-context, 1,000 completed tasks < 10 ms",
            Self::Pack => "the pack of four such phases into 2,000 tokens < 10 ms",
            Self::PackAgain => "reading the pack unchanged < 1 ms",
            Self::Page => "a page of any list at 1,000,000 rows < 1.5 × at 1,000 rows",
            Self::TransitionOfMany => "transition at 1,000,000 tickets < 1.3 × at 1,000 tickets",
            Self::Arrival => {
                "one event from the answer of its writer to an open stream p99 < 20 ms"
            }
            Self::OpenStreams => "1,000 open streams cost writers < 10 %",
            Self::StartEmpty => "start on an empty database < 150 ms",
            Self::StartFull => "start with 100,000 agents < 1 s",
            Self::MemoryIdle => "resident memory idle < 40 MiB",
            Self::MemoryFull => "resident memory with 100,000 agents < 120 MiB",
        }
    }

    /// In figures; the unit is that of what is measured.
    pub(crate) const fn target(self) -> Target {
        use Target::{AtLeast, AtMost};
        match self {
            Self::Heartbeat => AtLeast(0.7),
            Self::Search => AtLeast(0.3),
            Self::SearchInProcess => AtMost(100.0),
            Self::SearchOfMany => AtMost(1_000.0),
            Self::IndexChange => AtMost(20.0),
            Self::IndexPause => AtMost(5_000.0),
            Self::TransitionSqlite => AtLeast(0.5),
            Self::TransitionSlowDisk => AtLeast(8.0),
            Self::TransitionPostgres => AtLeast(0.5),
            Self::TransitionPostgresFive => AtLeast(1.0),
            Self::Creation => AtLeast(0.4),
            Self::Pair => AtLeast(0.3),
            Self::ReadSqlite => AtLeast(0.25),
            Self::ReadPostgres => AtLeast(0.15),
            Self::UpdateContext => AtMost(10.0),
            Self::Pack => AtMost(10.0),
            Self::PackAgain => AtMost(1.0),
            Self::Page => AtMost(1.5),
            Self::TransitionOfMany => AtMost(1.3),
            Self::Arrival => AtMost(20.0),
            Self::OpenStreams => AtLeast(0.9),
            Self::StartEmpty => AtMost(150.0),
            Self::StartFull => AtMost(1_000.0),
            Self::MemoryIdle => AtMost(40.0),
            Self::MemoryFull => AtMost(120.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row by row, as they were asked for.
    const ASKED: &str = "
        heartbeat | 0.7
        search and best-fit over HTTP | 0.3
        search in process | 100 1000
        keeping the index | 20 5000
        transition, SQLite | 0.5 8
        transition, PostgreSQL | 0.5 1
        made or registered | 0.4
        claim + complete | 0.3
        one ticket read | 0.25 0.15
        update-context, pack, again | 10 10 1
        a page of any list | 1.5
        transition among 1,000,000 | 1.3
        events and streams | 20 0.9
        start | 150 1000
        memory | 40 120";

    #[test]
    fn every_number_that_was_asked_for_is_a_target_in_that_order() {
        let rows = ASKED.lines().filter_map(|row| row.split_once('|'));
        let asked: Vec<f64> = rows
            .flat_map(|(_, numbers)| numbers.split_whitespace())
            .map(|number| number.parse().unwrap())
            .collect();
        let ours: Vec<f64> = Goal::ALL
            .iter()
            .filter_map(|goal| match goal.target() {
                Target::AtLeast(number) | Target::AtMost(number) => Some(number),
                Target::None => None,
            })
            .collect();
        assert_eq!(ours, asked);
    }

    #[test]
    fn no_target_stands_there_twice() {
        for (place, goal) in Goal::ALL.iter().enumerate() {
            assert!(!Goal::ALL[..place].contains(goal), "{goal:?}");
        }
    }
}
