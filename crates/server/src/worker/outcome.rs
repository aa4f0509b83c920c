//! What a command's end means: its exit code is the verdict, its output the result.
//!
//! The codes are those of `sysexits.h` (FreeBSD) whose meaning is the same.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

use phaseline_client::{
    FailureClass,
    wire::{TaskFailure, TaskResult, limits},
};

use super::process::{Finished, OUTPUT_BYTES};

/// `EX_NOINPUT`: somebody has to answer a question first.
const NEEDS_INPUT: i32 = 66;
/// `EX_UNAVAILABLE`: something that it builds on is not there.
const DEPENDENCY: i32 = 69;
/// `EX_TEMPFAIL`: it may go well another time.
const TRANSIENT: i32 = 75;
/// `EX_CONFIG`: this agent cannot do it, another may.
const CAPABILITY: i32 = 78;

/// The characters of standard error that a message keeps.
const MESSAGE_CHARS: usize = 4_000;

/// What to say about a task whose command has ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// It is done.
    Completed(Box<TaskResult>),
    /// It could not be done.
    Failed(TaskFailure),
}

/// Judges a command that has ended by itself.
pub(super) fn judge(finished: &Finished) -> Verdict {
    let Finished { status, output, errors, too_much } = finished;
    if *too_much {
        let sentence =
            format!("the command wrote more than {OUTPUT_BYTES} bytes to standard output");
        return failed(FailureClass::Task, sentence);
    }
    if status.success() {
        return Verdict::Completed(Box::new(result(output)));
    }
    let errors = clean(errors);
    let question = errors.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let class = class(*status);
    let mut failure = failure(class, message(*status, &errors));
    if class == FailureClass::NeedsInput {
        failure.question =
            question.map(|question| end(question, limits::QUESTION_CHARS).to_owned());
    }
    Verdict::Failed(failure)
}

/// A failure of this class.
pub(super) fn failed(class: FailureClass, message: String) -> Verdict {
    Verdict::Failed(failure(class, message))
}

fn failure(failure_class: FailureClass, error_message: String) -> TaskFailure {
    TaskFailure { fencing_token: None, error_message, failure_class, question: None }
}

fn class(status: ExitStatus) -> FailureClass {
    match status.code() {
        None | Some(TRANSIENT) => FailureClass::Transient, // without a code it was a signal
        Some(DEPENDENCY) => FailureClass::Dependency,
        Some(CAPABILITY) => FailureClass::Capability,
        Some(NEEDS_INPUT) => FailureClass::NeedsInput,
        Some(_) => FailureClass::Task,
    }
}

fn message(status: ExitStatus, errors: &str) -> String {
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("the command ended with exit code {code}"),
        (None, Some(signal)) => format!("the command was ended by signal {signal}"),
        (None, None) => "the command ended without an exit code".to_owned(),
    };
    match end(errors, MESSAGE_CHARS as u64).trim() {
        "" => format!("{how} and said nothing"),
        errors => format!("{how}: {errors}"),
    }
}

/// A JSON object of the shape of a result is the result; any other text is its summary.
fn result(output: &[u8]) -> TaskResult {
    let text = clean(output);
    if text.starts_with('{') {
        match serde_json::from_str(&text) {
            Ok(result) => return result,
            Err(error) => tracing::debug!(%error, "the output is taken as text"),
        }
    }
    let summary = match text.char_indices().nth(limits::SUMMARY_CHARS as usize - 1) {
        Some((last, _)) if text[last..].chars().count() > 1 => format!("{}…", &text[..last]),
        _ => text,
    };
    TaskResult { summary, ..TaskResult::default() }
}

/// Text that every database takes: valid UTF-8 without NUL, and no white space around it.
fn clean(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}").trim().to_owned()
}

/// The last characters of a text.
fn end(text: &str, most: u64) -> &str {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    match text.char_indices().rev().nth(most.saturating_sub(1)) {
        Some((start, _)) => &text[start..],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(raw: i32, output: &str, errors: &str) -> Verdict {
        judge(&Finished {
            status: ExitStatus::from_raw(raw),
            output: output.as_bytes().to_vec(),
            errors: errors.as_bytes().to_vec(),
            too_much: false,
        })
    }

    /// The class, the message and the question of a command that ended with this code.
    #[track_caller]
    fn check(code: i32, errors: &str, expected: &str) {
        let Verdict::Failed(failure) = judged(code << 8, "", errors) else {
            panic!("{code} completes");
        };
        let TaskFailure { fencing_token: _, error_message, failure_class, question } = failure;
        let question = question.map(|question| format!(" ?{question}")).unwrap_or_default();
        assert_eq!(format!("{failure_class}: {error_message}{question}"), expected);
    }

    fn completed(output: &str) -> TaskResult {
        match judged(0, output, "") {
            Verdict::Completed(result) => *result,
            Verdict::Failed(failure) => panic!("{failure:?}"),
        }
    }

    #[test]
    fn the_exit_code_is_the_class_of_the_failure() {
        check(1, "boom\n", "task: the command ended with exit code 1: boom");
        check(75, "later", "transient: the command ended with exit code 75: later");
        check(69, "", "dependency: the command ended with exit code 69 and said nothing");
        check(78, "no GPU", "capability: the command ended with exit code 78: no GPU");
        check(137, "", "task: the command ended with exit code 137 and said nothing");
    }

    #[test]
    fn a_question_is_the_last_line_of_standard_error() {
        check(
            66,
            "two ways\nLeft or right?\n \n",
            "needs_input: the command ended with exit code 66: two ways\nLeft or right? \
             ?Left or right?",
        );
        check(66, "", "needs_input: the command ended with exit code 66 and said nothing");
    }

    #[test]
    fn a_signal_is_transient() {
        let Verdict::Failed(failure) = judged(9, "", "") else { panic!("it completes") };
        assert_eq!(failure.failure_class, FailureClass::Transient);
        assert_eq!(failure.error_message, "the command was ended by signal 9 and said nothing");
    }

    #[test]
    fn an_object_of_the_shape_of_a_result_is_the_result() {
        let result = completed(
            r#" {"summary":"Done.","outputs":{"n":1},"context":{"decisions":["One"],
                "supersedes":[{"decision":"Two"}]},"artifacts":[{"type":"file","path":"a"}]} "#,
        );
        assert_eq!(result.summary, "Done.");
        assert_eq!(result.context.decisions, ["One"]);
        assert_eq!(result.context.supersedes[0].decision, "Two");
        assert_eq!(result.artifacts[0].kind, "file");
        assert_eq!(completed("{}"), TaskResult::default());
    }

    #[test]
    fn any_other_text_is_the_summary() {
        for text in ["Done.", r#"{"sumary":"Done."}"#, "[1]", "\"Done.\"", "{ not json", ""] {
            let expected = TaskResult { summary: text.to_owned(), ..TaskResult::default() };
            assert_eq!(completed(&format!("\n {text}\n")), expected);
        }
    }

    #[test]
    fn a_summary_has_as_many_characters_as_the_server_takes() {
        let most = limits::SUMMARY_CHARS as usize;
        let fits = "ä".repeat(most);
        assert_eq!(completed(&fits).summary, fits);
        let cut = completed(&"ä".repeat(most + 1)).summary;
        assert_eq!(cut.chars().count(), most);
        assert!(cut.ends_with("ä…"));
    }

    #[test]
    fn a_message_is_the_end_of_standard_error_without_nul() {
        let Verdict::Failed(failure) = judged(1 << 8, "", &format!("{}\0é", "x".repeat(9_000)))
        else {
            panic!("it completes")
        };
        let message = failure.error_message;
        assert!(message.chars().count() < 4_100 && message.ends_with("x\u{fffd}é"), "{message}");
    }

    #[test]
    fn too_much_output_is_a_failure() {
        let finished = Finished {
            status: ExitStatus::from_raw(0),
            output: Vec::new(),
            errors: Vec::new(),
            too_much: true,
        };
        let Verdict::Failed(failure) = judge(&finished) else { panic!("it completes") };
        assert_eq!(failure.failure_class, FailureClass::Task);
        assert!(failure.error_message.contains("more than 1048576 bytes"));
    }
}
