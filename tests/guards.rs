//! What must stay true of the workspace itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package};

/// The arrows of the design. A crate may also name what lies behind an arrow of its own.
const ARROWS: [(&str, &[&str]); 12] = [
    ("phaseline-phases", &[]),
    ("phaseline-registry", &[]),
    ("phaseline-context", &["phaseline-phases"]),
    ("phaseline-tasks", &["phaseline-phases"]),
    ("phaseline-persistence", &PURE),
    ("phaseline-engine", &["phaseline-persistence"]),
    ("phaseline-wire", &PURE),
    ("phaseline-api", &["phaseline-engine", "phaseline-persistence", "phaseline-wire"]),
    ("phaseline-client", &["phaseline-wire"]),
    ("phaseline-server", &["phaseline-api", "phaseline-client", "phaseline-migration"]),
    ("phaseline-migration", &[]),
    ("xtask", &["phaseline-migration", "phaseline-api"]),
];

const PURE: [&str; 4] =
    ["phaseline-phases", "phaseline-context", "phaseline-registry", "phaseline-tasks"];

/// What would give a pure crate a runtime, a database, a network or a server.
const IMPURE: [&str; 10] = [
    "actix",
    "async-std",
    "diesel",
    "futures",
    "hyper",
    "mio",
    "reqwest",
    "sea-orm",
    "sqlx",
    "tokio",
];

#[test]
fn crates_depend_only_along_the_arrows() {
    let arrows = BTreeMap::from(ARROWS);
    for package in workspace().workspace_packages() {
        let name = package.name.as_str();
        if name == "phaseline-tests" {
            continue; // it sees all
        }
        let allowed = behind(&arrows, name);
        for dependency in ours(package) {
            assert!(allowed.contains(dependency), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn pure_crates_name_no_runtime_no_database_and_no_clock() {
    let workspace = workspace();
    let packages = workspace.workspace_packages();
    for package in packages.iter().filter(|package| PURE.contains(&package.name.as_str())) {
        for dependency in &package.dependencies {
            let name = &package.name;
            let impure = IMPURE.iter().any(|impure| dependency.name.starts_with(impure));
            assert!(!impure, "{name} is pure and must not name {}", dependency.name);
            assert!(!reads_the_clock(dependency), "{name} is pure and must not read the clock");
        }
    }
}

#[test]
fn every_source_file_opens_with_a_sentence() {
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let opening = text.lines().next().unwrap_or_default();
        assert!(
            opening.starts_with("//! ") && opening.len() > "//! ".len(),
            "{} opens with {opening:?}, not with what it is about",
            file.display()
        );
    }
}

#[test]
fn every_crate_inherits_the_lints_of_the_workspace() {
    for package in workspace().workspace_packages() {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        assert!(
            manifest.contains("\n[lints]\nworkspace = true\n"),
            "{} does not inherit the lints",
            package.name
        );
    }
}

fn workspace() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap()
}

/// The top of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn ours(package: &Package) -> impl Iterator<Item = &str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_some())
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .map(|dependency| dependency.name.as_str())
}

fn behind<'a>(arrows: &BTreeMap<&'a str, &'a [&'a str]>, name: &str) -> BTreeSet<&'a str> {
    let next = arrows.get(name).unwrap_or_else(|| panic!("the design has no arrows for {name}"));
    next.iter().flat_map(|next| behind(arrows, next).into_iter().chain([*next])).collect()
}

fn reads_the_clock(dependency: &Dependency) -> bool {
    dependency.name == "time"
        || dependency.name == "chrono"
            && (dependency.uses_default_features
                || dependency.features.iter().any(|feature| feature == "clock" || feature == "now"))
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["crates", "migration", "xtask", "tests", "examples"] {
        files(&root().join(folder), "rs", &mut found);
    }
    assert!(found.len() > 100, "the sources were not found");
    found
}

/// All files below a folder whose names end so.
pub(crate) fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}
