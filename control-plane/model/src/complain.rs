//! Messages to operators on standard error.

use std::{fmt, io::Write};

/// Writes a line. Nobody may read it, and that is no reason to stop: `eprintln!` would end the thread.
pub fn complain(what: fmt::Arguments<'_>) {
    let _nobody_reads = writeln!(std::io::stderr(), "{what}");
}
