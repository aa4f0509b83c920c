//! The invariants: what must hold after every step, whatever it was.

mod claims;
mod events;
mod flow;
mod leases;
mod outcomes;
mod retries;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use phaseline_engine::Settings;
use uuid::Uuid;

use super::{
    journal::{Change, Rows},
    op::{Answer, Op},
};

pub(super) use claims::handed_out;

/// A rule that does not hold.
#[derive(Debug, Clone)]
pub(super) struct Violation {
    pub(super) rule: &'static str,
    pub(super) found: String,
}

pub(super) type Verdict = Result<(), Violation>;

/// One step, looked at from all sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) op: &'a Op,
    pub(super) answer: Option<&'a Answer>,
    /// Every row, after the step.
    pub(super) rows: &'a Rows,
    pub(super) change: &'a Change,
    pub(super) settings: &'a Settings,
    pub(super) now: DateTime<Utc>,
}

pub(super) fn hold(holds: bool, rule: &'static str, found: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Violation { rule, found: found() }) }
}

/// Checks everything that a step can break.
pub(super) fn all(view: View<'_>) -> Verdict {
    if view.change.is_nothing() {
        return Ok(());
    }
    leases::check(view)?;
    retries::check(view)?;
    outcomes::check(view)?;
    events::check(view)?;
    flow::check(view)
}

/// The rows that a step touched, before and after.
fn touched<'a, T>(
    before: &'a std::collections::BTreeMap<Uuid, T>,
    after: &'a std::collections::BTreeMap<Uuid, T>,
) -> impl Iterator<Item = (Uuid, Option<&'a T>, Option<&'a T>)> {
    let ids: BTreeSet<Uuid> = before.keys().chain(after.keys()).copied().collect();
    ids.into_iter().map(|id| (id, before.get(&id), after.get(&id)))
}
