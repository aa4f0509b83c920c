//! What stands after which tasks.

use chrono::DateTime;
use phaseline_phases::Phase;

use super::*;
use crate::kit::{task, texts};
use crate::{Findings, Superseded, aggregate};

/// One line a task, in order of completion: `R +a -b>c` decides `a` in requirements (`D` is design)
/// and supersedes `b` by `c`. Then each decision of the ticket with how it stands.
#[track_caller]
fn check(text: &str, expected: &str) {
    let mut requirements = Vec::new();
    let mut design = Vec::new();
    for (at, line) in (1_i64..).zip(text.lines()) {
        let mut done = task(at.unsigned_abs().into(), at, "done");
        let mut found = Findings::default();
        for word in line.split_whitespace().skip(1) {
            if let Some(decision) = word.strip_prefix('+') {
                found.decisions.push(decision.to_owned());
            } else if let Some((decision, by)) = word.trim_start_matches('-').split_once('>') {
                let by = (!by.is_empty()).then(|| by.to_owned());
                found.supersedes.push(Superseded { decision: decision.to_owned(), by });
            }
        }
        done.result.context = found;
        if line.starts_with('R') { requirements.push(done) } else { design.push(done) }
    }
    let mut ticket = TicketContext::default();
    for (phase, tasks) in [(Phase::Requirements, requirements), (Phase::Design, design)] {
        let draft = aggregate(&phase.id(), &tasks).with_summary("", "test");
        ticket = ticket.record(draft, DateTime::UNIX_EPOCH).unwrap();
    }
    let order = [Phase::Requirements.id(), Phase::Design.id()];
    let decisions = order
        .iter()
        .flat_map(|phase| ticket.phases[phase].decisions.iter().map(move |text| (phase, text)));
    let told = decisions.map(|(phase, decision)| match ticket.standing(phase, decision) {
        Standing::Stands => decision.clone(),
        Standing::Superseded { by } => format!("{decision}->{}", by.unwrap_or_default()),
        Standing::UnderReview => format!("{decision}?"),
    });
    assert_eq!(told.collect::<Vec<_>>().join(" "), expected, "{text}");
}

#[test]
fn a_decision_stands_until_a_later_task_supersedes_it() {
    check("R +a", "a");
    check("R +a\nR -a>b", "a->b b");
    check("R +a\nD -a>b", "a->b b");
    check("R +a\nD -a>", "a->");
    check("R -a>b\nR +a", "b a"); // decided anew
    check("R +a\nR -a>b\nD -a>c", "a->c b c"); // the last one says by what, whatever its phase
    check("R +a\nD -a>b\nD +a", "a b a");
    check("R +a -a>", "a"); // nobody withdraws what he decides in the same breath
    check("R +a\nR -x>y", "a y"); // nobody has decided x
    check("R +a\nR -a>b\nR -b>a", "a b->a"); // round in a circle: the last word stands
}

#[test]
fn white_space_around_a_decision_does_not_count() {
    let mut first = task(1, 1, "done");
    first.result.context.decisions = texts(&[" a\n"]);
    let mut second = task(2, 2, "done");
    second.result.context.supersedes = vec![Superseded { decision: "\ta".into(), by: None }];
    let design = Phase::Design.id();
    let draft = aggregate(&design, &[first, second]).with_summary("", "test");
    let ticket = TicketContext::default().record(draft, DateTime::UNIX_EPOCH).unwrap();
    assert_eq!(ticket.standing(&design, "a "), Standing::Superseded { by: None });
}

#[test]
fn review_is_of_phases_and_ends_when_they_are_confirmed() {
    let mut done = task(1, 1, "done");
    done.result.context.decisions = texts(&["a"]);
    let testing = Phase::Testing.id();
    let draft = aggregate(&testing, &[done]).with_summary("", "test");
    let ticket = TicketContext::default().record(draft, DateTime::UNIX_EPOCH).unwrap();
    assert_eq!(ticket.review(&[Phase::Design.id()]), None, "it has no context of that phase");
    let back = ticket.review(std::slice::from_ref(&testing)).unwrap();
    assert_eq!(back.standing(&testing, " a "), Standing::UnderReview);
    assert_eq!(back.review(std::slice::from_ref(&testing)), None);
    assert_eq!(back.history, ticket.history, "it is no aggregation");
    let read: TicketContext = serde_json::from_value(serde_json::to_value(&back).unwrap()).unwrap();
    assert_eq!(read, back);
    assert!(!serde_json::to_string(&ticket).unwrap().contains("under_review"));
    assert_eq!(back.confirm(&testing), Some(ticket.clone()));
    assert_eq!(ticket.confirm(&testing), None);
}
