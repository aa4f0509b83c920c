//! The search index in this process: how long a search takes, what a change costs, and whether
//! readers wait for writers.

use std::{
    hint::black_box,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use phaseline_registry::{Agent, HealthPolicy, Index, Wanted, rank};

use super::{Bench, Plan, now};
use crate::{
    bench::{
        figure::{Figure, median, percentile},
        plots::Plot,
        seed::{self, Popularity},
        targets::Goal,
    },
    chance::Chance,
};

const QUESTIONS: usize = 2_000;
/// Of so many questions the whole answer is compared with the plain rule.
const COMPARED: usize = 20;
const CHANGES: usize = 20_000;
/// The smaller indexes, which are only drawn.
const SMALLER: [usize; 2] = [1_000, 10_000];

/// Searches, changes, and both at once.
pub(super) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let many = bench.agents();
    let sizes = SMALLER.map(|count| (count, None));
    let wanted = [(many, Some(Goal::SearchInProcess)), (many * 10, Some(Goal::SearchOfMany))];
    for (count, goal) in sizes.into_iter().chain(wanted) {
        bench.progress.say(&format!("an index of {count} agents"));
        let now = now();
        let policy = HealthPolicy { ttl_s: 86_400, ..HealthPolicy::default() };
        let fleet = seed::fleet(count, now)?;
        let mut index = Index::new(policy, now);
        for agent in &fleet {
            index.upsert(agent.clone());
        }
        let questions = questions(QUESTIONS);
        if count <= 100_000 {
            compare(&fleet, &index, &questions, &policy, now)?;
        }
        searches(bench, count, goal, |wanted| {
            black_box(index.search(wanted, now));
        });
        if count == many {
            changes(bench, &fleet, index, &questions, now)?;
        }
    }
    Ok(())
}

fn searches(bench: &mut Bench, count: usize, goal: Option<Goal>, search: impl Fn(&Wanted)) {
    let questions = questions(QUESTIONS);
    let name = format!("search in process, {count} agents, p99");
    let mut figure = absolute(&name, goal);
    let mut half = Vec::with_capacity(bench.rounds);
    for round in 0..=bench.rounds {
        let mut times: Vec<f64> = Vec::with_capacity(questions.len());
        for wanted in &questions {
            let began = Instant::now();
            search(wanted);
            times.push(began.elapsed().as_secs_f64() * 1e6);
        }
        // The first round warms up.
        if round > 0 {
            figure.subject.push(percentile(&times, 99));
            half.push(percentile(&times, 50));
        }
    }
    figure.note = format!("p50 {:.1} µs", median(&half));
    bench.point(Plot::Search, "p99", count as f64, figure.value());
    bench.point(Plot::Search, "p50", count as f64, median(&half));
    bench.keep(figure);
}

fn absolute(name: &str, goal: Option<Goal>) -> Figure {
    let plan = Plan {
        name: name.to_owned(),
        database: "",
        connections: 0,
        against: String::new(),
        goal,
        note: "",
    };
    plan.figure("µs")
}

/// What people look for: three capabilities by their popularity, five agents.
fn questions(count: usize) -> Vec<Wanted> {
    let (mut chance, popularity) = (Chance::new(13), Popularity::new());
    let question =
        |_| Wanted { capabilities: popularity.draw(&mut chance, 3), limit: 5, ..Wanted::default() };
    (0..count).map(question).collect()
}

/// The index answers what the plain rule answers.
fn compare(
    fleet: &[Agent],
    index: &Index,
    questions: &[Wanted],
    policy: &HealthPolicy,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    for wanted in questions.iter().take(COMPARED) {
        let plain = rank(fleet, wanted, policy, now, now);
        anyhow::ensure!(index.search(wanted, now) == plain, "the index is wrong for {wanted:?}");
    }
    Ok(())
}

fn changes(
    bench: &mut Bench,
    fleet: &[Agent],
    mut index: Index,
    questions: &[Wanted],
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let count = fleet.len();
    let mut chance = Chance::new(17);
    let timed = |bench: &mut Bench, name: &str, times: &mut dyn FnMut(usize)| {
        let began = Instant::now();
        (0..CHANGES).for_each(times);
        let mut figure = absolute(&format!("{name}, {count} agents"), Some(Goal::IndexChange));
        figure.subject.push(began.elapsed().as_secs_f64() * 1e6 / CHANGES as f64);
        bench.keep(figure);
    };
    let new = seed::fleet(count + CHANGES, now)?.split_off(count);
    timed(bench, "index: register", &mut |at| {
        index.upsert(new[at].clone());
    });
    timed(bench, "index: update", &mut |_| {
        let mut agent = fleet[chance.below(count)].clone();
        agent.version += 1;
        agent.slots_taken = chance.between(0, agent.capacity.get());
        index.upsert(agent);
    });
    timed(bench, "index: heartbeat", &mut |at| {
        let id = fleet[chance.below(count)].id;
        let later = now + TimeDelta::microseconds(at as i64);
        let _ = black_box(index.heartbeat(&id, None, later));
    });
    readers(bench, fleet, index, questions, now);
    Ok(())
}

/// The longest that a search took while everything else went on.
fn readers(
    bench: &mut Bench,
    fleet: &[Agent],
    index: Index,
    questions: &[Wanted],
    now: DateTime<Utc>,
) {
    let (index, over) = (RwLock::new(index), AtomicBool::new(false));
    let longest: Vec<Duration> = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut chance = Chance::new(19);
            while !over.load(Ordering::Relaxed) {
                let mut agent = fleet[chance.below(fleet.len())].clone();
                agent.version += 2;
                index.write().unwrap_or_else(PoisonError::into_inner).upsert(agent);
            }
        });
        let longest = (0..bench.rounds).map(|_| {
            let until = Instant::now() + Duration::from_secs(bench.seconds.into());
            let mut longest = Duration::ZERO;
            while Instant::now() < until {
                for wanted in questions.iter().take(100) {
                    let began = Instant::now();
                    let index = index.read().unwrap_or_else(PoisonError::into_inner);
                    black_box(index.search(wanted, now));
                    longest = longest.max(began.elapsed());
                }
            }
            longest
        });
        let longest = longest.collect();
        over.store(true, Ordering::Relaxed);
        longest
    });
    let name = "index: the longest pause of a reader beside a writer";
    let mut figure = absolute(name, Some(Goal::IndexPause));
    figure.subject.extend(longest.iter().map(|longest| longest.as_secs_f64() * 1e6));
    bench.keep(figure);
}
