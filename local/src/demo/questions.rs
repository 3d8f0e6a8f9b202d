//! What whoever is on call asks, of the simulated tenants: each question with its command and its page.

use std::env;

use anyhow::Result;

use crate::{ministack::program_beside, outputs::Outputs};

use super::simulation::{DEAR, FAILING, SLOW, STRANDED_BOOKING};

/// Where a command asks if nothing is said.
const DEFAULT_URL: &str = "http://127.0.0.1:4318";

/// The five questions, as lines, and how to sign in for the commands where that is asked for.
pub(super) fn of(outputs: &Outputs) -> Result<String> {
    let control_plane_url = &outputs.control_plane_url;
    let url = if control_plane_url == DEFAULT_URL { String::new() } else { format!(" --url {control_plane_url}") };
    let program = program_beside("control-plane")?;
    let program = program.strip_prefix(env::current_dir()?).unwrap_or(&program).display();
    let login = if outputs.staff.is_empty() {
        String::new()
    } else {
        format!("  For the commands, sign in once, as operator or viewer:\n    {program} login{url}\n")
    };
    let questions = [
        (
            "Is it one tenant or everybody, and since which deployment?".to_owned(),
            "slo".to_owned(),
            "/tenants".to_owned(),
        ),
        (
            format!("What sets the failing requests of {FAILING} apart from its good ones?"),
            format!("why --tenant {FAILING}"),
            format!("/why?tenant={FAILING}"),
        ),
        (
            format!("Which operation is slow for {SLOW}, and was it before?"),
            format!("groups --by span.name --tenant {SLOW} --order slowest"),
            format!("/groups?by=span.name&tenant={SLOW}&order=slowest"),
        ),
        (
            format!("Booking {STRANDED_BOOKING} has no miles. Where is it?"),
            format!("find {STRANDED_BOOKING}"),
            format!("/find?q={STRANDED_BOOKING}"),
        ),
        (format!("Which tenants cost the most, and why {DEAR}?"), "cost".to_owned(), "/cost".to_owned()),
    ];
    let lines = questions.into_iter().map(|(question, command, path)| {
        format!("  {question}\n    {program} {command}{url}\n    {control_plane_url}{path}\n")
    });
    Ok(login + &lines.collect::<String>())
}
