//! One line per step with the time it took, on standard error: standard output belongs to results.

use std::{
    fmt::Display,
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use anstyle::{AnsiColor, Style};

const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// A step under way.
#[derive(Debug)]
pub struct Step {
    started: Instant,
    terminal: bool,
}

/// Says that a step begins.
pub fn step(what: &str) -> Step {
    let terminal = std::io::stderr().is_terminal();
    if terminal {
        write(format_args!("  … {what}"));
    }
    Step { started: Instant::now(), terminal }
}

impl Step {
    /// Says that it is done, and how long it took.
    pub fn done(self, what: impl Display) {
        let seconds = self.started.elapsed();
        // Padding is only for text.
        let what = what.to_string();
        if self.terminal {
            write(format_args!("\r\x1b[K{GREEN}  ✔{GREEN:#} {what:<58}{:>7}\n", text(seconds)));
        } else {
            write(format_args!("  ✔ {what:<58}{:>7}\n", text(seconds)));
        }
    }
}

/// Says what goes wrong without ending anything.
pub fn warn(what: impl Display) {
    let style = if std::io::stderr().is_terminal() { YELLOW } else { Style::new() };
    write(format_args!("{style}  !{style:#} {what}\n"));
}

fn text(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn write(text: std::fmt::Arguments<'_>) {
    // A closed terminal is no reason to stop.
    let _ignored = std::io::stderr().write_fmt(text).and_then(|()| std::io::stderr().flush());
}
