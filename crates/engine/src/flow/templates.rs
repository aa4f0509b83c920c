//! The tasks that entering a phase makes.

use std::collections::HashMap;

use phaseline_persistence::{
    Tx, tasks,
    tickets::{self, Ticket},
};
use phaseline_registry::Capability;
use phaseline_tasks::TaskTemplate;
use uuid::Uuid;

use crate::{
    Call, Result, Settings, announce,
    tasks::{Create, fresh},
    tickets::workflow,
};

/// Makes the tasks of the phase that a ticket has just entered, once.
pub(crate) async fn enter(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    ticket: &mut Ticket,
) -> Result<()> {
    let phase = ticket.position.phase.clone();
    let templates = settings.template_plan.for_phase(&phase);
    if templates.is_empty()
        || !settings.templates_on(ticket)
        || ticket.templated_phases.contains(&phase)
    {
        return Ok(());
    }
    let workflow = workflow(&ticket.workflow_id)?;
    ticket.templated_phases.push(phase.clone());
    tickets::mark_templated(tx, ticket.id, &ticket.templated_phases).await?;
    let there = tasks::of_tickets(tx.connection(), &[ticket.id]).await?;
    let mut known: HashMap<String, Uuid> =
        there.into_iter().filter_map(|task| Some((task.key?, task.id))).collect();
    let mut made = Vec::new();
    // In an order in which each comes after those that it waits for.
    let mut left: Vec<&TaskTemplate> = templates.iter().collect();
    while !left.is_empty() {
        let ready = |template: &&TaskTemplate| {
            template.depends_on.iter().all(|key| known.contains_key(key))
        };
        let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(ready);
        if now.is_empty() {
            break; // a circle, which the plan does not have when it was checked
        }
        for template in now {
            if known.contains_key(&template.key) {
                continue; // the ticket came with a task of this name
            }
            let new = from_template(template, &known);
            let of = (ticket.id, ticket.priority);
            let task = fresh(call, settings, of, call.sources.id(), phase.clone(), new);
            known.insert(template.key.clone(), task.id);
            made.push(task);
        }
        left = later;
    }
    tasks::insert(tx, workflow, &made).await?;
    for task in &made {
        tx.announce(announce::task_created(call, task));
    }
    Ok(())
}

fn from_template(template: &TaskTemplate, known: &HashMap<String, Uuid>) -> Create {
    let TaskTemplate {
        key,
        title,
        task_type,
        description,
        priority,
        required_capabilities,
        depends_on,
    } = template.clone();
    Create {
        task_type: Some(task_type),
        title: Some(title),
        description,
        priority,
        key: Some(key),
        depends_on: depends_on.iter().filter_map(|key| known.get(key).copied()).collect(),
        required_capabilities: required_capabilities
            .iter()
            .filter_map(|name| Capability::parse(name).ok())
            .collect(),
        ..Create::default()
    }
}
