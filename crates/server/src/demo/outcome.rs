//! What came of it: the tickets, their histories, and what the last workers were given to read.

use std::collections::BTreeMap;

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use futures::TryStreamExt;
use phaseline_client::{
    Client,
    wire::{HistoryEntry, Pack},
};

use super::{
    narrator::Narrator,
    performance::{BUDGET_TOKENS, Cared},
    words::short,
};

const WIDTH: u16 = 110;

/// Shows a table of the tickets, and the last pack of the one that went the longest way.
pub(super) async fn show(
    client: &Client,
    narrator: &Narrator,
    tickets: &BTreeMap<String, Cared>,
) -> anyhow::Result<()> {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(["ticket", "title", "status", "history", "the last phase received"]);
    let mut longest: Option<(usize, &String, &Pack)> = None;
    for (key, cared) in tickets {
        let ticket = client.tickets().get(cared.id).await?;
        let history: Vec<HistoryEntry> =
            client.tickets().whole_history(cared.id).try_collect().await?;
        let received = cared.last_pack.as_ref().map(received).unwrap_or_default();
        let status = ticket.status.to_string();
        table.add_row([key.clone(), ticket.title, status, way(&history), received]);
        if let Some(pack) = &cared.last_pack
            && longest.is_none_or(|(rows, ..)| history.len() > rows)
        {
            longest = Some((history.len(), key, pack));
        }
    }
    narrator.print(&format!("\n{table}"))?;
    if let Some((_, key, pack)) = longest {
        let phase = short(&pack.target_phase);
        let kept = received(pack);
        narrator.print(&format!(
            "\nWhat the worker of {key} in {phase} read, of at most {BUDGET_TOKENS} tokens ({kept}):\n"
        ))?;
        narrator.print(&pack.summary)?;
    }
    Ok(())
}

/// The phases that a ticket was in, one after the other.
fn way(history: &[HistoryEntry]) -> String {
    let phases: Vec<String> = history.iter().map(|entry| short(&entry.to_phase)).collect();
    phases.join(" > ")
}

/// `380 tokens: 14 items kept, 3 left out`
fn received(pack: &Pack) -> String {
    let (kept, dropped) = (pack.kept.len(), pack.dropped.len());
    format!("{} tokens: {kept} items kept, {dropped} left out", pack.tokens)
}
