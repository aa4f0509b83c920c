//! What a command reads on its standard input, and finds in its environment.

use std::fmt::Write as _;

use phaseline_client::wire::{Claim, Task, Ticket};
use uuid::Uuid;

use super::options::Input;

/// The hand-over of a claimed task, ending with a newline.
pub(super) fn text(claim: &Claim, input: Input) -> serde_json::Result<Vec<u8>> {
    match input {
        Input::Json => {
            let mut json = serde_json::to_vec(claim)?;
            json.push(b'\n');
            Ok(json)
        }
        Input::Markdown => Ok(markdown(claim).into_bytes()),
    }
}

/// The variables that say which task it is, and where to say more about it.
pub(super) fn environment(
    claim: &Claim,
    agent_id: Uuid,
    server: &str,
) -> [(&'static str, String); 6] {
    [
        ("PHASELINE_TASK_ID", claim.task.id.to_string()),
        ("PHASELINE_TICKET_ID", claim.ticket.id.to_string()),
        ("PHASELINE_FENCING_TOKEN", claim.fencing_token.to_string()),
        ("PHASELINE_AGENT_ID", agent_id.to_string()),
        ("PHASELINE_SERVER", server.to_owned()),
        ("PHASELINE_PHASE", claim.task.phase_id.to_string()),
    ]
}

/// A task as people call it: `PHL-1/PHL-1.1 Say which moves are legal`.
pub(super) fn name(task: &Task, ticket: &Ticket) -> String {
    let mut name = match (&ticket.key, &task.key) {
        (Some(ticket), Some(task)) => format!("{ticket}/{task}"),
        (Some(ticket), None) => format!("{ticket}/{}", task.id),
        (None, _) => task.id.to_string(),
    };
    if let Some(title) = &task.title {
        name.push(' ');
        name.push_str(title);
    }
    name
}

fn markdown(claim: &Claim) -> String {
    let Claim { task, ticket, fencing_token: _, lease_expires_at: _, pack } = claim;
    let title = task.title.as_deref().unwrap_or(task.task_type.as_str());
    let key = |key: &Option<String>, id: Uuid| key.clone().unwrap_or_else(|| id.to_string());
    let mut text = format!(
        "# Task: {title}\n\n{} of type {}, in {}, {}\n",
        key(&task.key, task.id),
        task.task_type,
        task.phase_id,
        task.priority,
    );
    section(&mut text, &task.description);
    // Writing to a string cannot fail.
    let _ = write!(text, "\n# Ticket: {}\n\n{}\n", ticket.title, key(&ticket.key, ticket.id));
    section(&mut text, &ticket.description);
    if !pack.summary.trim().is_empty() {
        text.push_str("\n# What is known so far\n");
        section(&mut text, &pack.summary);
    }
    text
}

fn section(text: &mut String, paragraph: &str) {
    let paragraph = paragraph.trim();
    if !paragraph.is_empty() {
        text.push('\n');
        text.push_str(paragraph);
        text.push('\n');
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A claim of a task whose ticket has a past.
    pub(in super::super) fn claim() -> Claim {
        let (task, ticket) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let time = "2026-01-31T08:15:00.000000Z";
        serde_json::from_value(json!({
            "task": {
                "id": task, "ticket_id": ticket, "key": "T-1", "phase_id": "PHASE_DESIGN",
                "task_type": "design", "title": "Draw it", "description": "With a pencil.\n",
                "priority": "HIGH", "estimate": null, "agent_type": "worker",
                "required_capabilities": ["drawing"], "status": "claimed", "result": null,
                "error_message": null, "depends_on": [], "agent_id": Uuid::from_u128(3),
                "fencing_token": 4, "lease_expires_at": time, "available_at": null,
                "max_attempts": 3, "attempts_used": 0, "version": 2, "created_at": time,
                "updated_at": time, "finished_at": null, "finished_by": null,
            },
            "ticket": {
                "id": ticket, "key": "K-1", "title": "The keys", "description": "All of them.",
                "priority": "HIGH", "estimate": null, "workflow_id": "standard",
                "phase_id": "PHASE_DESIGN", "status": "in_progress", "previous_phase_id": null,
                "blocked_by": [], "version": 3, "created_at": time,
                "updated_at": time, "gates": null, "templates": null, "auto_advance": true,
                "skip_empty_phases": null, "blocker": null, "answers": [],
            },
            "fencing_token": 4, "lease_expires_at": time,
            "pack": {
                "ticket_id": ticket, "target_phase": "PHASE_DESIGN", "phases": [],
                "summary": "## PHASE_REQUIREMENTS\n### Decisions\n- One key each\n", "tokens": 9,
                "budget_tokens": null, "kept": [], "dropped": [], "superseded": [],
                "content_hash": "0",
            },
        }))
        .unwrap()
    }

    #[test]
    fn markdown_is_the_task_then_its_ticket_then_what_is_known() {
        let text = String::from_utf8(text(&claim(), Input::Markdown).unwrap()).unwrap();
        insta::assert_snapshot!(text, @r"
        # Task: Draw it

        T-1 of type design, in PHASE_DESIGN, HIGH

        With a pencil.

        # Ticket: The keys

        K-1

        All of them.

        # What is known so far

        ## PHASE_REQUIREMENTS
        ### Decisions
        - One key each
        ");
    }

    #[test]
    fn json_is_the_claim_as_the_server_gave_it() {
        let json = text(&claim(), Input::Json).unwrap();
        assert_eq!(json.last(), Some(&b'\n'));
        assert_eq!(serde_json::from_slice::<Claim>(&json).unwrap(), claim());
    }

    #[test]
    fn the_environment_says_which_task_it_is() {
        let variables = environment(&claim(), Uuid::from_u128(3), "http://host");
        let text: Vec<String> =
            variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        PHASELINE_TASK_ID=00000000-0000-0000-0000-000000000001
        PHASELINE_TICKET_ID=00000000-0000-0000-0000-000000000002
        PHASELINE_FENCING_TOKEN=4
        PHASELINE_AGENT_ID=00000000-0000-0000-0000-000000000003
        PHASELINE_SERVER=http://host
        PHASELINE_PHASE=PHASE_DESIGN
        ");
    }

    #[test]
    fn a_task_is_called_by_its_keys_and_title() {
        let Claim { task, ticket, .. } = claim();
        assert_eq!(name(&task, &ticket), "K-1/T-1 Draw it");
        let nameless = Ticket { key: None, ..ticket };
        assert_eq!(name(&task, &nameless), "00000000-0000-0000-0000-000000000001 Draw it");
    }
}
