//! Content hashes: SHA-256 over an encoding in which equal content has equal bytes, and only equal content.
//!
//! Every part is written with a tag and its length, so that no two lists of parts run together to
//! the same bytes. JSON objects are written in key order: the order in which a database or a build
//! of `serde_json` keeps them says nothing.

use chrono::{DateTime, Utc};
use phaseline_phases::Artifact;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::result::{Findings, FinishedTask, Superseded, TaskResult};

/// The 32 bytes of a SHA-256 (FIPS 180-4).
pub(crate) type Hash = [u8; 32];

/// The hash of all that went into a phase: its name and its tasks, in the order given.
pub(crate) fn of_inputs(phase: &str, tasks: &[FinishedTask]) -> String {
    let mut sink = Sink::default();
    sink.text(phase);
    sink.list(tasks, Sink::task);
    hex(&sink.finish())
}

/// The hash of one task with everything it reported.
pub(crate) fn of_task(task: &FinishedTask) -> Hash {
    let mut sink = Sink::default();
    sink.task(task);
    sink.finish()
}

/// The hash of one artifact.
pub(crate) fn of_artifact(artifact: &Artifact) -> Hash {
    let mut sink = Sink::default();
    sink.artifact(artifact);
    sink.finish()
}

/// The hash of a text as others compute it: SHA-256 of its UTF-8 bytes, in lower-case hex.
pub(crate) fn of_text(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()).into())
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How many bytes are hashed at once: most parts are shorter than a block of the hash.
const CHUNK: usize = 4096;

#[derive(Default)]
struct Sink {
    hash: Sha256,
    /// What is still to be hashed.
    rest: Vec<u8>,
}

impl Sink {
    fn task(&mut self, task: &FinishedTask) {
        let FinishedTask { id, task_type, title, completed_at, result } = task;
        self.id(*id);
        self.text(task_type);
        self.option(title.as_ref(), |sink, title| sink.text(title));
        self.time(*completed_at);
        self.result(result);
    }

    fn result(&mut self, result: &TaskResult) {
        let TaskResult { summary, outputs, context, artifacts } = result;
        let Findings { decisions, risks, notes, supersedes } = context;
        self.text(summary);
        self.json(outputs);
        for list in [decisions, risks, notes] {
            self.list(list, |sink, text| sink.text(text));
        }
        // Absent where there are none, so that results from before there were any keep their hash.
        // Nothing else at this place begins with this tag.
        if !supersedes.is_empty() {
            self.head(b's', supersedes.len());
            supersedes.iter().for_each(|entry| self.superseded(entry));
        }
        self.list(artifacts, Self::artifact);
    }

    fn superseded(&mut self, entry: &Superseded) {
        let Superseded { decision, by } = entry;
        self.text(decision);
        self.option(by.as_ref(), |sink, by| sink.text(by));
    }

    fn artifact(&mut self, artifact: &Artifact) {
        let Artifact { kind, path, content } = artifact;
        self.text(kind);
        self.option(path.as_ref(), |sink, path| sink.text(path));
        self.option(content.as_ref(), Self::json);
    }

    fn json(&mut self, value: &Value) {
        match value {
            Value::Null => self.head(b'0', 0),
            Value::Bool(truth) => self.head(b'b', usize::from(*truth)),
            Value::Number(number) => {
                self.head(b'n', 0);
                self.text(&number.to_string());
            }
            Value::String(text) => self.text(text),
            Value::Array(items) => self.list(items, Self::json),
            Value::Object(members) => self.object(members.iter()),
        }
    }

    fn object<'a>(&mut self, members: impl Iterator<Item = (&'a String, &'a Value)>) {
        let mut members: Vec<_> = members.collect();
        members.sort_unstable_by_key(|(key, _)| *key);
        self.head(b'o', members.len());
        for (key, value) in members {
            self.text(key);
            self.json(value);
        }
    }

    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.head(b'[', items.len());
        for item in items {
            write(self, item);
        }
    }

    fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.head(b'?', usize::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn text(&mut self, text: &str) {
        self.head(b't', text.len());
        self.bytes(text.as_bytes());
    }

    fn id(&mut self, id: Uuid) {
        self.bytes(id.as_bytes());
    }

    fn time(&mut self, at: DateTime<Utc>) {
        self.bytes(&at.timestamp_micros().to_le_bytes());
    }

    fn head(&mut self, tag: u8, length: usize) {
        self.bytes(&[tag]);
        self.bytes(&(length as u64).to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        if self.rest.len() >= CHUNK {
            self.hash.update(&self.rest);
            self.rest.clear();
        }
    }

    fn finish(mut self) -> Hash {
        self.hash.update(&self.rest);
        self.hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_hash(text: &str) -> Hash {
        let mut sink = Sink::default();
        sink.json(&serde_json::from_str(text).unwrap());
        sink.finish()
    }

    #[test]
    fn a_text_hashes_as_everybody_hashes_it() {
        // FIPS 180-4, the example "abc".
        assert_eq!(
            of_text("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn parts_of_any_length_hash_as_all_of_them_at_once() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            for part in [1, 9, 1_000, 2 * CHUNK] {
                let mut sink = Sink::default();
                bytes.chunks(part).for_each(|part| sink.bytes(part));
                let expected: Hash = Sha256::digest(&bytes).into();
                assert_eq!(sink.finish(), expected, "{length} bytes in parts of {part}");
            }
        }
    }

    #[test]
    fn the_order_of_members_does_not_count() {
        let members = [("b".to_owned(), Value::Null), ("a".to_owned(), Value::from(1))];
        let hash = |members: &mut dyn Iterator<Item = &(String, Value)>| {
            let mut sink = Sink::default();
            sink.object(members.map(|(key, value)| (key, value)));
            sink.finish()
        };
        assert_eq!(hash(&mut members.iter()), hash(&mut members.iter().rev()));
    }

    #[test]
    fn everything_else_in_json_does() {
        let base = json_hash(r#"{"a": [1, "2"], "b": null}"#);
        for other in [
            r#"{"a": [1, 2], "b": null}"#,
            r#"{"a": ["2", 1], "b": null}"#,
            r#"{"a": [1], "2": null}"#,
            r#"{"a": [1, "2"]}"#,
            r#"{"a": [1, "2"], "b": false}"#,
            r#"{"a": [1, "2"], "b": {}}"#,
            r#"{"a": [1, "2"], "b": []}"#,
        ] {
            assert_ne!(base, json_hash(other), "{other}");
        }
    }
}
