//! What is to be known to say why something does not move: tickets with their open work, and those
//! that they wait for.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use phaseline_persistence::{
    tasks::{self, Task},
    tickets::{self, Ticket},
    why::{self as stored, Completed, FailedAttempt, Standing},
};
use phaseline_phases::{GateReport, PhaseId, Workflow};
use phaseline_registry::{Able, Health, Progress};
use phaseline_tasks::TaskState;
use uuid::Uuid;

use super::able::{Wanted, able};
use crate::{Engine, Result, Settings, gates, tickets::workflow};

/// How far what is waited for is followed, from one ticket to the next.
const ROUNDS: usize = 200;
/// How many tickets are followed at most.
const FOLLOWED: usize = 500;
/// How many failures of a task are told.
const FAILURES: u32 = 3;

/// What is known.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) now: DateTime<Utc>,
    /// The tickets asked for, and the nearest of those that they wait for.
    pub(super) tickets: HashMap<Uuid, Facts>,
    /// The tickets that those wait for.
    pub(super) awaited: HashMap<Uuid, Ticket>,
    /// The tasks of `tickets` that are neither completed nor cancelled.
    pub(super) tasks: HashMap<Uuid, Task>,
    /// The tasks that those wait for.
    pub(super) standings: HashMap<Uuid, Standing>,
    /// Who could do each pending task.
    pub(super) able: HashMap<Uuid, Able>,
    /// The agents that have work of `tasks`, where the fleet knows them.
    pub(super) holders: HashMap<Uuid, Holder>,
    /// What was said of the last failures of each failed task, the oldest first.
    pub(super) failures: HashMap<Uuid, Vec<String>>,
}

/// What is known of a ticket.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) ticket: Ticket,
    pub(super) workflow: &'static Workflow,
    pub(super) rules: Rules,
    /// Its tasks that are neither completed nor cancelled, in the order of work.
    pub(super) tasks: Vec<Uuid>,
    /// How much of each phase is completed, and when the last of it was.
    pub(super) completed: HashMap<PhaseId, (u64, Option<DateTime<Utc>>)>,
    /// What the gate of its phase says, where that is what it waits for.
    pub(super) gate: Option<GateReport>,
}

/// How a ticket flows.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four switches that an operator has")]
pub(super) struct Rules {
    pub(super) gates: bool,
    pub(super) templates: bool,
    pub(super) advances: bool,
    pub(super) skips_empty: bool,
}

/// How an agent is that has work in hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) health: Health,
    pub(super) progress: Progress,
}

impl Rules {
    pub(super) fn of(settings: &Settings, ticket: &Ticket) -> Self {
        Self {
            gates: settings.gates_on(ticket),
            templates: settings.templates_on(ticket),
            advances: settings.advances(ticket),
            skips_empty: settings.skips_empty(ticket),
        }
    }
}

impl Scene {
    /// Reads what is to be known of these tickets; those that are not there are left out.
    pub(super) async fn of(engine: &Engine, ids: &[Uuid]) -> Result<Self> {
        let mut scene = Self::empty(engine.sources.now());
        let mut wanted: Vec<Uuid> = ids.to_vec();
        let found = tickets::with_ids(engine.db.reader(), ids).await?;
        scene.awaited.extend(found.into_iter().map(|ticket| (ticket.id, ticket)));
        for _ in 0..ROUNDS {
            if wanted.is_empty() {
                break;
            }
            wanted = scene.look_at(engine, &wanted).await?;
        }
        scene.judge_gates(engine).await?;
        scene.ask_agents(engine).await?;
        let failed = scene.in_state(TaskState::Failed);
        for failure in stored::last_failures(engine.db.reader(), &failed, FAILURES).await? {
            let FailedAttempt { task_id, fencing_token, failure_class, message } = failure;
            let class = failure_class.unwrap_or_default();
            let told = format!("attempt {fencing_token} ({class}): {message}");
            scene.failures.entry(task_id).or_default().push(told);
        }
        Ok(scene)
    }

    pub(super) fn empty(now: DateTime<Utc>) -> Self {
        Self {
            now,
            tickets: HashMap::new(),
            awaited: HashMap::new(),
            tasks: HashMap::new(),
            standings: HashMap::new(),
            able: HashMap::new(),
            holders: HashMap::new(),
            failures: HashMap::new(),
        }
    }

    /// Reads the work of these tickets. Says which tickets that waits for, as far as it is not known
    /// yet what is the matter with them.
    async fn look_at(&mut self, engine: &Engine, ids: &[Uuid]) -> Result<Vec<Uuid>> {
        let reader = engine.db.reader();
        let unfinished = stored::unfinished(reader, ids).await?;
        let mut by_ticket: HashMap<Uuid, Vec<Task>> = HashMap::new();
        for task in tasks::with_ids(reader, &unfinished).await? {
            by_ticket.entry(task.ticket_id).or_default().push(task);
        }
        let mut completed: HashMap<Uuid, Vec<Completed>> = HashMap::new();
        for phase in stored::completed(reader, ids).await? {
            completed.entry(phase.ticket_id).or_default().push(phase);
        }
        let mut awaited_tickets: HashSet<Uuid> = HashSet::new();
        let mut awaited_tasks: HashSet<Uuid> = HashSet::new();
        for id in ids {
            let Some(ticket) = self.awaited.get(id).cloned() else {
                continue;
            };
            let tasks = by_ticket.remove(id).unwrap_or_default();
            awaited_tickets.extend(&ticket.blocked_by);
            awaited_tasks.extend(tasks.iter().flat_map(|task| &task.depends_on));
            let rules = Rules::of(&engine.settings, &ticket);
            self.add(ticket, rules, tasks, completed.remove(id).unwrap_or_default())?;
        }
        let awaited_tasks: Vec<Uuid> = awaited_tasks.into_iter().collect();
        self.standings.extend(stored::standings(reader, &awaited_tasks).await?);
        let unfinished = awaited_tasks.iter().filter_map(|id| self.standings.get(id));
        let unfinished = unfinished.filter(|task| !is_over(task.status));
        let homes: HashSet<Uuid> = unfinished.map(|task| task.ticket_id).collect();
        awaited_tickets.extend(&homes);
        awaited_tickets.retain(|id| !self.tickets.contains_key(id));
        self.follow(engine, awaited_tickets.into_iter().collect(), &homes).await
    }

    /// Learns where these tickets stand. Says which of them are not done, or have a task that is
    /// waited for.
    async fn follow(
        &mut self,
        engine: &Engine,
        mut ids: Vec<Uuid>,
        homes: &HashSet<Uuid>,
    ) -> Result<Vec<Uuid>> {
        ids.sort_unstable();
        let mut open = Vec::new();
        for ticket in tickets::with_ids(engine.db.reader(), &ids).await? {
            let done = workflow(&ticket.workflow_id)?.is_terminal(&ticket.position.phase);
            if !done || homes.contains(&ticket.id) {
                open.push(ticket.id);
            }
            self.awaited.insert(ticket.id, ticket);
        }
        open.sort_unstable();
        open.truncate(FOLLOWED.saturating_sub(self.tickets.len()));
        Ok(open)
    }

    /// Puts a ticket in with its work.
    pub(super) fn add(
        &mut self,
        ticket: Ticket,
        rules: Rules,
        mut tasks: Vec<Task>,
        completed: Vec<Completed>,
    ) -> Result<()> {
        let workflow = workflow(&ticket.workflow_id)?;
        tasks.sort_by_key(|task| (workflow.rank(&task.phase_id), task.id));
        let completed = completed.into_iter();
        let facts = Facts {
            workflow,
            rules,
            tasks: tasks.iter().map(|task| task.id).collect(),
            completed: completed.map(|of| (of.phase_id, (of.count, of.last_at))).collect(),
            gate: None,
            ticket,
        };
        self.tasks.extend(tasks.into_iter().map(|task| (task.id, task)));
        self.tickets.insert(facts.ticket.id, facts);
        Ok(())
    }

    /// Asks the gates of those tickets whose work is done.
    async fn judge_gates(&mut self, engine: &Engine) -> Result<()> {
        let waiting: Vec<Uuid> = self
            .tickets
            .values()
            .filter(|facts| facts.rules.gates && self.is_idle(facts))
            .map(|facts| facts.ticket.id)
            .collect();
        for id in waiting {
            let Some(facts) = self.tickets.get_mut(&id) else {
                continue;
            };
            let (ticket, phase) = (&facts.ticket, &facts.ticket.position.phase);
            let reader = engine.db.reader();
            facts.gate = Some(gates::assess(reader, &engine.settings, ticket, phase, &[]).await?);
        }
        Ok(())
    }

    /// Asks the fleet who could do what waits, and how those are who are at work.
    async fn ask_agents(&mut self, engine: &Engine) -> Result<()> {
        let pending = self.in_state(TaskState::Pending);
        let mut unable: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for (task, agent) in stored::unable(engine.db.reader(), &pending).await? {
            unable.entry(task).or_default().push(agent);
        }
        let (now, tasks) = (self.now, &self.tasks);
        // Many tasks ask for the same. Others come to the fleet between two questions.
        let mut asked: BTreeMap<Wanted, Able> = BTreeMap::new();
        for task in pending.iter().filter_map(|id| tasks.get(id)) {
            let wanted = Wanted::of(task, unable.remove(&task.id).unwrap_or_default());
            let answer = asked
                .entry(wanted)
                .or_insert_with_key(|wanted| engine.fleet.look(|index| able(index, wanted, now)));
            self.able.insert(task.id, answer.clone());
        }
        self.holders = engine.fleet.look(|index| {
            let agents = tasks.values().filter_map(|task| task.agent_id);
            let holders = agents.filter_map(|id| {
                let health = index.health(&id, now)?;
                Some((id, Holder { health, progress: index.progress(&id, now)? }))
            });
            holders.collect()
        });
        Ok(())
    }

    fn in_state(&self, state: TaskState) -> Vec<Uuid> {
        let tasks = self.tasks.values().filter(|task| task.status == state);
        tasks.map(|task| task.id).collect()
    }
}

/// Whether nobody waits for a task in this state any more.
pub(super) const fn is_over(state: TaskState) -> bool {
    match state {
        TaskState::Completed | TaskState::Cancelled => true,
        TaskState::Pending | TaskState::Claimed | TaskState::Running | TaskState::Failed => false,
    }
}
