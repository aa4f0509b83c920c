//! The documentation: its links lead somewhere, its pages are listed, its commands run.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use phaseline_api::ProblemKind;
use strum::IntoEnumIterator;

use crate::{
    guards::{files, root},
    kit::server,
};

const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8080";
const TESTED: &str = "<!-- tested -->\n```sh\n";

#[test]
fn every_kind_of_problem_has_a_page_and_every_page_a_kind() {
    let kinds: BTreeSet<String> =
        ProblemKind::iter().map(|kind| format!("{}.md", kind.as_ref())).collect();
    let pages: BTreeSet<String> = fs::read_dir(root().join("docs/problems"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(pages, kinds);
}

#[test]
fn every_page_is_in_the_summary() {
    let docs = root().join("docs");
    let summary = docs.join("SUMMARY.md");
    let listed: BTreeSet<PathBuf> = links(&summary).map(|(_, target)| target).collect();
    for page in pages_below(&docs).into_iter().filter(|page| *page != summary) {
        assert!(listed.contains(&page), "{} is not in SUMMARY.md", page.display());
    }
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    for page in pages() {
        for (link, target) in links(&page) {
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
        }
    }
}

/// The commands of a page run in its order in one shell, so that what one finds the next can use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_that_are_marked_as_tested_run() {
    let mut tested = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let commands = commands(&text);
        if commands.is_empty() {
            continue;
        }
        tested += 1;
        let server = server().await;
        let script = format!("set -euo pipefail\n{}", commands.concat());
        let script = script.replace(DEFAULT_ADDRESS, server.base());
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).current_dir(root());
        let ran = tokio::task::spawn_blocking(move || shell.output()).await.unwrap();
        let ran = ran.expect("bash is there");
        assert!(
            ran.status.success(),
            "the commands of {} ended with {}:\n{}\n{}",
            page.display(),
            ran.status,
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
    }
    assert!(tested > 0, "no page has tested commands");
}

fn pages() -> Vec<PathBuf> {
    let mut pages = pages_below(&root().join("docs"));
    pages.push(root().join("README.md"));
    pages
}

fn pages_below(folder: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    files(folder, "md", &mut pages);
    assert!(!pages.is_empty(), "{} has no pages", folder.display());
    pages.retain(|page| !page.starts_with(root().join("docs/book")));
    pages
}

/// The blocks of a page that stand directly below the mark.
fn commands(page: &str) -> Vec<&str> {
    page.split(TESTED)
        .skip(1)
        .map(|rest| rest.split("```").next().expect("split answers one part at least"))
        .collect()
}

/// The links of a page that stay within the repository, with what they lead to; one that begins
/// with a slash is a path of the server.
fn links(page: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    let text = fs::read_to_string(page).unwrap();
    let folder = page.parent().unwrap().to_owned();
    prose(&text)
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://") && !link.starts_with(['#', '/']))
        .map(|link| {
            let file = link.split('#').next().unwrap_or_default();
            (link.to_owned(), normal(&folder.join(file)))
        })
        .collect::<Vec<_>>()
        .into_iter()
}

/// The page without its blocks of code, in which brackets mean something else.
fn prose(page: &str) -> String {
    page.split("```").step_by(2).collect()
}

/// The path without its `..`, so that paths can be compared.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        if part == std::path::Component::ParentDir {
            normal.pop();
        } else {
            normal.push(part);
        }
    }
    normal
}
