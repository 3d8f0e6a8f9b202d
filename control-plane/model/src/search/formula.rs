//! An expression in two parts: what an engine's index answers, and attributes that spans have to be read for.

use super::{Attribute, Expression};

/// How the parts of an expression hang together.
#[derive(Debug, Clone, PartialEq)]
enum Tree {
    /// An expression that the index answers, by its place.
    Indexed(usize),
    /// An attribute, by its place.
    Attribute(usize),
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
}

/// Attributes that one expression may ask for.
const MAX_ATTRIBUTES: usize = 8;
/// Other parts that it may have besides: as many as there are [`Bits`].
const MAX_INDEXED: usize = 32;

/// What holds of a trace, a bit for each part.
pub type Bits = u32;

/// An expression that asks for attributes which no index has.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    tree: Tree,
    /// What the index answers.
    pub indexed: Vec<Expression>,
    /// What spans have to be read for.
    pub attributes: Vec<Attribute>,
}

impl Formula {
    /// Makes the formula of an expression. There is none if the index answers all of it.
    pub fn of(expression: &Expression) -> Option<Self> {
        let mut formula = Self { tree: Tree::All(Vec::new()), indexed: Vec::new(), attributes: Vec::new() };
        formula.tree = formula.tree(expression);
        (!formula.attributes.is_empty()).then_some(formula)
    }

    /// Whether there are too many attributes, or too many parts that stand around them.
    pub fn is_too_large(&self) -> bool {
        self.attributes.len() > MAX_ATTRIBUTES || self.indexed.len() > MAX_INDEXED
    }

    /// Whether a trace matches of which the index says `indexed`; `None` where that hangs on its attributes.
    pub fn by_index(&self, indexed: Bits) -> Option<bool> {
        self.tree.holds(indexed, None)
    }

    /// Whether a trace matches of which the index says `indexed`, and spans `attributes`.
    pub fn by_spans(&self, indexed: Bits, attributes: Bits) -> bool {
        self.tree.holds(indexed, Some(attributes)).unwrap_or_default()
    }

    fn tree(&mut self, expression: &Expression) -> Tree {
        match expression {
            Expression::And(parts) => Tree::All(self.parts(parts, Expression::And)),
            Expression::Or(parts) => Tree::Any(self.parts(parts, Expression::Or)),
            Expression::Not(inner) => Tree::Not(Box::new(self.tree(inner))),
            Expression::Attribute(attribute) => Tree::Attribute(place(&mut self.attributes, attribute)),
            indexed => Tree::Indexed(place(&mut self.indexed, indexed)),
        }
    }

    /// Parts that the index answers stay together.
    fn parts(&mut self, parts: &[Expression], together: fn(Vec<Expression>) -> Expression) -> Vec<Tree> {
        let (asking, indexed): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.asks_for_attributes());
        let mut trees = Vec::new();
        if !indexed.is_empty() {
            trees.push(Tree::Indexed(place(&mut self.indexed, &together(indexed.into_iter().cloned().collect()))));
        }
        trees.extend(asking.into_iter().map(|part| self.tree(part)));
        trees
    }
}

impl Tree {
    /// What is known of it; without `attributes`, nothing is known of them.
    fn holds(&self, indexed: Bits, attributes: Option<Bits>) -> Option<bool> {
        // One that is not so settles it; else all have to be known.
        let all = |parts: &[Self], wanted: bool| {
            let known: Vec<Option<bool>> = parts.iter().map(|part| part.holds(indexed, attributes)).collect();
            if known.contains(&Some(!wanted)) {
                Some(!wanted)
            } else {
                known.into_iter().all(|one| one.is_some()).then_some(wanted)
            }
        };
        match self {
            Self::Indexed(place) => Some(indexed & bit(*place) != 0),
            Self::Attribute(place) => Some(attributes? & bit(*place) != 0),
            Self::All(parts) => all(parts, true),
            Self::Any(parts) => all(parts, false),
            Self::Not(inner) => inner.holds(indexed, attributes).map(|holds| !holds),
        }
    }
}

/// The bit of the part at a place.
pub fn bit(place: usize) -> Bits {
    Bits::try_from(place).map_or(0, |place| 1_u32.checked_shl(place).unwrap_or_default())
}

/// Where it is among those that are known; the last of them, if it is new.
fn place<T: PartialEq + Clone>(known: &mut Vec<T>, one: &T) -> usize {
    known.iter().position(|known| known == one).unwrap_or_else(|| {
        known.push(one.clone());
        known.len() - 1
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn formula(text: &str) -> Formula {
        Formula::of(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn what_the_index_answers_alone_has_no_formula() {
        assert_eq!(Formula::of(&"fault AND !(ok OR annotation.x)".parse().unwrap()), None);
    }

    #[test]
    fn parts_are_answered_apart_and_put_together_again() {
        let one = formula("fault AND duration > 1 AND attribute[a] = \"x\"");
        assert_eq!((one.indexed.len(), one.attributes.len()), (1, 1));
        assert_eq!(one.by_index(0), Some(false));
        assert_eq!(one.by_index(1), None);
        assert!(one.by_spans(1, 1) && !one.by_spans(1, 0) && !one.by_spans(0, 1));

        let other = formula("!attribute[a] OR fault");
        assert_eq!((other.by_index(1), other.by_index(0)), (Some(true), None));
        assert!(other.by_spans(0, 0) && !other.by_spans(0, 1));

        let both = formula("(attribute[a] OR attribute[b]) AND !(attribute[a] AND attribute[b])");
        let either = [0, 1, 2, 3].map(|attributes| both.by_spans(0, attributes));
        assert_eq!((both.attributes.len(), either), (2, [false, true, true, false]));
    }
}
