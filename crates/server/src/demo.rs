//! `phaseline demo`: a team of agents carries tickets through all phases, by claims over REST.

mod narrator;
mod outcome;
mod performance;
mod script;
mod team;
mod words;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context;
use phaseline_client::{Client, wire::Backlog};

use crate::{
    config::{LogFormat, Settings, Telemetry},
    serve::Running,
};
use narrator::Narrator;
use performance::Performance;
use script::Script;
use team::Team;

/// The tickets and tasks of the demonstration: this system's own first work.
const BACKLOG: &str = include_str!("../../../examples/backlog.json");

/// Who looks after the team.
const OPERATOR: &str = "mia";

/// Serves a database in a temporary directory, plays the script over it, and shows what came of it.
pub(crate) async fn run() -> anyhow::Result<()> {
    perform(&Narrator::to_people()).await
}

async fn perform(narrator: &Narrator) -> anyhow::Result<()> {
    let directory = tempfile::tempdir().context("there is no place for a temporary database")?;
    let database_url = format!("sqlite://{}", directory.path().join("demo.db").display());
    let server = Running::start(settings(database_url)).await?;
    let shown = play(server.address(), narrator).await;
    server.stop().await?;
    shown
}

async fn play(address: SocketAddr, narrator: &Narrator) -> anyhow::Result<()> {
    let mut backlog: Backlog = serde_json::from_str(BACKLOG)?;
    for ticket in &mut backlog.tickets {
        (ticket.auto_advance, ticket.skip_empty_phases) = (Some(true), Some(true));
    }
    let Script { agents, acts } = Script::read()?;
    let server = format!("http://{address}");
    let client = Client::builder(&server).actor(OPERATOR).build()?;

    narrator.say("server", "", &format!("listens on {server}, over a database of its own"))?;
    let imported = client.backlogs().import(&backlog).await?;
    let counts =
        format!("{} tickets and {} tasks", imported.tickets_created, imported.tasks_created);
    narrator.say("backlog", "", &format!("imported: {counts}, from examples/backlog.json"))?;
    let team = Team::register(&client, &server, agents).await?;
    team.introduce(narrator)?;

    narrator.begin(acts.len());
    let mut performance = Performance::new(&client, &team, narrator, &backlog, acts).await?;
    performance.play().await?;
    narrator.finish();
    outcome::show(&client, narrator, performance.tickets()).await?;
    team.dismiss().await;
    Ok(())
}

fn settings(database_url: String) -> Settings {
    Settings {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        database_url,
        workers: Some(2),
        floors: false,
        telemetry: Telemetry { filter: "off".to_owned(), format: LogFormat::Text },
        engine: phaseline_engine::Settings {
            // Nobody wants to wait for the end of a lease any longer than it lasts.
            sweep_every: Duration::from_millis(200),
            ..phaseline_engine::Settings::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use super::*;

    /// Paper that can be read while somebody writes on it.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_story_is_told_to_its_end() {
        let paper = Paper::default();
        perform(&Narrator::to(Box::new(paper.clone()))).await.unwrap();
        let story = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        let told = |part: &str| story.lines().filter(|line| line.contains(part)).count();
        assert_eq!(told(" done            moves on by itself: "), 5, "{story}");
        assert_eq!(told("ben dies in the middle of it"), 1, "{story}");
        assert_eq!(told("PHL-3    blocked         blocked by ada: "), 1, "{story}");
        assert_eq!(told("PHL-3    design          resumed by mia: "), 1, "{story}");
        assert_eq!(told("PHL-4    implementation  sent back by tom: "), 1, "{story}");
        assert_eq!(
            told("refused: A ticket cannot move from PHASE_DESIGN to PHASE_DEPL"),
            1,
            "{story}"
        );
        assert_eq!(told("eva comes back too late: refused (lease-lost): "), 1, "{story}");
        assert_eq!(told("of at most 400 tokens"), 1, "{story}");
        assert!(story.contains("## PHASE_TESTING\n"), "{story}");
    }
}
