//! Answers, decisions under review, and those that no longer stand.

use insta::assert_snapshot;

use super::*;

/// A phase of one task that left this behind, recorded.
fn with(ticket: &TicketContext, phase: Phase, at: i64, found: Findings) -> TicketContext {
    let mut done = task(9, at, "Done.");
    done.result.context = found;
    let draft = aggregate(&phase.id(), &[done]);
    ticket.record(draft.with_summary("Done.", "test"), DateTime::UNIX_EPOCH).unwrap()
}

#[test]
fn answers_come_first_and_whole() {
    let before = Phase::SEQUENCE.map(Phase::id);
    let pins = [pinned(Some("Left or right?"), "Left."), pinned(None, " "), pinned(None, "Soon.")];
    let pack =
        |budget| pack(&ticket(), &before[..3], &Phase::Implementation.id(), &pins, Some(budget));
    assert_snapshot!(pack(40).summary, @"
    ## Answers
    - Left. (ann)
      asked: Left or right?
    - Soon. (ann)
    ## PHASE_REQUIREMENTS
    ### Decisions
    - Offline use is a must
    ");
    assert_eq!(pack(12).kept[0].pointer, "/answers/2", "one that does not fit is passed over");
    assert_eq!(pack(3).kept, []);
}

#[test]
fn what_is_under_review_comes_along_and_is_marked() {
    let found = Findings {
        decisions: texts(&["Test with ten users"]),
        risks: texts(&["It loses messages"]),
        ..Findings::default()
    };
    let ticket = with(&TicketContext::default(), Phase::Testing, 5, found);
    assert_eq!(packed(&ticket, None).summary, "", "a later phase has no say");
    let back = ticket.review(&[Phase::Testing.id()]).unwrap();
    let pack = packed(&back, None);
    assert_snapshot!(pack.summary, @"
    ## PHASE_TESTING
    ### Summary
    - Done.
    ### Decisions
    - Test with ten users (under review)
    ### Risks
    - It loses messages
    ### Tasks
    - design: Done.
    ");
    assert!(pack.phases[0].under_review);
    assert_eq!(
        pack.phases[0].decisions,
        ["Test with ten users"],
        "as data it is as it was decided"
    );
    assert_eq!(packed(&back.confirm(&Phase::Testing.id()).unwrap(), None).summary, "");
}

#[test]
fn a_mark_does_not_make_a_blank_decision_an_item() {
    let mut back = ticket().review(&[Phase::Design.id()]).unwrap();
    let design = back.phases.get_mut(&Phase::Design.id()).unwrap();
    std::sync::Arc::make_mut(design).decisions = texts(&[" \n"]);
    assert!(!packed(&back, None).summary.contains("(under review)"));
}

#[test]
fn phases_that_the_ticket_came_back_from_are_in_the_order_of_its_way() {
    let mut ticket = TicketContext::default();
    for phase in [Phase::Testing, Phase::Deployment, Phase::Testing] {
        let decisions = vec![format!("{phase} {}", ticket.history.len())];
        ticket = with(&ticket, phase, 5, Findings { decisions, ..Findings::default() });
    }
    let back = ticket.review(&[Phase::Deployment.id(), Phase::Testing.id()]).unwrap();
    let ids =
        |pack: &Pack| pack.phases.iter().map(|phase| phase.phase_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&packed(&back, None)), [Phase::Testing.id(), Phase::Deployment.id()]);

    let order = Phase::SEQUENCE.map(Phase::id);
    let pack = pack(&back, &order[..4], &Phase::Testing.id(), &[], None);
    assert_eq!(ids(&pack), [Phase::Deployment.id()], "never the target itself");
}

#[test]
fn a_pack_from_before_there_were_answers_reads() {
    let mut stored = serde_json::to_value(packed(&ticket(), Some(75))).unwrap();
    stored.as_object_mut().unwrap().remove("superseded");
    for phase in stored["phases"].as_array_mut().unwrap() {
        phase.as_object_mut().unwrap().remove("under_review");
    }
    assert_eq!(serde_json::from_value::<Pack>(stored).unwrap(), packed(&ticket(), Some(75)));
}

#[test]
fn what_was_superseded_is_told_apart() {
    let supersedes = vec![Superseded {
        decision: "Offline use is a must".to_owned(),
        by: Some("Online only".to_owned()),
    }];
    let found = Findings { decisions: texts(&["Online only"]), supersedes, ..Findings::default() };
    let pack = packed(&with(&ticket(), Phase::Design, 99, found), None);
    assert!(!pack.summary.contains("Offline use is a must"), "{}", pack.summary);
    assert!(pack.summary.contains("- Online only"), "{}", pack.summary);
    assert_eq!(
        pack.superseded,
        [SupersededDecision {
            phase_id: Phase::Requirements.id(),
            decision: "Offline use is a must".to_owned(),
            by: Some("Online only".to_owned()),
        }]
    );
}
