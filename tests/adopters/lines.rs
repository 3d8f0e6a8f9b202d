//! How much a function grows.

use std::path::{Path, PathBuf};

/// The project's folder.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// A file of the project.
pub(crate) fn read(file: &str) -> String {
    std::fs::read_to_string(project().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The lines that `after` has and `before` has not, a changed one among them, as `diff` counts; comments and blank lines are left out.
pub(crate) fn added(before: &str, after: &str) -> Vec<String> {
    let code = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::to_owned);
        lines.filter(|line| !line.trim().is_empty() && !line.trim().starts_with("//")).collect()
    };
    let (before, after) = (code(before), code(after));
    // The longest common subsequence of what follows each pair of lines.
    let mut common = vec![vec![0_usize; after.len() + 1]; before.len() + 1];
    for old in (0..before.len()).rev() {
        for new in (0..after.len()).rev() {
            common[old][new] = if before[old] == after[new] {
                common[old + 1][new + 1] + 1
            } else {
                common[old + 1][new].max(common[old][new + 1])
            };
        }
    }
    let (mut old, mut added) = (0, Vec::new());
    for (new, line) in after.iter().enumerate() {
        while old < before.len() && before[old] != *line && common[old + 1][new] == common[old][new] {
            old += 1;
        }
        if old < before.len() && before[old] == *line {
            old += 1;
        } else {
            added.push(line.clone());
        }
    }
    added
}

#[test]
fn a_changed_line_is_an_added_one() {
    let lines = |before, after| added(before, after);
    assert_eq!(lines("a\nb\nc\n", "a\nB\nc\nd\n"), ["B", "d"]);
    assert_eq!(lines("a\nb\n", "b\na\n").len(), 1);
    assert_eq!(lines("x\na\nb\nc\n", "// said\n\na\nb\nx\nc\n"), ["x"]);
    assert!(lines("a\nb\n", "b\n").is_empty());
}
