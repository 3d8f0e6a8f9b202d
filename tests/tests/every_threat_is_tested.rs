//! Each threat of docs/threat-model.md names tests, and these exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

#[test]
fn every_threat_names_tests_that_exist() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(project.join("docs/threat-model.md")).unwrap();
    let (_, threats) = text.split_once("\n## Threats\n").unwrap();
    let rows: Vec<&str> = threats.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 20, "{} threats", rows.len());
    for row in rows {
        let tests: Vec<(&str, &str)> = row.split('`').filter_map(|code| code.split_once("::")).collect();
        assert!(!tests.is_empty(), "no test against: {row}");
        for (file, name) in tests {
            let source = std::fs::read_to_string(project.join(file)).unwrap_or_else(|_| panic!("no file {file}"));
            let defines = ["fn", "def"].iter().any(|keyword| source.contains(&format!("{keyword} {name}(")));
            assert!(defines, "{file} has no {name}");
        }
    }
}
