//! What of a gate is met, what is not, and who could change that.

use std::{cmp::Ordering, collections::BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{Display, EnumIter, EnumString};

use super::criterion::Shortfall;
use crate::{
    Approval, ArtifactDemand, Evidence, Gate, GateFacts, Grade, TaskCounts, workflow::list,
};

/// What a point of a gate asks for, as a name that programs can rely on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumIter, EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum GateCode {
    /// An artifact.
    Artifact,
    /// That all tasks of the phase are completed.
    TasksCompleted,
    /// Approvals.
    Approvals,
}

/// One thing that a gate asks for, and whether it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatePoint {
    /// What kind of thing it is.
    pub code: GateCode,
    /// Whether it is there.
    pub met: bool,
    /// What is asked for, as a sentence.
    pub demand: String,
    /// What there is, and where that is not enough, why.
    pub found: String,
    /// Who could bring it about.
    pub satisfied_by: String,
    /// The type of the artifact asked for, if it is one.
    pub artifact_type: Option<String>,
}

/// What of a gate is met: its artifacts in its order, then the tasks, then the approvals.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GateReport {
    /// A point for each thing that the gate asks for.
    pub points: Vec<GatePoint>,
}

impl GateReport {
    /// Whether everything is there.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.unmet().next().is_none()
    }

    /// What is not there.
    pub fn unmet(&self) -> impl Iterator<Item = &GatePoint> {
        self.points.iter().filter(|point| !point.met)
    }
}

/// Holds a gate against what there is.
///
/// ```
/// use phaseline_phases::gate::{self, Evidence, GateFacts, GatePlan, Grade};
/// use phaseline_phases::{Artifact, Phase};
/// use serde_json::json;
///
/// let content = Some(json!({ "all_passed": false }));
/// let results = Artifact { kind: "test_results".to_owned(), path: None, content };
/// let evidence = [Evidence { artifact: &results, grade: Grade::Ci, by: Some("ada") }];
/// let facts = GateFacts { evidence: &evidence, ..GateFacts::default() };
///
/// let plan = GatePlan::standard();
/// let gate = plan.gate(&Phase::Testing.id()).unwrap();
/// let report = gate::evaluate(gate, &facts);
/// let unmet = report.unmet().next().unwrap();
/// assert_eq!(unmet.demand, "there must be an artifact of type test_results with all_passed true");
/// assert_eq!(unmet.found, "the only one, by ada, has all_passed false");
/// ```
#[must_use]
pub fn evaluate(gate: &Gate, facts: &GateFacts<'_>) -> GateReport {
    let Gate { artifacts, tasks_completed, approvals } = gate;
    let artifacts = artifacts.iter().map(|demand| artifact_point(demand, facts.evidence));
    let tasks = tasks_completed.then(|| tasks_point(facts.tasks));
    let approvals = (*approvals > 0).then(|| approvals_point(*approvals, facts));
    GateReport { points: artifacts.chain(tasks).chain(approvals).collect() }
}

fn artifact_point(demand: &ArtifactDemand, evidence: &[Evidence<'_>]) -> GatePoint {
    let of_type = evidence.iter().filter(|piece| piece.artifact.kind == demand.kind);
    let mut judged: Vec<_> = of_type.map(|piece| (piece, shortfalls(demand, piece))).collect();
    judged.sort_by(|(one, short), (other, shorter)| {
        compare(short, shorter).then_with(|| other.grade.cmp(&one.grade))
    });
    let count = judged.len();
    let best = judged.first();
    let found = best.map_or_else(
        || "there is none".to_owned(),
        |(piece, shortfalls)| best_of(count, piece, shortfalls),
    );
    let with: Vec<String> = demand.criteria.iter().map(|criterion| criterion.asks()).collect();
    let with =
        if with.is_empty() { String::new() } else { format!(" with {}", list(&with, "and")) };
    let grade = match demand.grade {
        Grade::SelfReported => "",
        Grade::Peer => " of grade peer or ci",
        Grade::Ci => " of grade ci",
    };
    let kind = &demand.kind;
    GatePoint {
        code: GateCode::Artifact,
        met: best.is_some_and(|(_, shortfalls)| shortfalls.iter().flatten().next().is_none()),
        demand: format!("there must be an artifact of type {kind}{grade}{with}"),
        found,
        satisfied_by: format!("whoever adds an artifact of type {kind}{grade}"),
        artifact_type: Some(kind.clone()),
    }
}

/// Where a piece falls short of each criterion, and last of the grade.
fn shortfalls(demand: &ArtifactDemand, piece: &Evidence<'_>) -> Vec<Option<Shortfall>> {
    let content = piece.artifact.content.as_ref().unwrap_or(&Value::Null);
    let criteria = demand.criteria.iter().map(|criterion| criterion.shortfall(content));
    let grade = (piece.grade < demand.grade).then(|| Shortfall {
        says: format!("is only of grade {}", piece.grade),
        nearness: f64::from(piece.grade as u8),
    });
    criteria.chain([grade]).collect()
}

/// What comes nearer is less: fewer shortfalls, or as many and nearer in the first that differs.
fn compare(one: &[Option<Shortfall>], other: &[Option<Shortfall>]) -> Ordering {
    let count = |all: &[Option<Shortfall>]| all.iter().flatten().count();
    let nearness = |short: &Option<Shortfall>| short.as_ref().map_or(f64::INFINITY, |s| s.nearness);
    let nearer = one.iter().zip(other).map(|(a, b)| nearness(b).total_cmp(&nearness(a)));
    count(one).cmp(&count(other)).then_with(|| nearer.fold(Ordering::Equal, Ordering::then))
}

fn best_of(count: usize, piece: &Evidence<'_>, shortfalls: &[Option<Shortfall>]) -> String {
    let by = piece.by.map(|by| format!(", by {by},")).unwrap_or_default();
    let which = if count == 1 { "only one".to_owned() } else { format!("best of {count}") };
    let short = shortfalls.iter().flatten();
    let says: Vec<&str> = short.map(|shortfall| shortfall.says.as_str()).collect();
    let says = match says.as_slice() {
        [] => format!("will do, being of grade {}", piece.grade),
        [..] => list(&says, "and"),
    };
    format!("the {which}{by} {says}")
}

fn tasks_point(tasks: TaskCounts) -> GatePoint {
    let TaskCounts { completed, open, failed } = tasks;
    let counts = [(completed, "completed"), (open, "open"), (failed, "failed")];
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let some: Vec<String> = some.map(|(count, state)| format!("{count} {state}")).collect();
    let by = match (open, failed) {
        (_, 0) => "whoever works on the tasks of the phase",
        (0, _) => "an operator, who retries or cancels what has failed",
        (_, _) => {
            "whoever works on the open tasks, and an operator, who retries or cancels what has failed"
        }
    };
    GatePoint {
        code: GateCode::TasksCompleted,
        met: open == 0 && failed == 0,
        demand: "every task of the phase must be completed".to_owned(),
        found: if some.is_empty() {
            "there are no tasks to wait for".to_owned()
        } else {
            list(&some, "and")
        },
        satisfied_by: by.to_owned(),
        artifact_type: None,
    }
}

fn approvals_point(asked: u32, facts: &GateFacts<'_>) -> GatePoint {
    let GateFacts { approvals, version, authors, .. } = *facts;
    let is_author = |name: &str| authors.iter().any(|author| same(author, name));
    let (counting, void): (Vec<&Approval>, Vec<&Approval>) = approvals
        .iter()
        .partition(|approval| approval.at_version == version && !is_author(&approval.by));
    let approved = distinct(counting.iter().map(|approval| approval.by.as_str()));

    let mut found = vec![match approved.as_slice() {
        [] if void.is_empty() => "there are none".to_owned(),
        [] => "there is none that counts".to_owned(),
        [only] => format!("{only} has approved"),
        [..] => format!("{} have approved", list(&approved, "and")),
    }];
    for name in distinct(void.iter().map(|approval| approval.by.as_str())) {
        let versions = void.iter().filter(|approval| same(&approval.by, name));
        let latest = versions.map(|approval| approval.at_version).max().unwrap_or(version);
        if is_author(name) {
            found.push(format!("{name} is an author"));
        } else if !approved.iter().any(|approver| same(approver, name)) {
            found.push(format!("{name} has approved version {latest}, but now it is {version}"));
        }
    }
    let demand = match asked {
        0 | 1 => format!("there must be 1 approval of version {version}, not by an author"),
        2.. => format!("there must be {asked} approvals of version {version}, none by an author"),
    };
    let enough = usize::try_from(asked).is_ok_and(|asked| approved.len() >= asked);
    GatePoint {
        code: GateCode::Approvals,
        met: enough,
        demand,
        found: found.join("; "),
        satisfied_by: who_may_approve(authors, &approved),
        artifact_type: None,
    }
}

fn who_may_approve(authors: &[String], approved: &[&str]) -> String {
    let authors = distinct(authors.iter().map(String::as_str));
    let authors = match authors.as_slice() {
        [] => None,
        [only] => Some(format!("the author {only}")),
        [..] => Some(format!("the authors {}", list(&authors, "and"))),
    };
    let approved = match approved {
        [] => None,
        [only] => Some(format!("{only}, who has approved already")),
        [..] => Some(format!("{}, who have approved already", list(approved, "and"))),
    };
    let but: Vec<String> = authors.into_iter().chain(approved).collect();
    if but.is_empty() { "anyone".to_owned() } else { format!("anyone but {}", but.join(", and ")) }
}

/// Each name once, in the order in which it first comes.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(folded(name))).collect()
}

/// Whether two names are of one person, however they are written.
fn same(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}
