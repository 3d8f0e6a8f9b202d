//! A crate of `shared/` takes values. Whoever wants them from the environment says so: by `from_env`, or by a `Settings` of a function, which is
//! read once and tells all mistakes together. A library that looked up a variable by itself would find the mistake with the first request, if at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What reads the environment of the process.
const READS: [&str; 3] = ["env::var", "env::vars", "Variables::of_process()"];

/// A variable that Lambda sets, which nobody configures.
const OF_LAMBDA: (&str, &str) = ("shared/tenant-store/src/clients.rs", r#"env::var("AWS_LAMBDA_FUNCTION_NAME")"#);

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The name of the function that a line declares.
fn declared(line: &str) -> Option<&str> {
    let (before, rest) = line.trim_start().split_once("fn ")?;
    let is_declaration =
        before.split_whitespace().all(|word| word.starts_with("pub") || ["async", "const"].contains(&word));
    is_declaration.then(|| rest.split(['(', '<']).next()).flatten()
}

/// Each line of code that reads the environment, and the function it stands in. Comments are left out, and the tests that end a file.
fn reads(source: &str) -> Vec<(String, String)> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut function = String::new();
    let mut found = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        if let Some(name) = declared(line) {
            function = name.to_owned();
        }
        if READS.iter().any(|read| line.contains(read)) {
            found.push((function.clone(), line.trim().to_owned()));
        }
    }
    found
}

#[test]
fn only_from_env_reads_the_environment() {
    let mut files = Vec::new();
    for krate in fs::read_dir(project().join("shared")).unwrap() {
        let source = krate.unwrap().path().join("src");
        if source.is_dir() {
            sources(&source, &mut files);
        }
    }
    assert!(files.len() > 60, "{} files", files.len());
    let (mut strangers, mut readers) = (Vec::new(), 0);
    for file in files {
        let name = file.strip_prefix(project()).unwrap().to_str().unwrap().to_owned();
        for (function, line) in reads(&fs::read_to_string(&file).unwrap()) {
            let says_so = function.ends_with("from_env")
                || (function == "of_process" && name.starts_with("shared/function-settings/"));
            let of_lambda = name == OF_LAMBDA.0 && line.contains(OF_LAMBDA.1);
            readers += usize::from(says_so);
            if !says_so && !of_lambda {
                strangers.push(format!("{name}, {function}: {line}"));
            }
        }
    }
    assert!(strangers.is_empty(), "{strangers:#?}");
    assert!(readers > 5, "only {readers} were found: is this test looking at the right thing?");
}

#[test]
fn a_function_of_the_services_reads_its_settings_alone() {
    let mut files = Vec::new();
    for service in ["booking", "mileage"] {
        sources(&project().join(service).join("src"), &mut files);
    }
    for file in files {
        let name = file.strip_prefix(project()).unwrap().to_str().unwrap().to_owned();
        let source = fs::read_to_string(&file).unwrap();
        let read = reads(&source);
        if !name.contains("/src/bin/") {
            assert!(read.is_empty(), "{name}: {read:?}");
            continue;
        }
        // Once, and before anything else is done.
        assert_eq!(read.len(), 1, "{name}: {read:?}");
        let first = source.lines().skip_while(|line| declared(line) != Some("main")).nth(1).unwrap();
        assert!(first.contains("::read(&Variables::of_process())?"), "{name} begins with {first}");
        assert!(!source.contains("from_env"), "{name}");
    }
}

#[test]
fn a_reader_is_found_wherever_it_stands() {
    let source = "impl X {\n    pub fn of(&self) -> u8 {\n        std::env::var(\"A\")\n    }\n    pub(crate) async fn from_env() {\n        // env::var\n        \
                  let read = Variables::of_process().read(f);\n    }\n}\n#[cfg(test)]\nmod tests {\n    fn f() { std::env::var(\"B\") }\n}\n";
    let found = reads(source);
    let functions: Vec<_> = found.iter().map(|(function, _)| function.as_str()).collect();
    assert_eq!(functions, ["of", "from_env"]);
}
