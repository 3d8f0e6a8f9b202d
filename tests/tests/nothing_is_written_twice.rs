//! No block of six or more lines stands twice in what a team carries away or in the services: a fix in one copy would miss the other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

/// So many lines that say something, in the same order, are a block.
const BLOCK: usize = 6;

/// Where no block may stand twice.
const FOLDERS: [&str; 3] = ["shared", "booking", "mileage"];

/// A line that says something, as it is compared, and its number.
struct Line<'a> {
    number: usize,
    text: &'a str,
}

/// Two places with the same lines, the first of each.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Twice {
    lines: usize,
    first: (String, usize),
    second: (String, usize),
}

impl fmt::Display for Twice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((one, at), (other, there)) = (&self.first, &self.second);
        write!(f, "{} lines of {one}:{at} stand again at {other}:{there}", self.lines)
    }
}

/// The lines of a source that count, without the white space around them. These do not: blank lines and comments; imports, which each
/// file needs for itself; attributes such as a derive; and lines without a letter or digit, such as closing brackets.
fn telling(source: &str) -> Vec<Line<'_>> {
    let (mut importing, mut lines) = (false, Vec::new());
    for (index, line) in source.lines().enumerate() {
        let text = line.trim();
        importing |=
            ["use ", "pub use ", "pub(crate) use ", "pub(super) use "].iter().any(|start| text.starts_with(start));
        let says_nothing = text.starts_with("//") || text.starts_with("#[") || !text.contains(char::is_alphanumeric);
        if !importing && !says_nothing {
            lines.push(Line { number: index + 1, text });
        }
        importing &= !text.ends_with(';');
    }
    lines
}

/// Every block that stands twice, in one source or two, as long as it is. Copies that overlap are one run of alike lines and no second
/// block.
fn written_twice(sources: &BTreeMap<String, String>) -> Vec<Twice> {
    let files: Vec<(&String, Vec<Line<'_>>)> = sources.iter().map(|(file, source)| (file, telling(source))).collect();
    let same = |(file, at): (usize, usize), (other, there): (usize, usize)| {
        let (one, two) = (&files[file].1[at..], &files[other].1[there..]);
        let same = one.iter().zip(two).take_while(|(one, two)| one.text == two.text).count();
        if file == other { same.min(there - at) } else { same }
    };
    let mut places: BTreeMap<Vec<&str>, Vec<(usize, usize)>> = BTreeMap::new();
    for (file, (_, lines)) in files.iter().enumerate() {
        for (at, window) in lines.windows(BLOCK).enumerate() {
            places.entry(window.iter().map(|line| line.text).collect()).or_default().push((file, at));
        }
    }
    let (mut found, mut within) = (Vec::new(), BTreeSet::new());
    let mut pairs: Vec<_> = places.values().flat_map(|places| pairs(places)).collect();
    pairs.sort_unstable();
    for (first, second) in pairs {
        let lines = same(first, second);
        if lines < BLOCK || !within.insert((first, second)) {
            continue;
        }
        within.extend((1..lines).map(|on| ((first.0, first.1 + on), (second.0, second.1 + on))));
        let place = |(file, at): (usize, usize)| (files[file].0.clone(), files[file].1[at].number);
        found.push(Twice { lines, first: place(first), second: place(second) });
    }
    found
}

/// Each with each that comes after it.
fn pairs(places: &[(usize, usize)]) -> impl Iterator<Item = ((usize, usize), (usize, usize))> {
    places.iter().enumerate().flat_map(|(index, first)| places[index + 1..].iter().map(|second| (*first, *second)))
}

/// The Rust sources below `folder`, tests and examples too, by their path.
fn sources(root: &Path, folder: &Path, into: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources(root, &path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            into.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// The project's own.
fn all() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let mut all = BTreeMap::new();
    for folder in FOLDERS {
        sources(&root, &root.join(folder), &mut all);
    }
    all
}

#[test]
fn no_block_stands_twice() {
    let all = all();
    for folder in FOLDERS {
        assert!(all.keys().any(|file| file.starts_with(folder)), "{folder} has sources");
    }
    let twice: Vec<String> = written_twice(&all).iter().map(Twice::to_string).collect();
    assert!(twice.is_empty(), "{} block(s) stand twice:\n{}", twice.len(), twice.join("\n"));
}

#[test]
fn a_copy_from_one_service_into_the_other_is_found() {
    let (from, into) = ("booking/src/reservations.rs", "mileage/src/ledger.rs");
    let mut all = all();
    let lines: Vec<(usize, String)> =
        telling(&all[from]).iter().map(|line| (line.number, line.text.to_owned())).skip(20).take(BLOCK).collect();
    let copy: String = lines
        .iter()
        .map(|(_, text)| format!("\n    // with other comments and indented\n\n        {text}\n"))
        .collect();
    let ledger = all.get_mut(into).unwrap();
    let at = ledger.lines().count() + 3;
    ledger.push_str(&copy);
    let place = |file: &str, at| (file.to_owned(), at);
    assert_eq!(
        written_twice(&all),
        [Twice { lines: BLOCK, first: place(from, lines[0].0), second: place(into, at + 1) }]
    );
}

#[test]
fn six_lines_are_a_block_and_five_are_none() {
    let numbered = |lines: std::ops::Range<u8>| lines.map(|n| format!("let x = {n};\n")).collect::<String>();
    let found = |one: String, other: String| {
        let found = written_twice(&BTreeMap::from([("a".to_owned(), one), ("b".to_owned(), other)]));
        found.iter().map(Twice::to_string).collect::<Vec<_>>()
    };
    assert_eq!(found(numbered(0..5), numbered(0..5)), [""; 0]);
    assert_eq!(found(numbered(0..6), numbered(0..6)), ["6 lines of a:1 stand again at b:1"]);
    assert_eq!(
        found(numbered(0..9), numbered(1..20)),
        ["8 lines of a:2 stand again at b:1"],
        "told once, as long as it is"
    );
    let (one, other) = (numbered(0..6), numbered(6..12));
    assert_eq!(
        found(one.clone() + &other + &one, String::new()),
        ["6 lines of a:1 stand again at a:13"],
        "in one file"
    );
    assert_eq!(found("row(1);\n".repeat(11), String::new()), [""; 0], "alike lines in a row");
    let import = "use std::{\n    a,\n    b,\n    c,\n    d,\n    e,\n    f,\n};\n";
    let nothing = "\n    }\n});\n// said\n//! said\n/// said\n#[derive(Debug)]\n".repeat(3) + import;
    assert_eq!(found(nothing.clone(), nothing.clone()), [""; 0]);
    let apart = numbered(0..3) + &nothing + &numbered(3..6);
    assert_eq!(found(apart, numbered(0..6)).len(), 1, "what says nothing does not part a block");
}
