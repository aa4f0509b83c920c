//! The page of results: each target with the figure that is worst for it, then every figure.

use std::{fmt::Write as _, path::Path};

use super::{HEADER, Report, cells, mark};
use crate::bench::{
    figure::{Figure, Verdict},
    plots,
    targets::Goal,
};

impl Report<'_> {
    /// Writes the page and the plots into a folder.
    pub(crate) fn write_docs(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let plots = plots::write(self.curves, folder)?;
        let mut page = format!(
            "# Results\n\nWritten by `cargo xtask bench --write-docs`; how to read it is told in \
             [Benchmarks](../benchmarks.md).\n\n{}\n\n## Targets\n\nOf each target the figure that \
             is worst for it.\n\n",
            self.conditions()
        );
        page +=
            &table(["wanted", "value (spread)", "of", ""], Goal::ALL.map(|goal| self.worst(goal)));
        for group in self.figures.chunk_by(|one, other| one.group == other.group) {
            let name = group.first().map_or("", |figure| figure.group);
            let _ = write!(page, "\n## {name}\n\n");
            page += &table(HEADER, group.iter().map(cells));
        }
        for (number, plot) in plots.into_iter().enumerate() {
            let heading = if number == 0 { "\n## Plots\n" } else { "" };
            let _ = write!(page, "{heading}\n![{}]({})\n", plot.title(), plot.file());
        }
        Ok(std::fs::write(folder.join("results.md"), page)?)
    }

    fn worst(&self, goal: Goal) -> [String; 4] {
        let figures = || self.figures.iter().filter(|figure| figure.goal == Some(goal));
        let least = |missed: bool| {
            figures()
                .filter(|figure| !missed || figure.verdict() == Verdict::Missed)
                .min_by(|one, other| one.reach().total_cmp(&other.reach()))
        };
        let wanted = goal.words().to_owned();
        match least(true).or_else(|| least(false)) {
            Some(figure) => {
                let [name, database, clients, _, _, value, _, _] = cells(figure);
                let clients =
                    if clients.is_empty() { clients } else { format!("{clients} connections") };
                let place = [name, database, clients].into_iter().filter(|part| !part.is_empty());
                let place: Vec<String> = place.collect();
                let unit = if figure.floor.is_empty() { figure.unit } else { "×" };
                [wanted, format!("{value} {unit}"), place.join(", "), verdict(figure)]
            }
            None => [wanted, String::new(), String::new(), "not measured".to_owned()],
        }
    }
}

fn verdict(figure: &Figure) -> String {
    mark(figure.verdict()).to_owned()
}

fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut text = row(&header.map(str::to_owned)) + &format!("|{}\n", "---|".repeat(N));
    for cells in rows {
        text += &row(&cells);
    }
    text
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_for_its_header_one_below_it_and_one_for_each_row() {
        let table = table(["what", "value"], [["search", "0.5"].map(str::to_owned)]);
        assert_eq!(table, "| what | value |\n|---|---|\n| search | 0.5 |\n");
    }
}
