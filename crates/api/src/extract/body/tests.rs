//! What is said of bodies that are wrong.

use actix_web::{ResponseError, test::TestRequest};
use serde_json::json;

use super::*;

#[track_caller]
fn check<T: RequestBody>(body: &str, expected: &[(&str, &str)]) {
    let request = TestRequest::default()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .to_http_request();
    let errors: Vec<(String, String)> = match parse::<T>(&request, body.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(refusal) => refusal
            .errors()
            .iter()
            .map(|error| (error.pointer.clone(), error.detail.clone()))
            .collect(),
    };
    let seen: Vec<_> = errors.iter().map(|(one, other)| (one.as_str(), other.as_str())).collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_body_that_is_right_passes() {
    check::<NewTicket>(r#"{ "title": "Rotate the keys" }"#, &[]);
    check::<NewHeartbeat>("", &[]);
    check::<NewClaim>("", &[]);
    check::<NewApproval>("null", &[]);
    check::<TaskCancellation>("", &[]);
    check::<Empty>("", &[]);
    check::<Empty>("{}", &[]);
}

#[test]
fn a_plain_heartbeat_is_read_as_any_other() {
    let read = |body: &[u8]| NewHeartbeat::plain(body).map(|beat| (beat.sequence, beat.metrics));
    assert_eq!(read(br#"{"sequence":17}"#), Some((Some(17), None)));
    for other in [
        "{}",
        "[17]",
        r#"{"sequence":null}"#,
        r#"{"sequence":17.0}"#,
        r#"{"sequence":1,"sequence":2}"#,
        r#"{"sequence":1,"metrics":{}}"#,
        r#"{"sequence":1}x"#,
    ] {
        assert_eq!(read(other.as_bytes()), None, "{other}");
    }
    check::<NewHeartbeat>(
        r#"{"sequence":9007199254740992}"#,
        &[("/sequence", "must be at most 9007199254740991")],
    );
}

#[test]
fn a_body_that_says_nothing_has_no_fields() {
    check::<Empty>(
        r#"{ "reason": "x" }"#,
        &[("/reason", "is refused: unknown field `reason`, there are no fields")],
    );
    check::<TaskRelease>("{}", &[("/fencing_token", "is missing")]);
}

#[test]
fn numbers_of_a_claim_have_their_bounds() {
    check::<NewClaim>(
        r#"{ "max": 0, "wait_s": 31 }"#,
        &[("/max", "must be 1 to 100"), ("/wait_s", "must be at most 30")],
    );
    check::<NewClaim>(
        r#"{ "lease_s": 4 }"#,
        &[("/lease_s", "is refused: a lease cannot last 4 seconds: it lasts 5 to 86400")],
    );
    check::<LeaseExtension>(
        r#"{ "fencing_token": 0 }"#,
        &[("/fencing_token", "must be 1 to 9007199254740991")],
    );
    check::<NewTask>(
        r#"{ "required_capabilities": ["rust", 7] }"#,
        &[("/required_capabilities/1", "must be text")],
    );
}

#[test]
fn the_pointer_names_the_field_that_is_wrong() {
    check::<NewTicket>("{}", &[("/title", "is missing")]);
    check::<NewTicket>(r#"{ "title": 7 }"#, &[("/title", "must be text")]);
    check::<TaskCompletion>(
        r#"{ "result": { "context": { "risks": ["fine", 1] } } }"#,
        &[("/result/context/risks/1", "must be text")],
    );
}

#[test]
fn an_unknown_field_is_named_itself() {
    check::<UpdateContext>(
        r#"{ "phase_id": "PHASE_DESIGN", "a/b": 1 }"#,
        &[("/a~1b", "is refused: unknown field `a/b`, expected `phase_id`")],
    );
}

#[test]
fn every_broken_rule_is_named() {
    check::<NewTransition>(
        &json!({
            "to_phase": "PHASE_DESIGN",
            "reason": "x".repeat(2_001),
            "artifacts": [{ "type": "" }, { "type": "file", "path": " " }],
        })
        .to_string(),
        &[
            ("/artifacts/0/type", "must be 1 to 64 characters long"),
            ("/artifacts/1/path", "must not be blank"),
            ("/reason", "must be at most 2000 characters long"),
        ],
    );
    check::<TaskCompletion>(
        r#"{ "result": { "context": { "notes": ["fine", ""] } } }"#,
        &[("/result/context/notes/1", "must be 1 to 4000 characters long and not blank")],
    );
    check::<NewHeartbeat>(
        r#"{ "sequence": 9007199254740992 }"#,
        &[("/sequence", "must be at most 9007199254740991")],
    );
}

#[test]
fn nul_characters_are_found_wherever_they_are() {
    check::<TaskCompletion>(
        r#"{ "result": { "outputs": { "a": ["x", "\u0000"], "b\u0000": 1 } } }"#,
        &[
            ("/result/outputs/a/1", "has a NUL character in its text, which cannot be kept"),
            (
                "/result/outputs",
                "has a NUL character in the name of a member, which cannot be kept",
            ),
        ],
    );
}

#[test]
fn null_takes_away_only_what_can_be_absent() {
    check::<TicketPatch>(r#"{ "estimate": null }"#, &[]);
    check::<TicketPatch>(r#"{ "title": null }"#, &[("/title", "must be text")]);
}

#[test]
fn what_is_wrong_with_json_is_said() {
    let detail = |body: &str| value(body.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        detail(r#"{ "a": 1, "a": 2 }"#),
        "malformed-request: The body names the member \"a\" twice at line 1 column 13."
    );
    assert_eq!(
        detail("{"),
        "malformed-request: The body is not JSON: EOF while parsing an object at line 1 column 1."
    );
}

#[test]
fn only_json_in_utf8_is_read() {
    for (kind, json) in [
        ("application/json", true),
        ("Application/JSON; charset=UTF-8", true),
        ("application/json; charset=latin1", false),
        ("text/plain", false),
    ] {
        let request = TestRequest::default().insert_header((header::CONTENT_TYPE, kind));
        assert_eq!(is_json(request.to_http_request().headers()), Ok(json), "{kind}");
    }
    assert_eq!(is_json(TestRequest::default().to_http_request().headers()), Ok(false));
}

#[test]
fn a_body_comes_once_described_and_as_it_is() {
    let status = |name: header::HeaderName, value: &str| {
        let request = TestRequest::default()
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .append_header((name, value))
            .to_http_request();
        let body = parse::<NewTicket>(&request, br#"{ "title": "a" }"#);
        body.map_or_else(|refusal| refusal.status_code().as_u16(), |_| 200)
    };
    assert_eq!(status(header::CONTENT_TYPE, "application/json"), 400);
    assert_eq!(status(header::CONTENT_ENCODING, "Identity"), 200);
    assert_eq!(status(header::CONTENT_ENCODING, "identity, gzip"), 415);
}
