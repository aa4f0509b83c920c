//! `cargo xtask openapi`: the committed OpenAPI document is what the code says.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};

/// Writes the document.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write() -> anyhow::Result<()> {
    let path = path();
    fs::write(&path, document()?).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// Compares the document with the committed one.
///
/// # Errors
/// They differ, or there is none.
pub(crate) fn check() -> anyhow::Result<()> {
    let path = path();
    let committed =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if committed != document()? {
        bail!("{} is stale: run `cargo xtask openapi` and commit it", path.display());
    }
    println!("{} is what the code says", path.display());
    Ok(())
}

/// By way of a value, whose members are in one order whatever order the code made them in.
fn document() -> anyhow::Result<String> {
    let value = serde_json::to_value(phaseline_api::openapi())?;
    Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
}

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "docs", "openapi.json"].iter().collect()
}
