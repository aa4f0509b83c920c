//! `phaseline import`: sends a backlog from a file to a server, and says what came of it.

use std::{
    fmt::Write as _,
    io::{Read, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clap::Args;
use phaseline_client::{
    Client, Error,
    wire::{FieldError, Imported, Problem, json},
};
use serde_json::{Map, Value};

/// What to import, and to where.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The backlog; `-` reads standard input.
    file: PathBuf,
    /// The server that it goes to.
    #[arg(long, env = "PHASELINE_SERVER", value_name = "URL")]
    #[arg(default_value = "http://127.0.0.1:8080")]
    server: String,
    #[command(flatten)]
    switches: Switches,
}

/// How the tickets flow that do not say so themselves; as the server is configured where this says
/// nothing either.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Switches {
    /// New tickets leave their phases only through the gates, unless they say otherwise.
    #[arg(long, value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    gates: Option<bool>,
    /// Entering a phase makes the tasks of its templates.
    #[arg(long, value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    templates: Option<bool>,
    /// They advance by themselves when the work of their phase is done.
    #[arg(long, value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    auto_advance: Option<bool>,
    /// They then pass through phases that have no tasks.
    #[arg(long, value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    skip_empty_phases: Option<bool>,
}

/// Imports the backlog in a file, or on standard input when the file is `-`.
///
/// It is read here only to say where it cannot be; what it must keep to is the server's business.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let Options { file, server, switches } = options;
    let (name, text) = read(&file)?;
    let mut backlog = parse(&name, &text)?;
    if let Some(tickets) = backlog.get_mut("tickets").and_then(Value::as_array_mut) {
        tickets.iter_mut().filter_map(Value::as_object_mut).for_each(|ticket| switches.set(ticket));
    }
    let client = Client::builder(&server).actor("phaseline import").build()?;
    let outcome = client.backlogs().import_json(&backlog).await;
    let imported = outcome.map_err(|error| explain(error, &name, &server, &backlog))?;
    writeln!(std::io::stdout(), "{}", report(&name, imported))?;
    Ok(())
}

impl Switches {
    /// Sets what the ticket leaves open.
    fn set(self, ticket: &mut Map<String, Value>) {
        let Self { gates, templates, auto_advance, skip_empty_phases } = self;
        let switches = [
            ("gates", gates),
            ("templates", templates),
            ("auto_advance", auto_advance),
            ("skip_empty_phases", skip_empty_phases),
        ];
        for (name, switch) in switches {
            if let Some(switch) = switch.filter(|_| ticket.get(name).is_none_or(Value::is_null)) {
                ticket.insert(name.to_owned(), switch.into());
            }
        }
    }
}

fn read(file: &Path) -> anyhow::Result<(String, Vec<u8>)> {
    if file == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).context("standard input cannot be read")?;
        return Ok(("standard input".to_owned(), text));
    }
    let name = file.display().to_string();
    let text = std::fs::read(file).with_context(|| format!("{name} cannot be read"))?;
    Ok((name, text))
}

fn parse(name: &str, text: &[u8]) -> anyhow::Result<Value> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let text =
        std::str::from_utf8(text).map_err(|error| anyhow!("{name} is not UTF-8: {error}"))?;
    // The error says the line and the column.
    json::parse(text).map_err(|error| {
        let not_json = if error.is_data() { "" } else { "is not JSON: " };
        anyhow!("{name} {not_json}{error}")
    })
}

fn report(name: &str, imported: Imported) -> String {
    let Imported { tickets_created, tickets_unchanged, tasks_created, tasks_unchanged } = imported;
    format!(
        "imported {name}: {tickets_created} tickets created, {tickets_unchanged} unchanged; \
         {tasks_created} tasks created, {tasks_unchanged} unchanged"
    )
}

/// What went wrong, in words that say what to do about it.
fn explain(error: Error, name: &str, server: &str, backlog: &Value) -> anyhow::Error {
    if let Error::Problem(problem) = &error {
        return anyhow!("{}", refusal(problem, name, backlog));
    }
    let advice = if matches!(error, Error::Transport(_)) {
        format!(
            "{server} does not answer; start a server with `phaseline serve`, \
             or name another with --server URL"
        )
    } else {
        format!("is {server} a phaseline server? name the right one with --server URL")
    };
    anyhow::Error::new(error).context(format!("nothing was imported from {name}: {advice}"))
}

fn refusal(problem: &Problem, name: &str, backlog: &Value) -> String {
    let mut text = format!("nothing was imported from {name}: {}", problem.detail);
    for FieldError { pointer, detail } in &problem.errors {
        if pointer.is_empty() && *detail == problem.detail {
            continue; // the body as a whole, and that was said already
        }
        let item = item(pointer, backlog).map(|item| format!(" ({item})")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {pointer}{item}: {detail}");
    }
    text
}

/// The ticket or task that a JSON pointer leads into, by its key.
fn item(pointer: &str, backlog: &Value) -> Option<String> {
    let mut parts = pointer.strip_prefix('/')?.split('/');
    let (list, index) = (parts.next()?, parts.next()?.parse::<usize>().ok()?);
    let item = backlog.get(list)?.get(index)?;
    let named = |field: &str| item.get(field).and_then(Value::as_str);
    match list {
        "tickets" => Some(format!("ticket {}", named("key")?)),
        "tasks" => Some(format!("task {} of ticket {}", named("key")?, named("ticket")?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{
        "tickets": [{ "key": "A", "title": "a" }],
        "tasks": [{ "key": "1", "ticket": "A" }, { "key": "2", "ticket": "A", "depends_on": ["3"] }]
    }"#;

    #[test]
    fn a_file_that_is_not_json_is_named_with_the_place() {
        let refusal = |text: &str| parse("b.json", text.as_bytes()).unwrap_err().to_string();
        let unfinished = refusal("{\n  \"tickets\": [\n");
        assert!(unfinished.starts_with("b.json is not JSON: EOF"), "{unfinished}");
        assert!(unfinished.ends_with("at line 3 column 0"), "{unfinished}");
        let twice = refusal("{\n  \"tickets\": [],\n  \"tickets\": []\n}");
        assert!(
            twice.starts_with("b.json names the member \"tickets\" twice at line 3"),
            "{twice}"
        );
        assert!(parse("b.json", "\u{feff}{}".as_bytes()).is_ok());
    }

    #[test]
    fn a_refusal_names_what_its_pointers_lead_to() {
        let backlog = parse("b.json", SMALL.as_bytes()).unwrap();
        let problem = serde_json::json!({
            "type": "/problems/invalid", "title": "Invalid", "status": 422, "detail": "Two faults.",
            "errors": [
                { "pointer": "/tickets/0/title", "detail": "must not be blank" },
                { "pointer": "/tasks/1/depends_on/0", "detail": "is not there" },
                { "pointer": "/tasks/9", "detail": "is nowhere" },
                { "pointer": "", "detail": "Two faults." },
            ],
        });
        let problem: Problem = serde_json::from_value(problem).unwrap();
        assert_eq!(
            refusal(&problem, "b.json", &backlog),
            "nothing was imported from b.json: Two faults.\n  \
             /tickets/0/title (ticket A): must not be blank\n  \
             /tasks/1/depends_on/0 (task 2 of ticket A): is not there\n  \
             /tasks/9: is nowhere"
        );
    }

    #[test]
    fn a_switch_is_set_where_the_ticket_leaves_it_open() {
        let text = r#"{ "tickets": [{ "key": "A", "title": "a", "gates": false }] }"#;
        let mut backlog = parse("b.json", text.as_bytes()).unwrap();
        let ticket = backlog["tickets"][0].as_object_mut().unwrap();
        let (gates, auto_advance) = (Some(true), Some(true));
        Switches { gates, auto_advance, templates: Some(false), skip_empty_phases: None }
            .set(ticket);
        assert_eq!(
            backlog["tickets"][0],
            serde_json::json!({
                "key": "A", "title": "a", "gates": false, "templates": false, "auto_advance": true,
            })
        );
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_said_to_be_missing() {
        let vacant = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("b.json");
        std::fs::write(&file, SMALL).unwrap();
        let server = format!("http://{vacant}");
        let options = Options { file, server, switches: Switches::default() };
        let refusal = run(options).await.unwrap_err().to_string();
        assert!(refusal.contains("does not answer; start a server"), "{refusal}");
    }
}
