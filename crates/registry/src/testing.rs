//! A small language for fleets and queries, so that a test reads as a sentence.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{Agent, AgentType, Capabilities, Capability, Capacity, Match, Tag, Tags, Wanted};

/// So many seconds after the beginning of the test's time.
pub(crate) fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::seconds(second)
}

/// One agent a line, `amy: rust sql, running, monitor, 1 of 3 taken, in PHASE_X, beat 40, #gpu`;
/// also `draining` and `progress 50`.
///
/// What is not said: an idle worker of capacity 1, registered at 0, that never sent a heartbeat.
/// Ids follow the names, so that `amy` is smaller than `bob`.
pub(crate) fn agents(text: &str) -> Vec<Agent> {
    text.lines().map(agent).collect()
}

/// The name that the test gave to an agent.
pub(crate) fn name_of(agent: &Agent) -> String {
    let bytes = agent.id.as_bytes();
    String::from_utf8(bytes.iter().copied().take_while(|byte| *byte != 0).collect()).unwrap()
}

/// A query, `rust sql, monitor, in PHASE_X, #gpu, all, limit 3`; `-` for no capabilities.
pub(crate) fn wanted(text: &str) -> Wanted {
    let mut parts = text.split(", ");
    let capabilities = parts.next().unwrap().split_whitespace();
    let mut wanted = Wanted {
        capabilities: capabilities
            .filter(|word| *word != "-")
            .map(|word| Capability::parse(word).unwrap())
            .collect(),
        ..Wanted::default()
    };
    for part in parts {
        match part.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["in", phase] => wanted.phase_id = Some((*phase).to_owned()),
            ["limit", limit] => wanted.limit = limit.parse().unwrap(),
            ["all"] => wanted.include_unavailable = true,
            [word] if word.starts_with('#') => wanted.tags.push(Tag::parse(&word[1..]).unwrap()),
            [word] => wanted.agent_type = Some(word.parse::<AgentType>().unwrap()),
            other => panic!("not part of a query: {other:?}"),
        }
    }
    wanted
}

/// The matches in their order, `bob=1.45 amy=0.95`.
pub(crate) fn describe(matches: &[Match]) -> String {
    let names: BTreeSet<Uuid> = matches.iter().map(|found| found.agent.id).collect();
    assert_eq!(names.len(), matches.len(), "an agent was found twice");
    let all: Vec<String> = matches
        .iter()
        .map(|found| format!("{}={}", name_of(&found.agent), found.score.total()))
        .collect();
    all.join(" ")
}

fn agent(line: &str) -> Agent {
    let (name, rest) = line.trim().split_once(": ").unwrap();
    let mut parts = rest.split(", ");
    let capabilities = Capabilities::parse(parts.next().unwrap().split_whitespace()).unwrap();
    let mut agent = Agent::new(id(name), AgentType::Worker, capabilities, Capacity::MIN, at(0));
    let mut tags = Vec::new();
    for part in parts {
        match part.split_whitespace().collect::<Vec<_>>().as_slice() {
            [taken, "of", capacity, "taken"] => {
                agent.slots_taken = taken.parse().unwrap();
                agent.capacity = Capacity::new(capacity.parse().unwrap()).unwrap();
            }
            ["in", phase] => agent.phase_id = Some((*phase).to_owned()),
            ["version", version] => agent.version = version.parse().unwrap(),
            ["beat", second] => {
                let now = at(second.parse().unwrap());
                agent.heartbeat = agent.heartbeat.take(None, now).0;
            }
            ["progress", second] => agent.last_progress = Some(at(second.parse().unwrap())),
            ["draining"] => agent.draining = true,
            [word] if word.starts_with('#') => tags.push(&word[1..]),
            [word] => match word.parse::<AgentType>() {
                Ok(agent_type) => agent.agent_type = agent_type,
                Err(_) => agent.status = word.parse().unwrap(),
            },
            other => panic!("not part of an agent: {other:?}"),
        }
    }
    agent.tags = Tags::parse(tags).unwrap();
    agent
}

pub(crate) fn id(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Uuid::from_bytes(bytes)
}
