//! Each question of docs/tour.md has one answer: a file that is there, that is short, and that alone has what the tour names in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A file that is an answer can be read at one sitting.
const FEWER_LINES_THAN: usize = 300;

/// Where code is looked for. What stands in a test answers only a question that is about that test.
const CODE: [&str; 9] =
    ["shared", "booking", "mileage", "control-plane", "local", "infra", "tests/tests", "portal/src", "project.toml"];

struct Row {
    question: String,
    file: String,
    item: String,
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The one piece of code that a cell is.
fn code(cell: &str) -> String {
    let code = cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    let code = code.filter(|code| !code.contains('`'));
    code.unwrap_or_else(|| panic!("{cell} is not one piece of code")).to_owned()
}

fn rows() -> Vec<Row> {
    let tour = fs::read_to_string(project().join("docs/tour.md")).unwrap();
    let rows = tour.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| question "));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [question, file, item] = cells[..] else { panic!("{row} has not three cells") };
        Row { question: question.to_owned(), file: code(file), item: code(item) }
    })
    .collect()
}

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    let name = path.file_name().unwrap().to_str().unwrap();
    if path.is_file() {
        if [".rs", ".py", ".ts", ".tsx", ".toml"].iter().any(|ending| name.ends_with(ending)) {
            found.push(path.to_owned());
        }
    } else if !["node_modules", "target", "cdk.out", "rehearsal", "checks"].contains(&name) {
        for entry in fs::read_dir(path).unwrap() {
            files(&entry.unwrap().path(), found);
        }
    }
}

/// Whether the file's code has the item, and not as the beginning of a longer name.
fn has(source: &str, item: &str) -> bool {
    let is_name = |rest: &str| rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    let comment = |line: &str| ["//", "#", "*"].iter().any(|start| line.trim_start().starts_with(start));
    let code = source.lines().filter(|line| !comment(line));
    code.flat_map(|line| line.match_indices(item).map(|(at, item)| &line[at + item.len()..])).any(|rest| !is_name(rest))
}

#[test]
fn every_question_has_one_short_file_that_answers_it() {
    let rows = rows();
    assert!(rows.len() >= 10, "{} questions", rows.len());
    let questions: BTreeSet<&str> = rows.iter().map(|row| row.question.as_str()).collect();
    assert_eq!(questions.len(), rows.len(), "a question stands twice");
    let mut found = Vec::new();
    CODE.iter().for_each(|folder| files(&project().join(folder), &mut found));
    let sources: Vec<(String, String)> = found
        .iter()
        .map(|path| {
            let name = path.strip_prefix(project()).unwrap().to_str().unwrap();
            (name.to_owned(), fs::read_to_string(path).unwrap())
        })
        .collect();
    let mut wrong = Vec::new();
    for Row { question, file, item } in &rows {
        assert!(question.ends_with('?'), "{question}");
        let source =
            fs::read_to_string(project().join(file)).unwrap_or_else(|_| panic!("{question} there is no {file}"));
        let lines = source.lines().count();
        if lines >= FEWER_LINES_THAN {
            wrong.push(format!("{question} {file} has {lines} lines"));
        }
        let answers = |name: &str, source: &str| (name == file || !name.contains("tests/")) && has(source, item);
        let there: Vec<&String> =
            sources.iter().filter(|(name, source)| answers(name, source)).map(|(name, _)| name).collect();
        if there != [file] {
            wrong.push(format!("{question} {item:?} is in {there:?}, not in {file} alone"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
