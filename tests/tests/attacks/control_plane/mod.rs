//! The attacks on a control plane, as tables: what is sent, and the status it must get.
//!
//! | file | idea |
//! |---|---|
//! | `wire` | a request as bytes, so that it can be what no HTTP client sends, and its answer |
//! | `here` | a control plane with tenants' data, its providers, and who asks |
//! | `tokens` | tokens and service keys |
//! | `cookies` | cookies of sessions |
//! | `forms` | what another site's page sends in the name of who is signed in, and odd forms |
//! | `hosts` | names that are not the server's, and broken HTTP |
//! | `others` | a tenant's user who asks for others' figures |
//! | `sign_in` | ways back from a provider that are not this sign-in's, and ways on to elsewhere |

pub(crate) mod cookies;
pub(crate) mod forms;
pub(crate) mod here;
pub(crate) mod hosts;
pub(crate) mod others;
pub(crate) mod sign_in;
pub(crate) mod tokens;
pub(crate) mod wire;

use wire::Request;

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A program: a problem document.
    Program,
    /// A person: a page.
    Person,
    /// Nobody: it is no HTTP, and refused before anybody is asked.
    Nobody,
}

/// What is sent, and the status it must get.
#[derive(Debug)]
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) sent: Request,
    pub(crate) status: u16,
    pub(crate) reader: Reader,
}

impl Attack {
    /// By a program.
    pub(crate) fn new(name: impl Into<String>, status: u16, sent: Request) -> Self {
        Self { name: name.into(), sent, status, reader: Reader::Program }
    }

    /// In a browser.
    pub(crate) fn in_a_browser(name: impl Into<String>, status: u16, sent: Request) -> Self {
        let sent = sent.with("Accept", "text/html,application/xhtml+xml");
        Self { name: name.into(), sent, status, reader: Reader::Person }
    }

    /// By what speaks no HTTP.
    pub(crate) fn broken(name: impl Into<String>, status: u16, sent: Request) -> Self {
        Self { name: name.into(), sent, status, reader: Reader::Nobody }
    }
}
