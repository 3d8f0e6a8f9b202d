//! An investigation, and what may be written in it.

use axum::http::{StatusCode, Uri};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    problem::Problem,
    window::{Place, Window},
};

/// Letters of a title.
pub(crate) const MAX_TITLE: usize = 200;
/// Letters of a note.
pub(crate) const MAX_NOTE: usize = 4_000;
const MAX_NOTES: usize = 100;
/// Bytes of the path of the page that is saved.
const MAX_PATH: usize = 4_096;
/// Bytes of all of it: an item of DynamoDB has 400 kB at most, and a list reads many.
const MAX_BYTES: usize = 128 * 1024;
/// Pages that can be saved: those with a filter over a window.
const PAGES: [&str; 5] = ["/turned-away", "/traces", "/why", "/tenant", "/groups"];

/// What somebody looked into: a page as it was, and notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Investigation {
    /// It begins with the time at which it was opened.
    pub id: String,
    /// What it is about, in a line.
    pub title: String,
    /// Path of the page that was saved, with its filter, over a window that begins and ends at certain moments.
    pub page: String,
    /// When this window begins, Unix seconds.
    pub from: i64,
    /// The end of the window.
    pub to: i64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The name of the user who opened it.
    pub opened_by: String,
    /// The notes, in the order in which they were added. A note never changes.
    pub notes: Vec<Note>,
    /// When it was closed, after which nothing can be added.
    pub closed: Option<Closed>,
}

/// What somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who, by name.
    pub by: String,
    /// Plain text, of one line or several.
    pub text: String,
}

/// The end of an investigation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When it was closed.
    pub at: Timestamp,
    /// The name of the user who closed it.
    pub by: String,
}

/// What one is made of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    title: String,
    page: String,
    from: i64,
    to: i64,
}

impl Draft {
    /// A title, and the path of a page with its query. A window that is counted back from now is one of certain moments from now on.
    ///
    /// # Errors
    ///
    /// 422: no title, one too long or of several lines; a page that cannot be saved, or whose window cannot be meant.
    pub(crate) fn new(title: &str, page: &str, now: Timestamp) -> Result<Self, Problem> {
        let title = title.trim();
        if title.is_empty() || title.chars().count() > MAX_TITLE || title.contains(char::is_control) {
            return Err(refused(format!("title: one line of 1 to {MAX_TITLE} letters.")));
        }
        let uri = Some(page).filter(|page| page.len() <= MAX_PATH).and_then(|page| page.parse::<Uri>().ok());
        let uri = uri.filter(|uri| uri.authority().is_none() && PAGES.contains(&uri.path()));
        let wrong = || {
            refused(format!(
                "page: the path of one of {}, with its query, of {MAX_PATH} bytes at most.",
                PAGES.join(", ")
            ))
        };
        let (page, window) =
            Place::of(&uri.ok_or_else(wrong)?).fixed(now).map_err(|problem| refused(problem.detail))?;
        let (from, to) = whole_seconds(window);
        Ok(Self { title: title.to_owned(), page, from, to })
    }

    pub(super) fn opened(self, id: String, at: Timestamp, by: &str) -> Investigation {
        let Self { title, page, from, to } = self;
        let opened_by = by.to_owned();
        Investigation { id, title, page, from, to, opened_at: at, opened_by, notes: Vec::new(), closed: None }
    }
}

/// The window in whole seconds, rounded outwards so that none of it is left out.
fn whole_seconds(window: Window) -> (i64, i64) {
    let (from, to) = window.seconds();
    (from, if window.to_ns % 1_000_000_000 == 0 { to } else { to + 1 })
}

impl Note {
    /// A note of these lines.
    ///
    /// # Errors
    ///
    /// 422: nothing in it, too long, or not plain text.
    pub(super) fn new(text: &str, at: Timestamp, by: &str) -> Result<Self, Problem> {
        // A form ends its lines in two letters: https://html.spec.whatwg.org/#form-submission-algorithm
        let text = text.replace("\r\n", "\n").trim().to_owned();
        let is_plain = !text.contains(|letter: char| letter.is_control() && !matches!(letter, '\n' | '\t'));
        if text.is_empty() || text.chars().count() > MAX_NOTE || !is_plain {
            return Err(refused(format!("text: a note is 1 to {MAX_NOTE} letters of plain text.")));
        }
        Ok(Self { at, by: by.to_owned(), text })
    }
}

impl Investigation {
    /// Adds a note.
    ///
    /// # Errors
    ///
    /// 409: it is closed, or has as many notes as it may.
    pub(super) fn add(&mut self, note: Note) -> Result<(), Problem> {
        self.is_open()?;
        if self.notes.len() >= MAX_NOTES {
            let why = format!("It has {MAX_NOTES} notes, which is as many as it may: open another one.");
            return Err(Problem::new(StatusCode::CONFLICT, why));
        }
        self.notes.push(note);
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// 409: it is closed already.
    pub(super) fn close(&mut self, closed: Closed) -> Result<(), Problem> {
        self.is_open()?;
        self.closed = Some(closed);
        Ok(())
    }

    fn is_open(&self) -> Result<(), Problem> {
        match &self.closed {
            Some(Closed { by, .. }) => {
                Err(Problem::new(StatusCode::CONFLICT, format!("{by} has closed this investigation.")))
            }
            None => Ok(()),
        }
    }

    /// The body that the store keeps.
    pub(super) fn body(&self) -> Result<String, Problem> {
        let body = serde_json::to_string(self)
            .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        if body.len() > MAX_BYTES {
            let why = format!("Its notes would be more than {MAX_BYTES} bytes together: open another one.");
            return Err(Problem::new(StatusCode::CONFLICT, why));
        }
        Ok(body)
    }

    /// Whether its title, its page or a note has this word, such as a tenant's id. An id that only begins so is another one.
    pub fn mentions(&self, word: &str) -> bool {
        let of_page = self.page.split_once('?').map(|(_, query)| form_urlencoded::parse(query.as_bytes()));
        let of_page = of_page.into_iter().flatten().map(|(_, value)| value.into_owned());
        let notes = self.notes.iter().map(|note| note.text.clone());
        [self.title.clone()].into_iter().chain(of_page).chain(notes).any(|text| has_word(&text, word))
    }
}

fn has_word(text: &str, word: &str) -> bool {
    let is_of_id = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    let is_whole = |at: usize| {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        !before.is_some_and(is_of_id) && !after.is_some_and(is_of_id)
    };
    !word.is_empty() && text.match_indices(word).any(|(at, _)| is_whole(at))
}

fn refused(why: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn opened(page: &str) -> Investigation {
        Draft::new("Who is guessing?", page, now()).unwrap().opened("1".to_owned(), now(), "ada")
    }

    fn note(text: &str) -> Result<Note, Problem> {
        Note::new(text, now(), "ada")
    }

    #[test]
    fn a_page_is_saved_over_the_window_that_it_showed() {
        let saved = |page: &str| {
            let draft = Draft::new("a title", page, now()).map_err(|problem| problem.detail)?;
            Ok::<_, String>((draft.page, draft.from, draft.to))
        };
        let hour = "from=2027-01-15T07%3A00%3A00Z&to=2027-01-15T08%3A00%3A00Z";
        let of_hour = |page: &str| Ok((format!("{page}{hour}"), 1_799_996_400, 1_800_000_000));
        assert_eq!(saved("/turned-away?tenant=acme&window=1h&user="), of_hour("/turned-away?tenant=acme&"));
        // Saved again it stays as it is, whatever goes with its window.
        assert_eq!(saved(&format!("/why?moment=5&filter=a+b&{hour}")), of_hour("/why?moment=5&filter=a+b&"));
        assert_eq!(saved("/traces"), of_hour("/traces?"));
        for wrong in ["", "/", "/audit", "traces", "//evil.example/traces", "https://evil.example/traces", "/traces/x"]
        {
            assert!(saved(wrong).unwrap_err().starts_with("page: the path of one of /turned-away"), "{wrong}");
        }
        assert!(saved(&format!("/traces?filter={}", "a".repeat(MAX_PATH))).is_err());
        assert!(saved("/traces?window=soon").unwrap_err().contains("soon"));
    }

    #[test]
    fn a_title_is_a_line_and_a_note_is_plain_text() {
        let title = |title: &str| Draft::new(title, "/traces", now()).is_ok();
        assert_eq!(["a", " ü ", &"ü".repeat(200)].map(title), [true; 3]);
        assert_eq!(["", "  ", "a\nb", "a\u{1b}[2J", &"a".repeat(201)].map(title), [false; 5]);
        assert_eq!(note(" one\r\n\ttwo \n").unwrap().text, "one\n\ttwo");
        assert!(note(&"ü".repeat(MAX_NOTE)).is_ok());
        for wrong in ["", " \r\n ", "a\u{1b}[2J", "a\0", &"a".repeat(MAX_NOTE + 1)] {
            assert_eq!(note(wrong).unwrap_err().status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:.20}");
        }
    }

    #[test]
    fn notes_are_added_until_it_is_closed_or_full() {
        let mut investigation = opened("/traces");
        for number in 0..MAX_NOTES {
            investigation.add(note(&number.to_string()).unwrap()).unwrap();
        }
        let full = investigation.add(note("one more").unwrap()).unwrap_err();
        assert_eq!((full.status, investigation.notes.len()), (StatusCode::CONFLICT, MAX_NOTES));
        let closed = Closed { at: now(), by: "ada".to_owned() };
        let mut over = opened("/traces");
        over.close(closed.clone()).unwrap();
        for refused in [over.add(note("late").unwrap()), over.close(closed)] {
            assert_eq!(refused.unwrap_err().detail, "ada has closed this investigation.");
        }
        assert!(over.notes.is_empty() && over.body().is_ok());
        let mut large = opened("/traces");
        for _ in 0..MAX_NOTES {
            large.add(note(&"ü".repeat(MAX_NOTE)).unwrap()).unwrap();
        }
        assert_eq!(large.body().unwrap_err().status, StatusCode::CONFLICT);
    }

    #[test]
    fn whatever_names_a_tenant_is_found_and_nothing_of_others() {
        let of_filter = opened("/traces?filter=annotation%5Btenant.id%5D+%3D+%22acme%22");
        assert!(opened("/turned-away?tenant=acme").mentions("acme") && of_filter.mentions("acme"));
        let mut of_note = opened("/traces");
        of_note.add(note("ask (acme), they know").unwrap()).unwrap();
        assert!(of_note.mentions("acme"));
        for other in ["/turned-away?tenant=acme2", "/turned-away?tenant=acme-air", "/traces?acme=1", "/traces"] {
            assert!(!opened(other).mentions("acme"), "{other}");
        }
        assert!(!of_filter.mentions(""));
    }
}
