//! What a search costs, and what it costs to keep the index: `cargo bench -p phaseline-registry`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up may end there")]

use chrono::{DateTime, TimeDelta, Utc};
use divan::{Bencher, black_box};
use phaseline_registry::{
    Agent, AgentStatus, AgentType, Capabilities, Capability, Capacity, HealthPolicy, Index, Wanted,
    Work,
};
use uuid::Uuid;

const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];
/// How many capabilities there are; the popularity of each is one by its place (Zipf's law).
const CAPABILITIES: u64 = 200;

fn main() {
    divan::main();
}

/// The five best of those that have three capabilities, popular and rare ones.
#[divan::bench(args = SIZES)]
fn search(bencher: Bencher<'_, '_>, agents: u64) {
    let (index, mut chance) = (index(agents), Chance(13));
    let questions: Vec<Wanted> = (0..500).map(|_| question(&mut chance)).collect();
    let mut next = questions.iter().cycle();
    bencher.bench_local(|| black_box(index.search(next.next().unwrap(), now())));
}

/// The one that fits best, or why there is none.
#[divan::bench(args = SIZES)]
fn best_fit(bencher: Bencher<'_, '_>, agents: u64) {
    let (index, mut chance) = (index(agents), Chance(13));
    let questions: Vec<Wanted> = (0..500).map(|_| question(&mut chance)).collect();
    let mut next = questions.iter().cycle();
    bencher.bench_local(|| black_box(index.best_fit(next.next().unwrap(), now()).is_ok()));
}

/// Who could do what takes one popular capability: a large part of the fleet, and many are free.
#[divan::bench(args = SIZES)]
fn able(bencher: Bencher<'_, '_>, agents: u64) {
    let index = index(agents);
    bencher.bench_local(|| black_box(index.able(&work(&[popular()]), 10, now())));
}

/// The same where nobody has a free slot, so that the reasons are counted.
#[divan::bench(args = SIZES)]
fn able_and_busy(bencher: Bencher<'_, '_>, agents: u64) {
    let mut index = index(agents);
    let fleet: Vec<Agent> = index.iter().map(|agent| Agent::clone(agent)).collect();
    for agent in fleet {
        let (slots_taken, status) = (agent.capacity.get(), AgentStatus::Running);
        index.upsert(Agent { slots_taken, status, ..agent });
    }
    index.judge(0, usize::MAX, now(), |_| {});
    bencher.bench_local(|| black_box(index.able(&work(&[popular()]), 10, now())));
}

fn popular() -> Capability {
    Capability::parse("skill-001").unwrap()
}

fn work(capabilities: &[Capability]) -> Work<'_> {
    let agent_type = AgentType::Worker;
    Work { capabilities, phase_id: "PHASE_TESTING", agent_type, unable: &[] }
}

/// An agent that was not known.
#[divan::bench(args = SIZES)]
fn register(bencher: Bencher<'_, '_>, agents: u64) {
    let (mut index, mut chance, mut number) = (index(agents), Chance(17), agents);
    bencher
        .with_inputs(|| {
            number += 1;
            agent(&mut chance, number)
        })
        .bench_local_values(|agent| index.upsert(agent));
}

/// A claim or its end: the free slots change, and with them the tier.
#[divan::bench(args = SIZES)]
fn update(bencher: Bencher<'_, '_>, agents: u64) {
    let (mut index, mut chance, mut version) = (index(agents), Chance(19), 1);
    let fleet: Vec<Agent> = index.iter().take(10_000).map(|agent| Agent::clone(agent)).collect();
    bencher
        .with_inputs(|| {
            version += 1;
            let agent = &fleet[chance.below(fleet.len() as u64) as usize];
            let slots_taken = chance.below(u64::from(agent.capacity.get()) + 1) as u32;
            Agent { slots_taken, version, ..agent.clone() }
        })
        .bench_local_values(|agent| index.upsert(agent));
}

/// A heartbeat.
#[divan::bench(args = SIZES)]
fn heartbeat(bencher: Bencher<'_, '_>, agents: u64) {
    let (mut index, mut chance, mut passed) = (index(agents), Chance(23), 0);
    bencher
        .with_inputs(|| {
            passed += 1;
            (id(chance.below(agents)), now() + TimeDelta::microseconds(passed))
        })
        .bench_local_values(|(id, now)| index.heartbeat(&id, None, now).is_ok());
}

/// The health of everybody, as it is looked at every second.
#[divan::bench(args = SIZES)]
fn judge(bencher: Bencher<'_, '_>, agents: u64) {
    let mut index = index(agents);
    bencher.bench_local(|| index.judge(0, usize::MAX, now(), |finding| _ = black_box(finding)));
}

fn index(agents: u64) -> Index {
    let mut index = Index::new(HealthPolicy::default(), now());
    let mut chance = Chance(7);
    for number in 0..agents {
        index.upsert(agent(&mut chance, number));
    }
    index
}

fn agent(chance: &mut Chance, number: u64) -> Agent {
    let count = 3 + chance.below(6);
    let capabilities = Capabilities::parse((0..count).map(|_| chance.capability())).unwrap();
    let capacity = 1 + chance.below(8) as u32;
    let busy = chance.below(100) < 40;
    let mut agent = Agent::new(
        id(number),
        AgentType::Worker,
        capabilities,
        Capacity::new(capacity).unwrap(),
        now() - TimeDelta::days(1),
    );
    if busy {
        agent.status = AgentStatus::Running;
        agent.slots_taken = 1 + chance.below(u64::from(capacity)) as u32;
    }
    if chance.below(100) < 90 {
        agent.heartbeat.last_at = Some(now());
    }
    agent
}

fn question(chance: &mut Chance) -> Wanted {
    let capabilities = (0..3).map(|_| Capability::parse(&chance.capability()).unwrap()).collect();
    Wanted { capabilities, limit: 5, ..Wanted::default() }
}

/// A UUIDv7 that grows with the number.
fn id(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number) << 80 | 0x7000_8000_0000_0000_0000)
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// The same numbers in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn capability(&mut self) -> String {
        // The place whose share of the popularity a number in [0, 1) falls into, nearly.
        let part = self.below(1 << 30) as f64 / f64::from(1 << 30);
        let place = (CAPABILITIES as f64).powf(part) as u64;
        format!("skill-{place:03}")
    }
}
