//! Each threat of docs/threat-model.md names tests, and these exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

#[test]
fn every_threat_names_tests_that_exist() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(project.join("docs/threat-model.md")).unwrap();
    let (_, threats) = text.split_once("\n## Threats\n").unwrap();
    let threats: Vec<&str> = threats.lines().filter(|line| line.starts_with("- ")).collect();
    assert!(threats.len() > 20, "{} threats", threats.len());
    for threat in threats {
        let tests: Vec<(&str, &str)> = threat.split('`').filter_map(|code| code.split_once("::")).collect();
        assert!(!tests.is_empty(), "no test against: {threat}");
        for (file, name) in tests {
            let source = std::fs::read_to_string(project.join(file)).unwrap_or_else(|_| panic!("no file {file}"));
            let defines = ["fn", "def"].iter().any(|keyword| source.contains(&format!("{keyword} {name}(")));
            assert!(defines, "{file} has no {name}");
        }
    }
}
