//! `control-plane investigations`: what operators investigate, read and written from a terminal.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use control_plane::api::Investigation;

use crate::{
    commands::{Client, ServerArgs},
    login, print, terminal,
};

#[derive(Subcommand)]
pub(crate) enum Investigations {
    /// Investigations, the latest first.
    List {
        /// Only those that name this tenant in their title, their page or a note.
        #[arg(long, default_value = "")]
        tenant: String,
        #[command(flatten)]
        client: Client,
    },
    /// Print an investigation: what was saved, the notes, and what matches now.
    Show {
        #[command(flatten)]
        which: InvestigationArgs,
        #[command(flatten)]
        client: Client,
    },
    /// Add a note, with your name and the time; for operators.
    AddNote {
        #[command(flatten)]
        which: InvestigationArgs,
        /// The note, plain text.
        text: String,
        #[command(flatten)]
        asked: ServerArgs,
    },
    /// Write an investigation for a ticket or a program: the notes, and of the traces and refusals that match now their number and the first hundred.
    Export {
        #[command(flatten)]
        which: InvestigationArgs,
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
        #[command(flatten)]
        asked: ServerArgs,
    },
    /// Erase an investigation for good, with its notes, as when a tenant leaves; for operators.
    Erase {
        #[command(flatten)]
        which: InvestigationArgs,
        #[command(flatten)]
        asked: ServerArgs,
    },
}

#[derive(Args)]
pub(crate) struct InvestigationArgs {
    /// Its id, as the list has it.
    id: String,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    Markdown,
    Json,
}

impl InvestigationArgs {
    /// Path of it, and of what can be done with it.
    fn path(&self, root: &str, action: &str) -> String {
        let id: String = form_urlencoded::byte_serialize(self.id.as_bytes()).collect();
        format!("{root}/{id}{action}")
    }
}

pub(crate) async fn run(investigations: Investigations) -> Result<()> {
    match investigations {
        Investigations::List { tenant, client } => {
            let text = client.ask("/api/investigations", &[("tenant", tenant)]).await?;
            client.show(&text, |found: &Vec<Investigation>, screen| terminal::investigations(found, screen))
        }
        Investigations::Show { which, client } => {
            if client.json {
                let text = client.ask(&which.path("/api/investigations", ""), &[]).await?;
                return print(&format!("{}\n", terminal::raw(&text)));
            }
            let markdown = [("format", "markdown".to_owned())];
            print(&terminal::raw(&client.ask(&which.path("/api/investigations", ""), &markdown).await?))
        }
        Investigations::AddNote { which, text, asked } => {
            let answer = post(&asked, &which.path("/investigations", "/notes"), &[("text", &text)]).await?;
            let noted: Investigation = terminal::read(&answer)?;
            print(&format!("{} has {} notes\n", noted.id, noted.notes.len()))
        }
        Investigations::Export { which, format, asked } => {
            let format = if matches!(format, Format::Json) { "json" } else { "markdown" };
            let text = asked.ask(&which.path("/api/investigations", ""), &[("format", format.to_owned())]).await?;
            print(&terminal::raw(&text))
        }
        Investigations::Erase { which, asked } => {
            let answer = post(&asked, &which.path("/investigations", "/erase"), &[]).await?;
            let erased: Investigation = terminal::read(&answer)?;
            print(&format!("{} is erased: {}\n", erased.id, erased.title))
        }
    }
}

async fn post(asked: &ServerArgs, path: &str, form: &[(&str, &str)]) -> Result<String> {
    let server = login::Server::at(&asked.url)?;
    let token = login::token(&server).await?;
    server.post(path, form, token.as_deref()).await
}
