//! Plots as SVG: cost against size, throughput against clients.

use std::{ops::Range, path::Path};

use anyhow::anyhow;
use plotters::{
    coord::ranged1d::{AsRangedCoord, ValueFormatter},
    prelude::*,
};
use serde::Serialize;

use super::report::number;

const SIZE: (u32, u32) = (860, 480);
const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(225, 225, 225);
/// Colours that people who confuse red and green tell apart (Okabe and Ito, *Color universal
/// design*, 2008).
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(100, 100, 100),
    RGBColor(148, 103, 60),
];

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Plot {
    Search,
    Pages,
    TransitionBySize,
    ReadsByClients,
    WritesByClients,
}

/// A line of a plot.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Curve {
    pub(crate) plot: Plot,
    pub(crate) line: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// What stands around the lines.
struct Frame {
    title: &'static str,
    x: &'static str,
    y: &'static str,
    /// Of the x axis, whose steps are multiples.
    base: f64,
    /// Whether the steps of the y axis are multiples too.
    log: bool,
}

impl Plot {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 5] = [
        Self::Search,
        Self::Pages,
        Self::TransitionBySize,
        Self::ReadsByClients,
        Self::WritesByClients,
    ];

    /// The file that it is written to.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Search => "search-by-agents.svg",
            Self::Pages => "pages-by-rows.svg",
            Self::TransitionBySize => "transitions-by-tickets.svg",
            Self::ReadsByClients => "reads-by-clients.svg",
            Self::WritesByClients => "transitions-by-clients.svg",
        }
    }

    /// What it shows, in a line.
    pub(crate) const fn title(self) -> &'static str {
        self.frame().title
    }

    const fn frame(self) -> Frame {
        match self {
            Self::Search => Frame {
                title: "A search in process: three capabilities, five agents",
                x: "agents",
                y: "time of one search, µs",
                base: 10.0,
                log: true,
            },
            Self::Pages => Frame {
                title: "A page of a list over HTTP, first and hundredth",
                x: "rows in each table",
                y: "time of one page (median), ms",
                base: 10.0,
                log: false,
            },
            Self::TransitionBySize => Frame {
                title: "A durable transition over HTTP, one after the other",
                x: "tickets (five rows of history each)",
                y: "time of one transition, ms",
                base: 10.0,
                log: false,
            },
            Self::ReadsByClients => Frame {
                title: "Reads and heartbeats over HTTP",
                x: "connections",
                y: "answers a second",
                base: 2.0,
                log: false,
            },
            Self::WritesByClients => Frame {
                title: "Durable transitions over HTTP",
                x: "connections",
                y: "transitions a second",
                base: 2.0,
                log: false,
            },
        }
    }
}

/// Writes each plot that has lines into a folder; says which those are.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write(curves: &[Curve], folder: &Path) -> anyhow::Result<Vec<Plot>> {
    let mut written = Vec::new();
    for plot in Plot::ALL {
        let lines: Vec<&Curve> = curves.iter().filter(|curve| curve.plot == plot).collect();
        if lines.iter().any(|curve| curve.points.len() > 1) {
            std::fs::write(folder.join(plot.file()), svg(&plot.frame(), &lines)?)?;
            written.push(plot);
        }
    }
    Ok(written)
}

fn svg(frame: &Frame, lines: &[&Curve]) -> anyhow::Result<String> {
    let points = || lines.iter().flat_map(|curve| &curve.points).copied();
    let x = range(points().map(|(x, _)| x));
    let y = range(points().map(|(_, y)| y));
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    let drawn = if frame.log {
        let y = (y.start / 1.5..y.end * 3.0).log_scale().base(10.0);
        draw(&area, frame, lines, x, y)
    } else {
        draw(&area, frame, lines, x, 0.0..y.end * 1.3)
    };
    drawn.map_err(|why| anyhow!("{} cannot be drawn: {why}", frame.title))?;
    drop(area);
    Ok(text + "\n")
}

fn range(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    values.clone().fold(f64::INFINITY, f64::min)..values.fold(f64::NEG_INFINITY, f64::max)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw<'a, Y>(area: &Area<'a>, frame: &Frame, lines: &[&Curve], x: Range<f64>, y: Y) -> Drawn<'a>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    area.fill(&WHITE)?;
    let text = |size: u32| (FONT, size).into_font().color(&INK);
    let mut chart = ChartBuilder::on(area)
        .caption(frame.title, text(19))
        .margin(14)
        // The last label is as wide to the right of its place as to the left.
        .margin_right(48)
        .x_label_area_size(52)
        .y_label_area_size(78)
        .build_cartesian_2d((x.start..x.end * 1.02).log_scale().base(frame.base), y)?;
    chart
        .configure_mesh()
        .x_desc(frame.x)
        .y_desc(frame.y)
        .x_label_formatter(&|x| number(*x))
        .y_label_formatter(&|y| number(*y))
        .label_style(text(14))
        .axis_desc_style(text(15))
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (curve, colour) in lines.iter().zip(COLOURS.into_iter().cycle()) {
        let points = || curve.points.iter().copied();
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(points(), style))?
            .label(&curve.line)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
        chart.draw_series(points().map(|at| Circle::new(at, 4, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(text(14))
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .draw()?;
    area.present()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_names_its_axes_with_their_units_and_its_lines() {
        let curve =
            |line: &str, points| Curve { plot: Plot::Search, line: line.to_owned(), points };
        let lines = [
            curve("p50", vec![(1_000.0, 2.0), (1_000_000.0, 90.0)]),
            curve("p99", vec![(1_000.0, 9.0), (1_000_000.0, 700.0)]),
        ];
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(write(&lines, folder.path()).unwrap(), [Plot::Search]);
        let svg = std::fs::read_to_string(folder.path().join(Plot::Search.file())).unwrap();
        for text in ["time of one search, µs", "agents", "p50", "p99", "100,000"] {
            assert!(svg.contains(text), "{text} is not in {svg}");
        }
    }

    #[test]
    fn no_two_plots_share_a_file() {
        let mut files = Plot::ALL.map(Plot::file);
        files.sort_unstable();
        assert!(files.array_windows().all(|[one, other]| one != other));
    }
}
