//! How records hang together.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest};
use control_plane_model::store::AuditRecord;

/// `previous` of the first record.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The record that comes after another, or the first.
pub(crate) fn next(last: Option<&AuditRecord>, body: String) -> AuditRecord {
    let number = last.map_or(0, |last| last.number) + 1;
    let previous = last.map_or(NOTHING, |last| &last.hash).to_owned();
    AuditRecord { hash: hash(&previous, number, &body), number, previous, body }
}

/// The hash of a record, as the crate's documentation defines it.
fn hash(previous: &str, number: u64, body: &str) -> String {
    hex::encode(digest(&SHA256, format!("{previous}\n{number}\n{body}").as_bytes()))
}

/// The number and the hash of a record, which somebody keeps elsewhere to compare with later: `NUMBER:HASH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The record's number, from 1.
    pub number: u64,
    /// 64 hexadecimal digits.
    pub hash: String,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

impl FromStr for Checkpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let noted = text.split_once(':').and_then(|(number, hash)| Some((number.parse().ok()?, hash)));
        let noted = noted.filter(|(number, hash)| {
            *number > 0 && hash.len() == NOTHING.len() && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
        });
        let (number, hash) = noted.ok_or("expected NUMBER:HASH, the hash of 64 hexadecimal digits")?;
        Ok(Self { number, hash: hash.to_ascii_lowercase() })
    }
}

/// Where a chain breaks first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {number} {how}")]
pub struct Broken {
    /// The number of the first record that does not fit the chain.
    pub number: u64,
    /// How the chain is broken at that record.
    pub how: How,
}

/// How a chain breaks at a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum How {
    /// Others come after it.
    #[error("is missing")]
    Missing,
    /// It comes where another should.
    #[error("is out of order")]
    Reordered,
    /// Its hash is not that of what it says.
    #[error("was changed")]
    Changed,
    /// It is whole by itself, and does not follow from the record before it.
    #[error("does not follow from the record before it: one of the two was replaced")]
    Unlinked,
    /// The chain is whole, but this record is another one than when its hash was written down.
    #[error("has another hash than the one that was noted: it or one before it was replaced")]
    Replaced,
    /// The chain ends before a record that somebody noted.
    #[error("was noted, and the audit ends before it")]
    Truncated,
}

/// A chain that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many records the chain has.
    pub records: u64,
    /// The last of them: note it where nobody who can write to the store can, and its loss will show.
    pub last: Option<Checkpoint>,
}

/// Verifies records one by one, from the first.
#[derive(Debug, Default)]
pub struct Chain {
    expected: Option<Checkpoint>,
    last: Option<Checkpoint>,
}

impl Chain {
    /// One that has to hold what was noted, if something was.
    pub fn new(expected: Option<Checkpoint>) -> Self {
        Self { expected, last: None }
    }

    /// Adds the next record.
    ///
    /// # Errors
    ///
    /// How it breaks the chain.
    pub fn add(&mut self, record: &AuditRecord) -> Result<(), Broken> {
        let AuditRecord { number, previous, hash: own, body } = record;
        let (next, last) = self.last.as_ref().map_or((1, NOTHING), |last| (last.number + 1, &last.hash));
        let breaks = |number: u64, how: How| Err(Broken { number, how });
        if *number > next {
            return breaks(next, How::Missing);
        }
        if *number < next {
            return breaks(*number, How::Reordered);
        }
        if *own != hash(previous, *number, body) {
            return breaks(*number, How::Changed);
        }
        if previous != last {
            return breaks(*number, How::Unlinked);
        }
        if self.expected.as_ref().is_some_and(|noted| noted.number == *number && noted.hash != *own) {
            return breaks(*number, How::Replaced);
        }
        self.last = Some(Checkpoint { number: *number, hash: own.clone() });
        Ok(())
    }

    /// The number of the last record that was added; 0 before the first.
    pub fn number(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.number)
    }

    /// There are no more.
    ///
    /// # Errors
    ///
    /// What was noted has not come.
    pub fn end(self) -> Result<Verified, Broken> {
        let records = self.number();
        match self.expected {
            Some(noted) if noted.number > records => Err(Broken { number: noted.number, how: How::Truncated }),
            _ => Ok(Verified { records, last: self.last }),
        }
    }
}
