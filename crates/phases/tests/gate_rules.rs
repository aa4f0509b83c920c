//! What must hold of every gate, whatever is handed in.

use phaseline_phases::{
    Approval, Artifact, ArtifactDemand, Criterion, Evidence, Gate, GateFacts, Grade, TaskCounts,
    gate,
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value};
use strum::IntoEnumIterator;

/// Few words, so that types, members and sections meet often enough.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "text", "sections", "title"]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        prop::sample::select(vec![
            "# a", "## 1. b:", "a", "===", "---", "```", "~~~~", "85 %", "1e9", "#", ""
        ])
        .prop_map(str::to_owned),
        any::<String>(),
        "[-# `=~.0-9%a-b\t]{0,12}",
    ];
    vec(line, 0..6).prop_map(|lines| lines.join("\n"))
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..5).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((word(), inner), 0..5).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

fn grade() -> impl Strategy<Value = Grade> {
    prop::sample::select(Grade::iter().collect::<Vec<_>>())
}

fn criterion() -> impl Strategy<Value = Criterion> {
    prop_oneof![
        (0_u32..20).prop_map(|chars| Criterion::MinLength { chars }),
        vec(word(), 0..3).prop_map(|required| Criterion::Sections { required }),
        (prop::option::of(word()), prop_oneof![0.0..4.0, any::<f64>()])
            .prop_map(|(field, at_least)| Criterion::Minimum { field, at_least }),
        word().prop_map(|field| Criterion::Flag { field }),
    ]
}

fn any_demand() -> impl Strategy<Value = ArtifactDemand> {
    let kind = prop::sample::select(vec!["a", "b"]).prop_map(str::to_owned);
    (kind, vec(criterion(), 0..3), grade()).prop_map(|(kind, criteria, grade)| ArtifactDemand {
        kind,
        criteria,
        grade,
    })
}

type Piece = (Artifact, Grade, Option<String>);

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let kind = prop::sample::select(vec!["a", "b"]).prop_map(str::to_owned);
    let artifact = (kind, prop::option::of(json())).prop_map(|(kind, content)| Artifact {
        kind,
        path: None,
        content,
    });
    vec((artifact, grade(), prop::option::of(any::<String>())), 0..5)
}

fn is_met(demand: &ArtifactDemand, pieces: &[Piece]) -> bool {
    let evidence: Vec<Evidence<'_>> = pieces
        .iter()
        .map(|(artifact, grade, by)| Evidence { artifact, grade: *grade, by: by.as_deref() })
        .collect();
    let gate = Gate { artifacts: vec![demand.clone()], ..Gate::default() };
    gate::evaluate(&gate, &GateFacts { evidence: &evidence, ..GateFacts::default() }).is_met()
}

proptest! {
    #[test]
    fn more_evidence_never_takes_away_from_what_is_met(
        demand in any_demand(),
        few in pieces(),
        more in pieces(),
    ) {
        let all = [few.clone(), more.clone()].concat();
        prop_assert_eq!(is_met(&demand, &all), is_met(&demand, &few) || is_met(&demand, &more));
    }

    #[test]
    fn any_one_piece_does_it_or_none(demand in any_demand(), pieces in pieces()) {
        let one = pieces.iter().any(|piece| is_met(&demand, std::slice::from_ref(piece)));
        prop_assert_eq!(is_met(&demand, &pieces), one);
    }

    #[test]
    fn asking_for_a_better_grade_never_meets_a_gate(
        demand in any_demand(),
        grade in grade(),
        pieces in pieces(),
    ) {
        let stricter = ArtifactDemand { grade: demand.grade.max(grade), ..demand.clone() };
        prop_assert!(is_met(&demand, &pieces) || !is_met(&stricter, &pieces));
    }

    #[test]
    fn one_criterion_more_never_meets_a_gate(
        demand in any_demand(),
        criterion in criterion(),
        pieces in pieces(),
    ) {
        let mut stricter = demand.clone();
        stricter.criteria.push(criterion);
        prop_assert!(is_met(&demand, &pieces) || !is_met(&stricter, &pieces));
    }

    #[test]
    fn a_report_has_a_point_for_each_thing_asked_and_words_for_each_point(
        demands in vec(any_demand(), 0..4),
        tasks_completed in any::<bool>(),
        approvals in 0_u32..3,
        open in 0_u32..2,
        pieces in pieces(),
    ) {
        let gate = Gate { artifacts: demands, tasks_completed, approvals };
        let evidence: Vec<Evidence<'_>> = pieces
            .iter()
            .map(|(artifact, grade, _)| Evidence { artifact, grade: *grade, by: None })
            .collect();
        let tasks = TaskCounts { open, ..TaskCounts::default() };
        let facts = GateFacts { evidence: &evidence, tasks, ..GateFacts::default() };
        let report = gate::evaluate(&gate, &facts);
        let asked =
            gate.artifacts.len() + usize::from(tasks_completed) + usize::from(approvals > 0);
        prop_assert_eq!(report.points.len(), asked);
        prop_assert_eq!(report.is_met(), report.unmet().count() == 0);
        prop_assert_eq!(gate.is_open(), asked == 0);
        for point in &report.points {
            let words = [&point.demand, &point.found, &point.satisfied_by];
            prop_assert!(words.iter().all(|text| !text.is_empty()));
        }
    }

    #[test]
    fn approvals_count_by_name_and_version(
        given in vec((prop::sample::select(vec!["ada", "bob", "eve"]), 0_i64..3), 0..8),
        authors in prop::sample::subsequence(vec!["ada".to_owned(), "bob".to_owned()], 0..=2),
        asked in 1_u32..4,
    ) {
        let approvals: Vec<Approval> = given
            .iter()
            .map(|(by, at_version)| Approval { by: (*by).to_owned(), at_version: *at_version })
            .collect();
        let facts =
            GateFacts { approvals: &approvals, version: 1, authors: &authors, ..GateFacts::default() };
        let gate = Gate { approvals: asked, ..Gate::default() };
        let mut names: Vec<&str> = given
            .iter()
            .filter(|(by, version)| *version == 1 && !authors.iter().any(|author| author == by))
            .map(|(by, _)| *by)
            .collect();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(gate::evaluate(&gate, &facts).is_met(), names.len() >= asked as usize);
    }
}
