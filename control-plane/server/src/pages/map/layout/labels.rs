//! Where the labels of edges stand: on their edge, on no node, on no other label, and away from other edges where that can be.

use super::{Curve, Graph, Point, Rect, Route};

/// How far apart the places are at which a label is tried, and those at which an edge counts as near.
const STEP: f64 = 9.0;
/// The least distance from a label to a node or to the name of a band.
const FROM_NODES: f64 = 3.0;
/// The least distance between labels.
const FROM_LABELS: f64 = 3.0;
/// A label on which other edges lie at more places than this is left out: nobody could tell whose it is.
const CROWDED: usize = 9;
/// About how many places of an edge are tried for its label.
const TRIES: usize = 48;
/// Width and height of the squares in which things are looked for.
const SQUARE: f64 = 32.0;

/// Places what labels there is room for, besides what takes room before; the first edges choose first.
pub(super) fn place(graph: &Graph, drawing: &Rect, before: &[Rect], routes: &mut [Route]) {
    let mut taken: Squares<Rect> = Squares::new(drawing);
    for rect in before {
        taken.add(&rect.grown(FROM_NODES), rect.grown(FROM_NODES));
    }
    let ways: Vec<Vec<Point>> = routes.iter().map(|route| along(route, STEP)).collect();
    let mut near: Squares<(usize, Point)> = Squares::new(drawing);
    for (edge, way) in ways.iter().enumerate() {
        way.iter()
            .for_each(|point| near.add(&Rect { x: point.x, y: point.y, width: 0.0, height: 0.0 }, (edge, *point)));
    }
    for (edge, way) in ways.iter().enumerate() {
        let (width, height) = graph.edges[edge].label;
        let mut best: Option<(usize, Rect)> = None;
        // From the middle outwards: the first place that is as good as any is taken.
        for away in (0..way.len()).step_by(way.len().div_ceil(TRIES) | 1) {
            let middle = way.len() / 2;
            let at = if away % 2 == 0 { middle + away / 2 } else { middle.wrapping_sub(away.div_ceil(2)) };
            let Some(point) = way.get(at) else { continue };
            let rect = Rect { x: point.x - width / 2.0, y: point.y - height / 2.0, width, height };
            if !drawing.holds(&rect) || taken.over(&rect).any(|taken| taken.overlaps(&rect)) {
                continue;
            }
            // No place where more of others lie than at the best so far is any better: there is no need to count on.
            let fewest = best.map_or(CROWDED + 1, |(others, _)| others);
            let others =
                near.over(&rect).filter(|(other, point)| *other != edge && rect.has(*point)).take(fewest).count();
            if others < fewest {
                best = Some((others, rect));
            }
            if others == 0 {
                break;
            }
        }
        routes[edge].label = best.map(|(_, rect)| rect);
        if let Some((_, rect)) = best {
            taken.add(&rect.grown(FROM_LABELS), rect.grown(FROM_LABELS));
        }
    }
}

/// Points along an edge, about so far apart.
pub(super) fn along(route: &Route, step: f64) -> Vec<Point> {
    let mut points = Vec::new();
    let mut start = route.start;
    for curve in &route.curves {
        // No longer than this: the length of its control lines.
        let length = distance(start, curve[0]) + distance(curve[0], curve[1]) + distance(curve[1], curve[2]);
        let steps = (length / step).ceil().max(1.0);
        for number in 0..=steps as u32 {
            points.push(at(start, curve, f64::from(number) / steps));
        }
        start = curve[2];
    }
    points
}

fn distance(from: Point, to: Point) -> f64 {
    (to.x - from.x).hypot(to.y - from.y)
}

/// A point of a cubic Bézier curve.
fn at(start: Point, [one, two, end]: &Curve, part: f64) -> Point {
    let rest = 1.0 - part;
    let [a, b, c, d] = [rest.powi(3), 3.0 * rest * rest * part, 3.0 * rest * part * part, part.powi(3)];
    Point { x: a * start.x + b * one.x + c * two.x + d * end.x, y: a * start.y + b * one.y + c * two.y + d * end.y }
}

/// Things by the squares of the drawing that they lie in.
struct Squares<T> {
    across: usize,
    of: Vec<Vec<T>>,
}

impl<T: Copy> Squares<T> {
    fn new(drawing: &Rect) -> Self {
        let count = |length: f64| (length / SQUARE) as usize + 1;
        let across = count(drawing.width);
        Self { across, of: vec![Vec::new(); across * count(drawing.height)] }
    }

    /// The squares that a rectangle lies in.
    fn squares(&self, rect: &Rect) -> impl Iterator<Item = usize> + use<T> {
        let square = |place: f64| (place.max(0.0) / SQUARE) as usize;
        let (across, left, right) = (self.across, square(rect.x), square(rect.right()).min(self.across - 1));
        (square(rect.y)..=square(rect.bottom()))
            .flat_map(move |row| (left..=right).map(move |column| row * across + column))
    }

    fn add(&mut self, rect: &Rect, thing: T) {
        for square in self.squares(rect) {
            if let Some(square) = self.of.get_mut(square) {
                square.push(thing);
            }
        }
    }

    /// What lies in the squares of a rectangle, some of it several times.
    fn over(&self, rect: &Rect) -> impl Iterator<Item = &T> {
        self.squares(rect).filter_map(|square| self.of.get(square)).flatten()
    }
}
