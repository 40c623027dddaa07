//! Lines in an SVG, with logarithmic axes: cost against the size of a cluster.

use std::fmt::Write;

/// A line.
#[derive(Clone, Debug)]
pub struct Series {
    /// What it shows.
    pub name: String,
    /// Its points; all coordinates are positive.
    pub points: Vec<(f64, f64)>,
}

/// A picture.
#[derive(Clone, Debug)]
pub struct Plot {
    /// What stands above it.
    pub title: String,
    /// What grows to the right.
    pub x: String,
    /// What grows upwards.
    pub y: String,
    /// Its lines.
    pub series: Vec<Series>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 180.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
const COLORS: [&str; 6] = ["#1b6ca8", "#c1440e", "#3a7d44", "#7b4fa3", "#a67c00", "#555555"];

impl Plot {
    /// The picture.
    pub fn to_svg(&self) -> String {
        let mut svg = String::new();
        self.write(&mut svg).expect("a string takes whatever is written");
        svg
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let (x_low, x_high) = decades(points().map(|point| point.0));
        let (y_low, y_high) = decades(points().map(|point| point.1));
        let x_of = |x: f64| LEFT + (x.log10() - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT);
        let y_of =
            |y: f64| HEIGHT - BOTTOM - (y.log10() - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM);
        writeln!(
            out,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">"#
        )?;
        writeln!(out, r#"<rect width="100%" height="100%" fill="white"/>"#)?;
        writeln!(out, r#"<text x="{LEFT}" y="22" font-size="15">{}</text>"#, escape(&self.title))?;
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for decade in range(x_low, x_high) {
            let (x, label) = (x_of(10_f64.powi(decade)), label(decade));
            writeln!(out, r##"<path d="M{x:.1} {TOP}V{bottom}" stroke="#ddd"/>"##)?;
            writeln!(
                out,
                r#"<text x="{x:.1}" y="{:.1}" text-anchor="middle">{label}</text>"#,
                bottom + 18.0
            )?;
        }
        for decade in range(y_low, y_high) {
            let (y, label) = (y_of(10_f64.powi(decade)), label(decade));
            writeln!(out, r##"<path d="M{LEFT} {y:.1}H{right}" stroke="#ddd"/>"##)?;
            writeln!(
                out,
                r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{label}</text>"#,
                LEFT - 6.0,
                y + 4.0
            )?;
        }
        let (middle, low) = (f64::midpoint(LEFT, right), HEIGHT - 12.0);
        writeln!(out, r#"<text x="{middle:.1}" y="{low}" text-anchor="middle">{}</text>"#, escape(&self.x))?;
        let centre = f64::midpoint(TOP, bottom);
        writeln!(
            out,
            r#"<text transform="translate(18 {centre:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
            escape(&self.y)
        )?;
        for (index, series) in self.series.iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            let path: Vec<String> =
                series.points.iter().map(|(x, y)| format!("{:.1} {:.1}", x_of(*x), y_of(*y))).collect();
            writeln!(
                out,
                r#"<path d="M{}" fill="none" stroke="{color}" stroke-width="2"/>"#,
                path.join("L")
            )?;
            for (x, y) in &series.points {
                writeln!(out, r#"<circle cx="{:.1}" cy="{:.1}" r="3" fill="{color}"/>"#, x_of(*x), y_of(*y))?;
            }
            let y = TOP + 10.0 + 18.0 * index as f64;
            writeln!(
                out,
                r#"<text x="{:.1}" y="{y:.1}" fill="{color}">{}</text>"#,
                right + 12.0,
                escape(&series.name)
            )?;
        }
        writeln!(out, "</svg>")
    }
}

/// The powers of ten around some values.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|value| *value > 0.0)
        .map(f64::log10)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return (0.0, 1.0);
    }
    (low.floor(), high.ceil().max(low.floor() + 1.0))
}

fn range(low: f64, high: f64) -> std::ops::RangeInclusive<i32> {
    low as i32..=high as i32
}

fn label(decade: i32) -> String {
    match decade {
        0..=5 => format!("{}", 10_u64.pow(decade.unsigned_abs())),
        -3..=-1 => format!("{}", 10_f64.powi(decade)),
        _ => format!("1e{decade}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_its_lines_and_labels() {
        let series = Series { name: "a<b".to_owned(), points: vec![(1000.0, 2.0), (50_000.0, 30.0)] };
        let plot =
            Plot { title: "T".to_owned(), x: "agents".to_owned(), y: "us".to_owned(), series: vec![series] };
        let svg = plot.to_svg();
        assert!(svg.contains("a&lt;b") && svg.contains(">100000<") && svg.ends_with("</svg>\n"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 2);
    }
}
