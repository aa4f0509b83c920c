//! The writes of tasks, each at the version that was decided on.

use phaseline_phases::Workflow;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, Iterable, QueryFilter, QueryTrait,
};

use super::{TABLE, Task};
use crate::{
    Result, Tx,
    connection::About,
    decode,
    entity::{task, task_dependency},
    query::{Text, insert_rows},
    tickets::ROWS_AT_ONCE,
};

/// Inserts tasks with what they wait for. The workflow says which phase comes before which.
///
/// # Errors
/// [`crate::Error::Duplicate`] for a key that its ticket has already,
/// [`crate::Error::BrokenReference`] for a ticket or dependency that is not there.
pub async fn insert(tx: &Tx, workflow: &Workflow, tasks: &[Task]) -> Result<()> {
    static TEXT: Text = Text::new();
    for tasks in tasks.chunks(ROWS_AT_ONCE) {
        let rows = tasks.iter().map(|task| row(workflow, task)).collect::<Result<Vec<_>>>()?;
        insert_rows(tx, &TEXT, rows).await?;
    }
    let edges: Vec<_> = tasks
        .iter()
        .flat_map(|task| task.depends_on.iter().map(|dependency| (task.id, *dependency)))
        .map(|(task_id, depends_on_id)| task_dependency::ActiveModel {
            task_id: Set(task_id),
            depends_on_id: Set(depends_on_id),
        })
        .collect();
    for edges in edges.chunks(ROWS_AT_ONCE) {
        tx.connection().change(&task_dependency::Entity::insert_many(edges.to_vec())).await?;
    }
    Ok(())
}

/// Stores where a task has got, if it is still at `version`; `false` when it is not. What the task
/// is asked to do stays as it is.
///
/// # Errors
/// Storage failures.
pub async fn replace(tx: &Tx, task: &Task, version: i64) -> Result<bool> {
    static TEXT: Text = Text::new();
    let example = progress(task)?;
    let mut changed = example.clone();
    let columns = task::Column::iter();
    let values = columns.filter_map(|column| changed.take(column).into_value());
    let values = values.chain([task.id.into(), version.into()]).collect();
    let db = tx.connection();
    let query = TEXT.with(db.backend(), values, || {
        task::Entity::update_many()
            .set(example)
            .filter(task::Column::Id.eq(task.id))
            .filter(task::Column::Version.eq(version))
            .into_query()
    });
    db.guarded(About::Task(task.id), query).await
}

fn row(workflow: &Workflow, task: &Task) -> Result<task::ActiveModel> {
    let rank = workflow.rank(&task.phase_id).unwrap_or_default();
    let capabilities =
        decode::encoded(TABLE, "required_capabilities", &task.required_capabilities)?;
    Ok(task::ActiveModel {
        id: Set(task.id),
        ticket_id: Set(task.ticket_id),
        key: Set(task.key.clone()),
        phase_id: Set(task.phase_id.to_string()),
        phase_rank: Set(decode::number(TABLE, "phase_rank", rank)?),
        task_type: Set(task.task_type.to_string()),
        title: Set(task.title.clone()),
        description: Set(task.description.clone()),
        priority: Set(task.priority.to_string()),
        priority_rank: Set(i32::from(task.priority.rank())),
        estimate: Set(task.estimate.clone()),
        agent_type: Set(task.agent_type.to_string()),
        required_capabilities: Set(capabilities),
        max_attempts: Set(decode::number(TABLE, "max_attempts", task.max_attempts)?),
        fencing_token: Set(task.fencing_token),
        created_at: Set(task.created_at),
        ..progress(task)?
    })
}

/// What changes of a task after it was made; only a claim changes its token.
fn progress(task: &Task) -> Result<task::ActiveModel> {
    let result =
        task.result.as_ref().map(|result| decode::encoded(TABLE, "result", result)).transpose()?;
    let number = |column, value: u32| decode::number::<i32, _>(TABLE, column, value);
    Ok(task::ActiveModel {
        status: Set(task.status.to_string()),
        result: Set(result),
        error_message: Set(task.error_message.clone()),
        finished_at: Set(task.finished_at),
        finished_by: Set(task.finished_by.clone()),
        attempts_used: Set(number("attempts_used", task.attempts_used)?),
        failures_in_a_row: Set(number("failures_in_a_row", task.failures_in_a_row)?),
        losses_in_a_row: Set(number("losses_in_a_row", task.losses_in_a_row)?),
        agent_id: Set(task.agent_id),
        lease_expires_at: Set(task.lease_expires_at),
        available_at: Set(task.available_at),
        version: Set(task.version),
        updated_at: Set(task.updated_at),
        ..<task::ActiveModel as ActiveModelTrait>::default()
    })
}
