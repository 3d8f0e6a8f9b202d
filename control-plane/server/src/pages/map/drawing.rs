//! The map as a drawing.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};

use control_plane_model::map::{BROWSER, MapEdge, MapNode, ServiceMap, Stats};
use maud::{Markup, Render, html};

use super::{
    Shown, figures, icon,
    layout::{Edge, Graph, Layout, Rect, Route, layout, name_of},
};
use crate::{
    problem::{Problem, off_thread},
    text::{percent, rate},
};

/// Letters of a name that fit beside each other in a node.
const LETTERS: usize = 16;
/// Letters of what stands below it, which is smaller.
const SMALL_LETTERS: usize = 22;
/// Letters of a name beside each other, where it is seen from far away and so written larger.
const FAR_LETTERS: usize = 10;
const FAR_LINE: f64 = 22.0;
/// What a letter of a label takes at most, in the units of the drawing.
const LETTER: f64 = 7.4;
/// What a letter of an account's name takes.
const NAME_LETTER: f64 = 9.2;
/// What a line of a label takes.
const LINE: f64 = 13.5;

/// A map with a place for everything.
pub(super) struct Drawing<'a> {
    shown: &'a Shown<'a>,
    /// The account of each band, from top to bottom; the first is that of none, if there is anything outside.
    accounts: Vec<Option<&'a str>>,
    /// By number: those that are unwell first, as they have the first choice of a place for their label.
    edges: Vec<&'a MapEdge>,
    layout: Layout,
}

impl<'a> Drawing<'a> {
    /// Lays out a map, which takes some milliseconds for hundreds of nodes: in a thread that may.
    pub(super) async fn new(shown: &'a Shown<'a>) -> Result<Self, Problem> {
        let map: &ServiceMap = shown.map;
        let accounts: BTreeSet<Option<&str>> = map.nodes.iter().map(|node| node.account.as_deref()).collect();
        let accounts: Vec<Option<&str>> = accounts.into_iter().collect();
        let band = |node: &MapNode| accounts.binary_search(&node.account.as_deref()).unwrap_or_default();
        let numbers: HashMap<u32, usize> =
            map.nodes.iter().enumerate().map(|(number, node)| (node.id, number)).collect();
        let mut edges: Vec<&MapEdge> = map.edges.iter().collect();
        edges.retain(|edge| numbers.contains_key(&edge.source) && numbers.contains_key(&edge.target));
        edges.sort_by_key(|edge| Reverse((edge.stats.health, edge.stats.count)));
        let edge =
            |edge: &&MapEdge| Edge { from: numbers[&edge.source], to: numbers[&edge.target], label: size(&edge.stats) };
        let graph = Graph {
            bands: accounts.iter().map(|account| letters(&shown.account(*account)) * NAME_LETTER).collect(),
            nodes: map.nodes.iter().map(band).collect(),
            edges: edges.iter().map(edge).collect(),
        };
        let layout = off_thread(move || layout(&graph)).await?;
        Ok(Self { shown, layout, accounts, edges })
    }
}

impl Render for Drawing<'_> {
    fn render(&self) -> Markup {
        let Layout { width, height, bands, nodes, edges } = &self.layout;
        html! {
            svg.map width=(near(*width)) height=(near(*height)) viewBox={ "0 0 " (near(*width)) " " (near(*height)) }
                role="group" aria-label="Services, and what they call" {
                defs {
                    marker #arrow viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto" {
                        path d="M0 0 8 4 0 8z" {}
                    }
                }
                @for band in bands {
                    rect.band x=(near(band.x)) y=(near(band.y)) width=(near(band.width)) height=(near(band.height)) rx="10" {}
                }
                // Unhealthy edges are drawn last and lie on top.
                @for (edge, route) in self.edges.iter().zip(edges).rev() { (self.edge(edge, route)) }
                @for (account, band) in self.accounts.iter().zip(bands) {
                    text.account data-account=[account] x=(near(name_of(band).x)) y=(near(name_of(band).y + 14.5)) { (self.shown.account(*account)) }
                }
                @for (node, rect) in self.shown.map.nodes.iter().zip(nodes) { (self.node(node, rect)) }
            }
        }
    }
}

impl Drawing<'_> {
    fn edge(&self, edge: &MapEdge, route: &Route) -> Markup {
        let stats = &edge.stats;
        let (from, to) = (self.shown.name(edge.source), self.shown.name(edge.target));
        let (faults, errors) = (percent(stats.fault_rate), percent(stats.error_rate));
        let title = format!("{from} to {to}: {}, {faults} faults, {errors} errors", figures(stats));
        let path = path(route);
        html! {
            a href=(self.shown.panel_of_edge(edge)) data-from=(edge.source) data-to=(edge.target) {
                title { (title) }
                g class={ "edge " (stats.health.name()) } {
                    path.reach d=(path) {}
                    path.line d=(path) marker-end="url(#arrow)" {}
                    @if let Some(label) = route.label {
                        @for (number, line) in lines(stats).iter().enumerate() {
                            text x=(near(label.x + label.width / 2.0)) y=(near(label.y + (number as f64 + 0.8) * LINE)) { (line) }
                        }
                    }
                }
            }
        }
    }

    fn node(&self, node: &MapNode, rect: &Rect) -> Markup {
        let stats = &node.stats;
        // A node that nobody calls has no figures of its own; its edges have them.
        let figures = if stats.count > 0 { figures(stats) } else { String::new() };
        let title = match figures.as_str() {
            "" => format!("{} {}", sort(node), node.name),
            figures => format!("{} {}: {figures}, {} faults", sort(node), node.name, percent(stats.fault_rate)),
        };
        let name = wrapped(&node.name, LETTERS, 2);
        // In the middle, line by line; the second line of a name may be missing.
        let top = rect.y + (rect.height - 36.0 - name.len() as f64 * 15.0) / 2.0;
        // On a map that is zoomed out, only the name is legible.
        let far = wrapped(&node.name, FAR_LETTERS, 3);
        let middle = rect.y + rect.height / 2.0;
        let (left, below) = (rect.x + 13.0, top + name.len() as f64 * 15.0);
        html! {
            a href=(self.shown.panel_of(node)) data-node=(node.id) data-account=[&node.account] {
                title { (title) }
                g class={ "node " (if node.kind == BROWSER { "outside" } else { stats.health.name() }) } {
                    rect.box x=(near(rect.x)) y=(near(rect.y)) width=(near(rect.width)) height=(near(rect.height)) rx="8" {}
                    rect.health x=(near(rect.x)) y=(near(rect.y)) width="5" height=(near(rect.height)) rx="2" {}
                    @for (number, line) in name.iter().enumerate() {
                        text.name x=(near(left)) y=(near(top + 12.0 + number as f64 * 15.0)) { (line) }
                    }
                    @for (number, line) in far.iter().enumerate() {
                        text.far x=(near(left)) y=(near(middle + (number as f64 - far.len() as f64 / 2.0) * FAR_LINE + 16.0)) { (line) }
                    }
                    path.icon transform={ "translate(" (near(left)) " " (near(below + 4.0)) ")" } d=(icon::of(&node.kind)) {}
                    text x=(near(left + 17.0)) y=(near(below + 14.5)) { (shortened(&sort(node), SMALL_LETTERS - 3)) }
                    text.figures x=(near(left)) y=(near(below + 30.0)) { (shortened(&figures, SMALL_LETTERS)) }
                }
            }
        }
    }
}

fn letters(text: &str) -> f64 {
    text.chars().count() as f64
}

/// Rounds to a tenth of a pixel, which nobody can see.
fn near(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}

fn path(route: &Route) -> String {
    let mut path = format!("M{} {}", near(route.start.x), near(route.start.y));
    for [one, two, end] in &route.curves {
        let numbers = [one.x, one.y, two.x, two.y, end.x, end.y].map(|number| near(number).to_string());
        path += &format!("C{}", numbers.join(" "));
    }
    path
}

/// What an edge is labelled with: how often it is used, and which share fails.
fn lines(stats: &Stats) -> Vec<String> {
    let failing = (stats.fault_rate > 0.0).then(|| percent(stats.fault_rate));
    [rate(stats.rate)].into_iter().chain(failing).collect()
}

/// What its label takes.
fn size(stats: &Stats) -> (f64, f64) {
    let lines = lines(stats);
    (lines.iter().map(|line| letters(line)).fold(0.0, f64::max) * LETTER, lines.len() as f64 * LINE)
}

/// What it is, where its name does not say so.
fn sort(node: &MapNode) -> String {
    if node.kind == node.name { "AWS".into() } else { node.kind.clone() }
}

fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters - 1).chain(['…']).collect()
}

/// A name in at most this many lines, broken between its parts.
fn wrapped(name: &str, letters: usize, lines: usize) -> Vec<String> {
    let count = name.chars().count();
    if count <= letters || lines <= 1 {
        return vec![shortened(name, letters)];
    }
    let meets = |(at, letter): (usize, char)| (!letter.is_alphanumeric() && at + 1 < count).then_some(at + 1);
    let broken = name.chars().enumerate().take(letters).filter_map(meets).last().unwrap_or(letters);
    let first: String = name.chars().take(broken).collect();
    let rest: String = name.chars().skip(broken).collect();
    [first.trim_end().to_owned()].into_iter().chain(wrapped(&rest, letters, lines - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_takes_as_many_lines_as_it_may_and_no_more() {
        let two = |name| wrapped(name, LETTERS, 2);
        assert_eq!(two("mileage-accrual"), ["mileage-accrual"]);
        assert_eq!(two("booking-publisher"), ["booking-", "publisher"]);
        assert_eq!(two("a-name-that-goes-on-and-on-for-ever"), ["a-name-that-", "goes-on-and-on-…"]);
        assert_eq!(two("Ünterbrechungsfreie Stromversorgung"), ["Ünterbrechungsfr", "eie Stromversor…"]);
        assert_eq!(two(""), [""]);
        assert_eq!(wrapped("seat-inventory-projection-1", FAR_LETTERS, 3), ["seat-", "inventory-", "projectio…"]);
    }
}
