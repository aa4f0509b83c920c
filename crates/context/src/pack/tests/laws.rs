//! What holds for every budget.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A phase as no aggregation would leave it: blank items, repetitions, breaks and all.
fn any_phase(phase: Phase) -> impl Strategy<Value = PhaseContext> {
    let list = || vec(nasty(), 0..4);
    (nasty(), list(), list(), list(), list()).prop_map(
        move |(summary, decisions, risks, notes, reported)| {
            let tasks = (0_u128..).zip(reported).map(|(id, summary)| task(id, 0, &summary));
            let draft = aggregate(&phase.id(), tasks.collect::<Vec<_>>());
            PhaseContext { decisions, risks, notes, ..draft.with_summary(summary, "test") }
        },
    )
}

fn any_ticket() -> impl Strategy<Value = TicketContext> {
    (any_phase(Phase::Requirements), any_phase(Phase::Design)).prop_map(|(one, two)| {
        let ticket = TicketContext::default().record(one, DateTime::UNIX_EPOCH).unwrap();
        ticket.record(two, DateTime::UNIX_EPOCH).unwrap()
    })
}

/// The lines of a text, without the white space that layout may change.
fn lines(text: &str) -> Vec<&str> {
    let lines = text.split(['\n', '\r']).map(str::trim);
    lines.filter(|line| !line.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_budget_is_exceeded_and_no_item_is_cut(ticket in any_ticket(), budget in 0_u32..400) {
        let all = packed(&ticket, None);
        let pack = packed(&ticket, Some(budget));
        prop_assert!(all.dropped.is_empty());
        prop_assert!(pack.tokens <= budget);
        prop_assert_eq!(pack.tokens, count_tokens(&pack.summary));
        prop_assert_eq!(pack.kept.len() + pack.dropped.len(), all.kept.len());
        prop_assert_eq!(&packed(&ticket, Some(all.tokens)).summary, &all.summary);

        let document = serde_json::to_value(&ticket).unwrap();
        let text = lines(&pack.summary).join("\n");
        for item in &pack.kept {
            let found = document.pointer(&item.pointer).unwrap();
            let words = found.get("summary").unwrap_or(found).as_str().unwrap();
            prop_assert!(text.contains(&lines(words).join("\n")), "{} is cut", item.pointer);
        }
        for item in &pack.dropped {
            prop_assert!(document.pointer(&item.pointer).is_some_and(|found| *found != Value::Null));
        }
    }

    #[test]
    fn answers_and_marks_keep_to_the_budget_too(
        ticket in any_ticket(), answers in vec((proptest::option::of(nasty()), nasty()), 0..4),
        budget in 0_u32..400,
    ) {
        let pins: Vec<Pinned> = answers
            .into_iter()
            .map(|(question, answer)| pinned(question.as_deref(), &answer))
            .collect();
        let reviewed = ticket.review(&[Phase::Requirements.id(), Phase::Design.id()]).unwrap();
        let before = [Phase::Requirements.id()];
        let pack = |budget| pack(&reviewed, &before, &Phase::Implementation.id(), &pins, budget);
        let (all, some) = (pack(None), pack(Some(budget)));
        prop_assert!(some.tokens <= budget);
        prop_assert_eq!(some.tokens, count_tokens(&some.summary));
        prop_assert_eq!(some.kept.len() + some.dropped.len(), all.kept.len());
        prop_assert_eq!(&pack(Some(all.tokens)).summary, &all.summary);
        let given = pins.iter().filter(|pin| !pin.answer.trim().is_empty()).count();
        let kept = all.kept.iter().take_while(|item| item.kind == ItemKind::Answer).count();
        prop_assert_eq!(kept, given, "answers come first");
    }

    #[test]
    fn the_tokens_of_items_and_headings_are_all_there_is(ticket in any_ticket()) {
        let phases: Vec<&PhaseContext> = ticket.phases.values().map(AsRef::as_ref).collect();
        let items = item::gather::<PhaseTokens>(&[], &phases, &BTreeMap::new(), &Standings::of(&ticket));
        prop_assert_eq!(items.len(), packed(&ticket, None).kept.len());
        let headings: BTreeSet<_> = items.iter().flat_map(Item::headings).collect();
        let headings = headings.iter().map(|heading| count_tokens(&heading.line)).sum::<u32>();
        let entries = items.iter().map(|item| item.tokens).sum::<u32>();
        prop_assert_eq!(packed(&ticket, None).tokens, headings + entries);
    }

    #[test]
    fn what_is_kept_as_data_is_what_the_manifest_names(
        ticket in any_ticket(), budget in 0_u32..400
    ) {
        let pack = packed(&ticket, Some(budget));
        let count = |phase: &PackedPhase| {
            usize::from(phase.summary.is_some())
                + [&phase.decisions, &phase.risks, &phase.notes].map(Vec::len).iter().sum::<usize>()
                + phase.tasks.len()
        };
        prop_assert_eq!(pack.phases.iter().map(count).sum::<usize>(), pack.kept.len());
        prop_assert!(pack.phases.iter().all(|phase| count(phase) > 0));
    }

    #[test]
    fn the_most_important_item_is_kept_whenever_it_fits(
        ticket in any_ticket(), budget in 0_u32..60
    ) {
        let phases = ticket.among(&[Phase::Requirements.id(), Phase::Design.id()]);
        if let Some(first) = item::gather::<PhaseTokens>(&[], &phases, &BTreeMap::new(), &Standings::of(&ticket)).first() {
            let alone = count_tokens(&render::markdown(&[first]));
            let kept = packed(&ticket, Some(budget)).kept;
            prop_assert_eq!(kept.first() == Some(&first.entry()), alone <= budget);
        }
    }

    #[test]
    fn what_is_known_of_the_tokens_changes_nothing(
        ticket in any_ticket(), reviewed in any::<bool>(), budget in proptest::option::of(0_u32..400)
    ) {
        let back = ticket.review(&[Phase::Design.id()]).unwrap();
        let ticket = if reviewed { back } else { ticket };
        let counts = ticket.phases.iter().map(|(id, phase)| (id.clone(), PhaseTokens::of(phase)));
        let known: BTreeMap<PhaseId, PhaseTokens> = counts.collect();
        let before = Phase::SEQUENCE.map(Phase::id);
        let target = Phase::Implementation.id();
        let counted = pack_counted(&ticket, &known, &before[..3], &target, &[], budget);
        prop_assert_eq!(counted, packed(&ticket, budget));
        // Counts of something else are passed over.
        let wrong: BTreeMap<PhaseId, PhaseTokens> =
            known.into_keys().map(|id| (id, PhaseTokens::default())).collect();
        let counted = pack_counted(&ticket, &wrong, &before[..3], &target, &[], budget);
        let empty = |phase: &PhaseContext| PhaseTokens::default().fits(phase);
        if !ticket.phases.values().any(|phase| empty(phase)) {
            prop_assert_eq!(counted, packed(&ticket, budget));
        }
    }
}
