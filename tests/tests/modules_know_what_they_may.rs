//! Within the control plane, arrows point down: no module imports one that needs it, and the server's know only those that they may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Modules of the server, and which others of them each may know: only modules above it.
const SERVER: &[(&str, &[&str])] = &[
    ("visible", &[]),
    ("text", &[]),
    ("problem", &[]),
    ("window", &["text", "problem"]),
    ("assets", &["problem"]),
    ("layout", &["visible", "problem", "window", "assets"]),
    ("access", &["text", "problem", "layout"]),
    ("audit", &["problem"]),
    ("investigations", &["problem", "window", "audit"]),
    ("tenants", &["problem", "audit"]),
    ("delivery", &[]),
    ("forward", &["delivery"]),
    ("alerting", &["text", "delivery"]),
    ("leader", &[]),
    ("trace_links", &[]),
    ("evaluator", &["text", "alerting", "leader"]),
    ("intake", &["forward"]),
    ("otel_traces", &["intake"]),
    ("config", &["forward", "alerting", "evaluator", "intake", "tenants", "trace_links"]),
    ("cors", &[]),
    (
        "api",
        &[
            "visible",
            "text",
            "problem",
            "window",
            "investigations",
            "tenants",
            "access",
            "alerting",
            "evaluator",
            "trace_links",
        ],
    ),
    ("jaeger", &["problem", "window", "access", "api"]),
    (
        "pages",
        &[
            "visible",
            "text",
            "problem",
            "window",
            "assets",
            "layout",
            "investigations",
            "tenants",
            "access",
            "audit",
            "alerting",
            "evaluator",
            "api",
        ],
    ),
    (
        "server",
        &[
            "problem",
            "investigations",
            "tenants",
            "access",
            "audit",
            "forward",
            "alerting",
            "leader",
            "evaluator",
            "intake",
            "otel_traces",
            "config",
            "cors",
            "api",
            "jaeger",
            "pages",
        ],
    ),
];

/// The only modules of the server that name an engine.
const NAME_ENGINES: &[&str] = &["config", "server"];

type Edges = BTreeMap<String, BTreeSet<String>>;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// What stands in a crate, by module: without its tests.
fn modules(folder: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("src");
    let mut modules: BTreeMap<String, String> = BTreeMap::new();
    for path in sources(&root) {
        let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
        let module = first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        modules.entry(module).or_default().push_str(text);
    }
    // It names all modules.
    modules.retain(|module, _| module != "lib");
    modules
}

/// The first names after each `crate::` of a text: of a group, all of them.
fn named(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, path) in text.match_indices("crate::") {
        if text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            continue;
        }
        let rest = &text[at + path.len()..];
        let mut depth = 0;
        let mut name = String::new();
        for letter in rest.chars() {
            let is_name = letter.is_alphanumeric() || letter == '_';
            match letter {
                _ if is_name && depth <= 1 => name.push(letter),
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => {
                    found.insert(std::mem::take(&mut name));
                }
                // Behind its first name, a path says no more; only a group goes on.
                _ if depth == 0 && !name.is_empty() => break,
                ':' if depth == 1 => name.push(letter),
                _ => {}
            }
            if depth <= 0 && letter == '}' {
                break;
            }
        }
        found.insert(name);
    }
    let first = |name: &String| name.split(':').next().unwrap_or_default().to_owned();
    found.iter().map(first).filter(|name| !name.is_empty()).collect()
}

fn edges(folder: &str) -> Edges {
    let modules = modules(folder);
    let known: BTreeSet<String> = modules.keys().cloned().collect();
    let others = |module: &String, text: &String| {
        named(text).into_iter().filter(|name| name != module && known.contains(name)).collect()
    };
    modules.iter().map(|(module, text)| (module.clone(), others(module, text))).collect()
}

/// Modules that need each other, directly or over others.
fn circle(edges: &Edges) -> BTreeSet<&String> {
    let mut left: BTreeSet<&String> = edges.keys().collect();
    while let Some(bottom) =
        left.iter().find(|module| edges[**module].iter().all(|other| !left.contains(other))).copied()
    {
        left.remove(bottom);
    }
    left
}

#[test]
fn a_group_of_imports_names_all_its_modules() {
    let text = "use crate::{\n    api::{self, Logs},\n    text::link,\n    problem,\n};\nuse crate::config::Config;\nfn f() { crate::a::b() }\nuse my_crate::no;";
    let names: Vec<String> = named(text).into_iter().collect();
    assert_eq!(names, ["a", "api", "config", "problem", "text"]);
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    for folder in ["model", "embedded", "clickhouse", "dynamodb", "server"] {
        let edges = edges(&format!("control-plane/{folder}"));
        assert!(edges.values().any(|others| !others.is_empty()), "{folder}: no import was found");
        assert!(circle(&edges).is_empty(), "{folder}: a circle among {:?}", circle(&edges));
    }
    let both = |a: &str, b: &str| (a.to_owned(), BTreeSet::from([b.to_owned()]));
    assert_eq!(circle(&Edges::from([both("a", "b"), both("b", "a"), ("c".to_owned(), BTreeSet::new())])).len(), 2);
}

#[test]
fn the_servers_modules_know_only_those_above_them_that_they_may() {
    let edges = edges("control-plane/server");
    let listed: BTreeSet<&str> = SERVER.iter().map(|(module, _)| *module).collect();
    assert_eq!(listed, edges.keys().map(String::as_str).collect(), "each module has its line here");
    let mut before = BTreeSet::new();
    for (module, may) in SERVER {
        let may: BTreeSet<String> = may.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(edges[*module], may, "{module} knows others than it may, or is allowed what it does not know");
        assert!(may.is_subset(&before), "{module} knows a module that comes after it");
        before.insert((*module).to_owned());
    }
}

#[test]
fn engines_are_named_where_one_is_chosen() {
    for (module, text) in modules("control-plane/server") {
        let names = ["embedded", "clickhouse", "dynamodb"]
            .iter()
            .any(|engine| text.contains(&format!("control_plane_{engine}")));
        assert_eq!(names, NAME_ENGINES.contains(&module.as_str()), "{module}");
    }
}
