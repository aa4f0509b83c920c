//! What a run leaves to read: the last steps as lines, and a digest of all of them.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hasher},
};

use uuid::Uuid;

/// How many lines a failure shows.
const LAST: usize = 20;

/// The steps of one run.
#[derive(Debug)]
pub(super) struct Trace {
    lines: VecDeque<String>,
    digest: DefaultHasher,
    names: HashMap<String, String>,
    counts: HashMap<char, usize>,
    aloud: bool,
}

impl Trace {
    /// A trace that is printed as it goes, or only kept.
    pub(super) fn new(aloud: bool) -> Self {
        Self {
            lines: VecDeque::new(),
            digest: DefaultHasher::new(),
            names: HashMap::new(),
            counts: HashMap::new(),
            aloud,
        }
    }

    /// Gives something a short name: `T3` is the third ticket, `t7` a task, `a2` an agent.
    pub(super) fn name(&mut self, id: Uuid, noun: char) {
        if !self.names.contains_key(&id.to_string()) {
            let count = self.counts.entry(noun).or_default();
            *count += 1;
            self.names.insert(id.to_string(), format!("{noun}{count}"));
        }
    }

    /// Adds a line.
    pub(super) fn add(&mut self, line: &str) {
        self.digest.write(line.as_bytes());
        let line = self.readable(line);
        if self.aloud {
            println!("{line}");
        }
        if self.lines.len() == LAST {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Adds to the digest alone.
    pub(super) fn digest(&mut self, text: &str) {
        self.digest.write(text.as_bytes());
    }

    /// A number that two runs have in common exactly if they did the same.
    pub(super) fn sum(&self) -> u64 {
        self.digest.finish()
    }

    /// The last lines.
    pub(super) fn last(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }

    /// A text with names in the place of ids.
    pub(super) fn readable(&self, text: &str) -> String {
        const ID: usize = 36;
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            match rest.get(..ID).and_then(|id| self.names.get(id)) {
                Some(name) => {
                    out.push_str(name);
                    rest = &rest[ID..];
                }
                None => {
                    out.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        out
    }
}
