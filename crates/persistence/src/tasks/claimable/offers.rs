//! Tasks for agents that claim at the same moment: those that want the same work are found theirs by
//! one statement, each another task (`docs/adr/0022-claims-together-on-postgresql.md`).

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use sea_orm::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Claimable, Given, ORDER, values, walked};
use crate::{
    Backend, Error, Result,
    connection::{
        Pool,
        gather::{Gather, Serve},
        read,
    },
    query::Query,
    row::{FromRow, Row},
    tasks,
    tickets::{self, StoredContext},
};

/// How many callers one statement serves at most.
const MOST: usize = 64;
/// How many statements are under way at once, each for those that want something else.
pub(crate) const LANES: usize = 4;
/// The index is walked in its order up to the last task that is wanted, however few the planner
/// expects to be ready: to sort them, it would look at every task.
pub(crate) const WALK: [(&str, &str); 1] = [("enable_sort", "off")];

/// Finds each agent that claims a task that nobody else is about to be given.
#[derive(Debug)]
pub(crate) struct Offers {
    gather: Gather<Finder>,
    promised: Arc<Promised>,
    patience: Duration,
}

struct Finder {
    pool: Arc<Pool>,
    promised: Arc<Promised>,
    /// What is looked for just now: those that want the same wait for that, and for each other.
    under_way: Mutex<Vec<Vec<Value>>>,
}

/// The tasks that are about to be given to somebody.
#[derive(Debug, Default)]
struct Promised(Mutex<HashSet<Uuid>>);

/// A task that nobody else is offered until this is dropped.
#[derive(Debug)]
pub(crate) struct Promise {
    task: Uuid,
    promised: Arc<Promised>,
}

struct Ask {
    /// As [`values`] has them.
    wanted: Vec<Value>,
    profile: Vec<Value>,
    agent: Uuid,
    now: DateTime<Utc>,
    until: Instant,
    reply: oneshot::Sender<Result<Offered>>,
}

/// What there is for an agent.
pub(crate) enum Offered {
    /// A task that nobody else is about to be given.
    Task(Box<Given>, Promise),
    /// Nothing.
    Nothing,
    /// Only whoever looks for this agent alone can tell.
    Unknown,
}

/// A task that is ready, and the agents that have said that they cannot do it.
struct Offer {
    given: Given,
    unable: Vec<Uuid>,
}

impl Offers {
    /// Over these connections; a caller waits for its turn no longer than it has patience.
    pub(crate) fn new(pool: Arc<Pool>, patience: Duration) -> Self {
        let promised = Arc::<Promised>::default();
        let finder = Finder { pool, promised: Arc::clone(&promised), under_way: Mutex::default() };
        Self { gather: Gather::new(finder, LANES), promised, patience }
    }

    /// The tasks that are about to be given to somebody, as PostgreSQL reads an array.
    pub(crate) fn promised(&self) -> String {
        self.promised.as_text()
    }

    /// The best task that this agent could claim and that nobody else is about to.
    pub(crate) async fn find(&self, wanted: &Claimable<'_>) -> Result<Offered> {
        let (reply, answer) = oneshot::channel();
        let Claimable { agent_id: agent, now, .. } = *wanted;
        let (wanted, until) = (values(wanted)?, Instant::now() + self.patience);
        let profile = profile(&wanted);
        self.gather.give(Ask { wanted, profile, agent, now, until, reply })?;
        answer.await.unwrap_or(Err(Error::Closed))
    }
}

/// What decides which work is wanted, whoever asks and whenever.
fn profile(wanted: &[Value]) -> Vec<Value> {
    let places = wanted.iter().enumerate().filter(|(place, _)| ![NOW, AGENT].contains(place));
    places.map(|(_, value)| value.clone()).collect()
}

/// The places of what differs between those who want the same.
const NOW: usize = 2;
const AGENT: usize = 6;

/// What a lane looks for, until it has found it.
struct UnderWay<'f>(&'f Finder, Vec<Value>);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way().retain(|profile| *profile != self.1);
    }
}

impl Serve for Finder {
    type Job = Ask;

    fn pick(&self, waiting: &mut VecDeque<Ask>) -> Vec<Ask> {
        let (now, length) = (Instant::now(), waiting.len());
        let mut under_way = self.under_way();
        let mut picked: Vec<Ask> = Vec::new();
        let mut others = VecDeque::with_capacity(length);
        for ask in waiting.drain(..).filter(|ask| !ask.reply.is_closed()) {
            if ask.until < now {
                let _ = ask.reply.send(Err(Error::Busy { waiting: length }));
            } else if picked.len() < MOST
                && picked.first().is_none_or(|first| first.profile == ask.profile)
                && !under_way.contains(&ask.profile)
            {
                picked.push(ask);
            } else {
                others.push_back(ask);
            }
        }
        *waiting = others;
        under_way.extend(picked.first().map(|first| first.profile.clone()));
        picked
    }

    async fn serve(&self, asks: Vec<Ask>) {
        // Whoever has waited must not miss what has become due meanwhile.
        let Some(latest) = asks.iter().max_by_key(|ask| ask.now) else { return };
        let _under_way = UnderWay(self, latest.profile.clone());
        let mut values = latest.wanted.clone();
        values[AGENT] = self.promised.as_text().into();
        values.push((asks.len() as i64).into());
        static TEXT: OnceLock<String> = OnceLock::new();
        let query = Query::raw(TEXT.get_or_init(finding).clone(), values);
        let found = match self.pool.all(query).await {
            Ok(rows) => read::<Offer>(&rows),
            Err(error) => Err(error),
        };
        match found {
            Ok(mut offers) => {
                offers.sort_unstable_by_key(|Offer { given: Given { task, .. }, .. }| {
                    (task.priority.rank(), task.created_at, task.id)
                });
                self.give(offers, asks);
            }
            Err(error) => {
                for Ask { reply, .. } in asks {
                    let _ = reply.send(Err(error.shared()));
                }
            }
        }
    }
}

impl Finder {
    fn under_way(&self) -> MutexGuard<'_, Vec<Vec<Value>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives each agent the first task that it has not said it cannot do. As many were looked for as
    /// there are agents.
    fn give(&self, offers: Vec<Offer>, asks: Vec<Ask>) {
        let is_all = offers.len() < asks.len();
        // Others may have been promised some of them meanwhile, who look for something else.
        let promised =
            |offer: Offer| Some((Promised::add(&self.promised, offer.given.task.id)?, offer));
        let mut offers: Vec<Option<(Promise, Offer)>> = offers.into_iter().map(promised).collect();
        for Ask { agent, reply, .. } in asks {
            let able = |offer: &&mut Option<(Promise, Offer)>| {
                offer.as_ref().is_some_and(|(_, offer)| !offer.unable.contains(&agent))
            };
            let offer = offers.iter_mut().find(able).and_then(Option::take);
            let answer = match offer {
                Some((promise, Offer { given, .. })) => Offered::Task(Box::new(given), promise),
                None if is_all => Offered::Nothing,
                // There may be more than were looked for.
                None => Offered::Unknown,
            };
            // Whoever asked may have gone; then the promise is void.
            let _ = reply.send(Ok(answer));
        }
    }
}

impl Promised {
    /// `None` for a task that is promised already.
    fn add(this: &Arc<Self>, task: Uuid) -> Option<Promise> {
        let is_new = this.tasks().insert(task);
        is_new.then(|| Promise { task, promised: Arc::clone(this) })
    }

    /// As PostgreSQL reads an array.
    fn as_text(&self) -> String {
        let tasks: Vec<String> = self.tasks().iter().map(Uuid::to_string).collect();
        format!("{{{}}}", tasks.join(","))
    }

    fn tasks(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.promised.tasks().remove(&self.task);
    }
}

/// The best tasks that are ready, but for those in `$7`, and not more than `$8`; in no order.
fn finding() -> String {
    let backend = Backend::Postgres;
    format!(
        "WITH picked AS MATERIALIZED (SELECT t.id AS best {ready} \
               AND t.id <> ALL($7::uuid[]) ORDER BY {ORDER} LIMIT $8) \
             SELECT {columns}, {ticket}, \
               (SELECT string_agg(a.agent_id::text, ',') FROM task_attempts a \
                 WHERE a.task_id = t.id AND a.failure_class = 'capability') AS unable, {context} \
             FROM picked JOIN tasks t ON t.id = best JOIN tickets k ON k.id = t.ticket_id",
        ready = walked(backend),
        columns = tasks::columns_of(backend, "t"),
        ticket = tickets::columns_of(backend, "k"),
        context = tickets::context_of("k"),
    )
}

impl FromRow for Offer {
    const TABLE: &'static str = tasks::TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        let (given, unable) = (Given::from_row(row)?, row.ids("unable")?);
        let version = given.ticket.as_ref().map_or(0, |ticket| ticket.version);
        // What does not decode is the trouble of whoever reads it for this ticket.
        let context = StoredContext::known(row, version).ok().flatten();
        Ok(Self { given: Given { context, ..given }, unable })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::plans::{Place, explain, seed};

    /// One that the planner expects to be hardly ever ready is looked for in order all the same.
    #[tokio::test]
    async fn however_many_are_wanted_the_index_is_walked_in_order() {
        let place = Place::new("offers").await;
        let db = place.open().await;
        seed(&db).await;
        if let Some(lookups) = db.reader().lookups().await {
            let wanted = Claimable {
                agent_id: Uuid::nil(),
                agent_type: phaseline_registry::AgentType::Worker,
                phase_id: None,
                capabilities: &[],
                gates: false,
                templates: false,
                now: DateTime::UNIX_EPOCH,
            };
            let mut values = values(&wanted).unwrap();
            values[AGENT] = "{}".into();
            values.push((MOST as i64).into());
            let query = Query::raw(finding(), values);
            let rows = lookups.offering.all(explain(&query)).await.unwrap();
            let plan: Vec<String> =
                read::<(String,)>(&rows).unwrap().into_iter().map(|(step,)| step).collect();
            let plan = plan.join("\n");
            assert!(plan.contains("ix_tasks_agent_type_priority_rank_created_at_id"), "{plan}");
            assert!(!plan.contains("Sort") && !plan.contains("Seq Scan"), "{plan}");
        }
        db.close().await.unwrap();
        place.gone().await;
    }
}
