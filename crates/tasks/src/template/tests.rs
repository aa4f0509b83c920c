//! The plan as it is read, and everything that it can have wrong.

use phaseline_phases::Phase;
use proptest::prelude::*;

use super::*;

/// A plan from rows such as `PHASE_DESIGN: a, b > a c; PHASE_TESTING: d`, where `b` waits for `a`
/// and `c`. A title is its key, or what follows
/// `as`, with a blank for each `-`.
fn plan(text: &str) -> TemplatePlan {
    let rows = text.split(';').filter_map(|row| row.split_once(':'));
    TemplatePlan(
        rows.map(|(phase, templates)| {
            let templates = templates.split(',').map(|template| {
                let (key, awaited) = template.split_once('>').unwrap_or((template, ""));
                let (key, title) = key.split_once(" as ").unwrap_or((key, key));
                TaskTemplate {
                    key: key.trim().to_owned(),
                    title: title.trim().replace('-', " ").replace("\\n", "\n"),
                    task_type: TaskType::default(),
                    description: String::new(),
                    priority: None,
                    required_capabilities: Vec::new(),
                    depends_on: awaited.split_whitespace().map(str::to_owned).collect(),
                }
            });
            (PhaseId::parse(phase.trim()).unwrap(), templates.collect())
        })
        .collect(),
    )
}

/// What the check says to a plan.
#[track_caller]
fn check(text: &str, expected: &str) {
    let seen = plan(text).validated(Workflow::standard());
    assert_eq!(seen.map_or_else(|why| why.to_string(), |()| "fine".to_owned()), expected, "{text}");
}

#[test]
fn templates_belong_to_phases_that_are_worked_in() {
    check("", "fine");
    check("PHASE_BACKLOG: a; PHASE_DESIGN: b", "fine");
    check("PHASE_DONE: a", "PHASE_DONE cannot have task templates: it is not worked in");
    check("PHASE_BLOCKED: a", "PHASE_BLOCKED cannot have task templates: it is not worked in");
    check(
        "PHASE_LUNCH: a",
        "PHASE_LUNCH cannot be chosen here: choose one of PHASE_BACKLOG, PHASE_REQUIREMENTS, \
         PHASE_DESIGN, PHASE_IMPLEMENTATION, PHASE_TESTING, PHASE_DEPLOYMENT, PHASE_DONE or \
         PHASE_BLOCKED",
    );
}

#[test]
fn templates_have_a_key_of_their_own_and_a_title() {
    let no_key = |key: &str| {
        format!(
            "{key:?}, a task template of PHASE_DESIGN, is no key: \
             it has 1 to 64 of a-z, 0-9, _ and -, a letter first"
        )
    };
    let longest = "k".repeat(MAX_TEMPLATE_KEY_CHARS);
    check(&format!("PHASE_DESIGN: {longest}"), "fine");
    for key in [&format!("{longest}k"), "", "2nd", "Plan", "a/b", "ö"] {
        check(&format!("PHASE_DESIGN: {key} as x"), &no_key(key));
    }
    let no_title =
        "the task template a of PHASE_DESIGN needs a title: one line, and not an empty one";
    check("PHASE_DESIGN: a as -", no_title);
    check("PHASE_DESIGN: a as two\\nlines", no_title);
    check(
        "PHASE_DESIGN: a, b, a",
        "the task template a is in PHASE_DESIGN and again in PHASE_DESIGN: each key is there once",
    );
    check(
        "PHASE_DESIGN: a; PHASE_TESTING: b, a",
        "the task template a is in PHASE_DESIGN and again in PHASE_TESTING: each key is there once",
    );
}

#[test]
fn templates_wait_for_others_of_their_phase_and_never_for_themselves() {
    check("PHASE_DESIGN: a > b c, b > c, c", "fine");
    check(
        "PHASE_DESIGN: a; PHASE_TESTING: b > a",
        "the task template b of PHASE_TESTING depends on a, which PHASE_TESTING does not have",
    );
    check("PHASE_DESIGN: a > b b, b", "the task template a of PHASE_DESIGN depends on b twice");
    check(
        "PHASE_DESIGN: x > a, a > b, b > c, c > a",
        "the task templates of PHASE_DESIGN wait in a circle: a -> b -> c -> a",
    );
    check("PHASE_DESIGN: a > a", "the task templates of PHASE_DESIGN wait in a circle: a -> a");
}

#[test]
fn the_standard_plan_reads_like_this() {
    let standard = TemplatePlan::standard();
    assert_eq!(standard.validated(Workflow::standard()), Ok(()));
    let rows = Workflow::standard().sequence().iter().flat_map(|phase| {
        standard.for_phase(phase).iter().map(move |template| {
            let TaskTemplate { key, title, task_type, depends_on, .. } = template;
            format!("{phase}: {key}, {task_type}: {title} {depends_on:?}")
        })
    });
    insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"), @r#"
    PHASE_REQUIREMENTS: analyse, analysis: Write the requirements document []
    PHASE_DESIGN: design, design: Design the solution []
    PHASE_IMPLEMENTATION: implement, implementation: Implement the design []
    PHASE_IMPLEMENTATION: write-tests, test: Write the tests ["implement"]
    PHASE_TESTING: run-tests, testing: Run the tests and check the requirements []
    PHASE_DEPLOYMENT: deploy, deployment: Bring it to its users []
    "#);
    assert!(standard.for_phase(&Phase::Done.id()).is_empty());
}

#[test]
fn a_plan_reads_itself_back_and_refuses_what_it_does_not_know() {
    let standard = TemplatePlan::standard();
    let json = serde_json::to_string(&standard).unwrap();
    assert_eq!(serde_json::from_str::<TemplatePlan>(&json).unwrap(), standard);

    let short = r#"{"PHASE_DESIGN":[{"key":"a","title":"A","task_type":" design "}]}"#;
    let read: TemplatePlan = serde_json::from_str(short).unwrap();
    let [only] = read.for_phase(&Phase::Design.id()) else { panic!("{read:?}") };
    assert_eq!((only.task_type.as_str(), only.priority), ("design", None));
    assert!(only.depends_on.is_empty() && only.required_capabilities.is_empty());
    for wrong in [
        short.replace("key", "name"),
        short.replace(r#""title""#, r#""owner":"x","title""#),
        short.replace("PHASE_DESIGN", "design"),
        short.replace(" design ", " "),
    ] {
        assert!(serde_json::from_str::<TemplatePlan>(&wrong).is_err(), "{wrong}");
    }
}

proptest! {
    /// The tasks of a plan that passes can be done one after the other, whatever waits for what.
    #[test]
    fn what_passes_the_check_can_be_worked_off(
        waits in proptest::collection::vec(proptest::collection::btree_set(0_usize..6, 0..3), 1..6)
    ) {
        let keys = ["a", "b", "c", "d", "e", "f"];
        let rows: Vec<String> = waits.iter().enumerate().map(|(at, awaited)| {
            let awaited: Vec<&str> = awaited.iter().map(|at| keys[*at]).collect();
            format!("{} > {}", keys[at], awaited.join(" "))
        }).collect();
        let plan = plan(&format!("PHASE_DESIGN: {}", rows.join(", ")));
        let mut open: Vec<&TaskTemplate> = plan.for_phase(&Phase::Design.id()).iter().collect();
        let mut done = BTreeSet::new();
        while let Some(next) = open.iter().position(|task| {
            task.depends_on.iter().all(|key| done.contains(key))
        }) {
            done.insert(&open.remove(next).key);
        }
        prop_assert_eq!(plan.validated(Workflow::standard()).is_ok(), open.is_empty());
    }
}
