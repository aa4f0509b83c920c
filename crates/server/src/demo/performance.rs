//! The script, played over REST: whoever is there claims what can be done, and does it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};
use phaseline_client::{
    Client, FailureClass, PhaseId, TicketQuery,
    wire::{
        Backlog, Claim, NewAnswer, NewClaim, NewTask, NewTransition, Pack, TaskCompletion,
        TaskFailure, Ticket,
    },
};
use phaseline_phases::Workflow;
use uuid::Uuid;

use super::{
    OPERATOR,
    narrator::Narrator,
    script::{Act, Extra, Twist},
    team::{Member, Team},
    words::{begins, left_behind, short, unknown},
};

/// The most tokens of context that a worker takes.
pub(super) const BUDGET_TOKENS: u32 = 400;
/// How long somebody waits for the task of an agent that is silent; longer than its lease.
const WAIT_S: u32 = 20;

/// The world of the demonstration while it is played.
pub(super) struct Performance<'a> {
    client: &'a Client,
    team: &'a Team,
    narrator: &'a Narrator,
    tickets: BTreeMap<String, Cared>,
    acts: BTreeMap<String, Act>,
    dead: BTreeSet<&'a str>,
    silent: Option<(&'a Member, Claim)>,
    questions: Vec<Asked>,
}

/// A ticket, and what is known of it on the way.
#[derive(Debug)]
pub(super) struct Cared {
    pub(super) id: Uuid,
    phase_id: PhaseId,
    /// What the last worker was given to read.
    pub(super) last_pack: Option<Pack>,
}

/// A question that holds a ticket up, and the answer that somebody will give.
struct Asked {
    ticket_id: Uuid,
    answer: String,
}

impl<'a> Performance<'a> {
    /// A performance about the tickets of this backlog, which is imported.
    pub(super) async fn new(
        client: &'a Client,
        team: &'a Team,
        narrator: &'a Narrator,
        backlog: &Backlog,
        acts: Vec<Act>,
    ) -> anyhow::Result<Self> {
        let mut tickets = BTreeMap::new();
        for ticket in &backlog.tickets {
            let Ticket { id, phase_id, .. } = find(client, &ticket.key).await?;
            tickets.insert(ticket.key.clone(), Cared { id, phase_id, last_pack: None });
        }
        let acts = acts.into_iter().map(|act| (act.task.clone(), act)).collect();
        let (dead, silent, questions) = (BTreeSet::new(), None, Vec::new());
        Ok(Self { client, team, narrator, tickets, acts, dead, silent, questions })
    }

    /// Gives each agent its turns until nobody finds anything to do.
    pub(super) async fn play(&mut self) -> anyhow::Result<()> {
        loop {
            let mut anything = false;
            for member in self.team.members() {
                if self.is_there(member) {
                    anything |= self.turn(member, 0).await?;
                }
            }
            for asked in std::mem::take(&mut self.questions) {
                self.answer(asked).await?;
                anything = true;
            }
            if anything {
                continue;
            }
            let Some((silent, claim)) = self.silent.take() else { return Ok(()) };
            self.take_over(silent, claim).await?;
        }
    }

    /// The tickets by their keys.
    pub(super) const fn tickets(&self) -> &BTreeMap<String, Cared> {
        &self.tickets
    }

    fn is_there(&self, member: &Member) -> bool {
        let is_silent = self.silent.as_ref().is_some_and(|(silent, _)| silent.name == member.name);
        !is_silent && !self.dead.contains(member.name.as_str())
    }

    /// An agent claims a task and does it. Whether there was one for it.
    async fn turn(&mut self, member: &'a Member, wait_s: u32) -> anyhow::Result<bool> {
        let max_tokens = Some(BUDGET_TOKENS);
        let call = NewClaim { max: 1, lease_s: member.lease_s, wait_s, max_tokens };
        let claims = member.client.agents().claim(member.id(), &call).await?;
        let Some(claim) = claims.items.into_iter().next() else { return Ok(false) };
        self.follow(&claim.ticket)?;
        let key = claim.task.key.clone().unwrap_or_default();
        let act = self.acts.get_mut(&key).with_context(|| unknown(&key))?;
        match act.twist.take() {
            None => {}
            Some(Twist::Refused { to }) => self.be_refused(member, &claim, &to).await?,
            Some(Twist::SendsBack { to, reason, tasks }) => {
                self.send_back(member, &claim, to, reason, tasks).await?;
            }
            Some(Twist::Dies {}) => return self.die(member, &claim).await.map(|()| true),
            Some(Twist::Stalls {}) => {
                self.tell(&claim, &format!("{}, and falls silent", begins(member, &claim)))?;
                self.silent = Some((member, claim));
                return Ok(true);
            }
            Some(Twist::Asks { question, answer }) => {
                let ticket_id = claim.ticket.id;
                self.ask(member, &claim, question).await?;
                self.questions.push(Asked { ticket_id, answer });
                return Ok(true);
            }
        }
        self.complete(member, claim).await?;
        Ok(true)
    }

    async fn complete(&mut self, member: &Member, claim: Claim) -> anyhow::Result<()> {
        let completion = self.completion(&claim)?;
        let left = left_behind(&completion.result);
        member.client.tasks().complete(claim.task.id, &completion).await?;
        self.tell(&claim, &format!("{}, completes it: {left}", begins(member, &claim)))?;
        self.narrator.advance();
        let now = self.client.tickets().get(claim.ticket.id).await?;
        let was = short(&claim.task.phase_id);
        if now.phase_id != self.cared(&now)?.1.phase_id {
            let (key, phase) = (self.cared(&now)?.0.clone(), short(&now.phase_id));
            let moved = format!("moves on by itself: the work of {was} is done");
            self.narrator.say(&key, &phase, &moved)?;
        }
        self.follow(&now)?;
        let (_, cared) = self.cared(&now)?;
        cared.last_pack = Some(claim.pack);
        Ok(())
    }

    async fn be_refused(
        &mut self,
        member: &Member,
        claim: &Claim,
        to: &PhaseId,
    ) -> anyhow::Result<()> {
        match member.client.tickets().transition(claim.ticket.id, &step(to, None)).await {
            Ok(_) => bail!("a ticket moved to {to}, which the table does not have"),
            Err(error) if error.kind() == Some("illegal-transition") => {
                self.tell(claim, &format!("{} is refused: {error}", member.name))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The ticket goes back, with what there is to do for it; the task at hand is completed then.
    async fn send_back(
        &mut self,
        member: &Member,
        claim: &Claim,
        to: PhaseId,
        reason: String,
        tasks: Vec<Extra>,
    ) -> anyhow::Result<()> {
        let ticket = claim.ticket.id;
        for Extra { key, title, task_type, required_capabilities } in tasks {
            let phase_id = Some(task_type.phase(Workflow::standard()));
            let (key, title, task_type) = (Some(key), Some(title), Some(task_type));
            let new = NewTask {
                key,
                title,
                task_type,
                phase_id,
                required_capabilities,
                ..NewTask::default()
            };
            member.client.tasks().create(ticket, &new).await?;
        }
        member.client.tickets().transition(ticket, &step(&to, Some(reason.clone()))).await?;
        let now = self.client.tickets().get(ticket).await?;
        self.follow(&now)?;
        let (key, _) = self.cared(&now)?;
        let key = key.clone();
        self.narrator.say(&key, &short(&to), &format!("sent back by {}: {reason}", member.name))?;
        Ok(())
    }

    /// An agent is gone in the middle of its task, and somebody takes note of it.
    async fn die(&mut self, member: &'a Member, claim: &Claim) -> anyhow::Result<()> {
        self.tell(
            claim,
            &format!("{}, and {} dies in the middle of it", begins(member, claim), member.name),
        )?;
        self.client.agents().terminate(member.id()).await?;
        self.dead.insert(&member.name);
        let task = self.client.tasks().get(claim.task.id).await?;
        ensure!(task.agent_id.is_none(), "a dead agent still has its task");
        self.tell(
            claim,
            &format!("{} is removed, and its task is {} again", member.name, task.status),
        )
    }

    async fn ask(
        &mut self,
        member: &Member,
        claim: &Claim,
        question: String,
    ) -> anyhow::Result<()> {
        let failure = TaskFailure {
            fencing_token: Some(claim.fencing_token),
            error_message: "There are two ways to do it.".to_owned(),
            failure_class: FailureClass::NeedsInput,
            question: Some(question.clone()),
        };
        member.client.tasks().fail(claim.task.id, &failure).await?;
        let now = self.client.tickets().get(claim.ticket.id).await?;
        self.follow(&now)?;
        let key = self.cared(&now)?.0.clone();
        let told = format!("blocked by {}: {question}", member.name);
        Ok(self.narrator.say(&key, &short(&now.phase_id), &told)?)
    }

    async fn answer(&mut self, asked: Asked) -> anyhow::Result<()> {
        let Asked { ticket_id, answer } = asked;
        let given = NewAnswer { answer: answer.clone(), to_phase: None };
        self.client.tickets().answer(ticket_id, &given).await?;
        let now = self.client.tickets().get(ticket_id).await?;
        self.follow(&now)?;
        let key = self.cared(&now)?.0.clone();
        Ok(self.narrator.say(
            &key,
            &short(&now.phase_id),
            &format!("resumed by {OPERATOR}: {answer}"),
        )?)
    }

    /// Somebody waits until the lease of an agent that is silent has ended, and does its task; then
    /// that agent comes back.
    async fn take_over(&mut self, silent: &'a Member, claim: Claim) -> anyhow::Result<()> {
        let why = self.client.tasks().why(claim.task.id).await?;
        for cause in why.causes {
            self.tell(&claim, &format!("why does it not move? {}", cause.detail))?;
        }
        let required = &claim.task.required_capabilities;
        let mut others = self.team.members().iter();
        let other = others
            .find(|other| other.name != silent.name && self.is_there(other) && other.can(required))
            .context("nobody else can do it")?;
        self.tell(&claim, &format!("{} waits for work", other.name))?;
        ensure!(self.turn(other, WAIT_S).await?, "the lease of {} did not end", silent.name);
        let late = self.completion(&claim)?;
        match silent.client.tasks().complete(claim.task.id, &late).await {
            Ok(_) => bail!("{} was too late and was heard", silent.name),
            Err(error) if error.kind() == Some("lease-lost") => {
                let told =
                    format!("{} comes back too late: refused (lease-lost): {error}", silent.name);
                self.tell(&claim, &told)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn completion(&self, claim: &Claim) -> anyhow::Result<TaskCompletion> {
        let key = claim.task.key.as_deref().unwrap_or_default();
        let act = self.acts.get(key).with_context(|| unknown(key))?;
        let fencing_token = Some(claim.fencing_token);
        Ok(TaskCompletion { fencing_token, result: act.result.clone() })
    }

    /// Says something about the task of a claim.
    fn tell(&mut self, claim: &Claim, what: &str) -> anyhow::Result<()> {
        let key = self.cared(&claim.ticket)?.0.clone();
        Ok(self.narrator.say(&key, &short(&claim.task.phase_id), what)?)
    }

    /// Takes note of where a ticket is.
    fn follow(&mut self, ticket: &Ticket) -> anyhow::Result<()> {
        self.cared(ticket)?.1.phase_id = ticket.phase_id.clone();
        Ok(())
    }

    fn cared(&mut self, ticket: &Ticket) -> anyhow::Result<(&String, &mut Cared)> {
        let mut tickets = self.tickets.iter_mut();
        tickets.find(|(_, cared)| cared.id == ticket.id).context("a ticket that nobody knows")
    }
}

fn step(to: &PhaseId, reason: Option<String>) -> NewTransition {
    NewTransition {
        to_phase: to.clone(),
        reason,
        artifacts: Vec::new(),
        force: false,
        blocker: None,
    }
}

async fn find(client: &Client, key: &str) -> anyhow::Result<Ticket> {
    let query = TicketQuery { key: Some(key.to_owned()), ..TicketQuery::default() };
    let found = client.tickets().list(&query).await?;
    found.items.into_iter().next().with_context(|| unknown(key))
}
