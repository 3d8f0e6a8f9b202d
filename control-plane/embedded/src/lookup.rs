//! Attributes that no index has: the spans of traces are read for them, on several threads.

use std::{collections::HashMap, num::NonZero, rc::Rc, thread};

use control_plane_model::{
    otlp::{Resource, SentResource, StoredSpan},
    search::{Attribute, AttributeMatcher, Bits, bit},
    store::Scope,
};
use prost::{Message, bytes::Bytes};
use rusqlite::Connection;

use crate::{
    failure::Failure,
    fragment::{Fragment, StoredPart},
    fragments::fragments_of,
    reader::{Asker, Reader},
};

/// Threads that read for one search.
const MAX_THREADS: usize = 4;
/// Traces for which one more is not worth its while.
const MIN_TRACES: usize = 500;

/// Which of the attributes each of some traces has, whose rows are in order, as far as whoever asks sees its spans. It ends when
/// nobody waits for it.
pub(crate) fn look_up(
    reader: &Reader,
    asker: &Asker,
    scope: &Scope,
    attributes: &[Attribute],
    rows: &[i64],
) -> Result<Vec<Bits>, Failure> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let _turn = reader.lookup(asker)?;
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    let traces = rows.len().div_ceil(threads).max(MIN_TRACES);
    thread::scope(|threads| {
        let started: Vec<_> = rows
            .chunks(traces)
            .map(|rows| {
                threads.spawn(move || reader.read(|connection| held(connection, asker, scope, attributes, rows)))
            })
            .collect();
        let mut all = Vec::with_capacity(rows.len());
        for reading in started {
            let held = reading.join().map_err(|_| Failure("a thread that read spans ended".to_owned()))?;
            all.extend(held?);
        }
        Ok(all)
    })
}

fn held(
    connection: &Connection,
    asker: &Asker,
    scope: &Scope,
    attributes: &[Attribute],
    rows: &[i64],
) -> Result<Vec<Bits>, Failure> {
    let mut looking = Looking {
        connection,
        scope,
        sought: attributes.iter().map(AttributeMatcher::new).collect(),
        all: (0..attributes.len()).fold(0, |all, place| all | bit(place)),
        senders: HashMap::new(),
    };
    let mut held = vec![0; rows.len()];
    fragments_of(connection, rows, |place, body| {
        asker.waits()?;
        if let Some(held) = held.get_mut(place).filter(|held| **held != looking.all) {
            for part in Fragment::read(body)?.parts {
                looking.look(&part, held)?;
            }
        }
        Ok(())
    })?;
    Ok(held)
}

struct Looking<'a> {
    connection: &'a Connection,
    scope: &'a Scope,
    sought: Vec<AttributeMatcher<'a>>,
    /// The bits of all that is sought.
    all: Bits,
    /// The senders by their row in `resources`.
    senders: HashMap<i64, Rc<Sender>>,
}

/// A sender of spans.
struct Sender {
    resource: Resource,
    /// What it has itself of what is sought.
    held: Bits,
}

impl Looking<'_> {
    /// Adds what spans of one sender and scope have. A sender counts where a span of it is seen.
    fn look(&mut self, part: &StoredPart, held: &mut Bits) -> Result<(), Failure> {
        let sender = self.sender(part.resource)?;
        let sees_all = self.scope.tenant().is_none();
        let sees = |span: &Bytes| {
            let sees = |span: StoredSpan| self.scope.sees(span.tenant(&sender.resource).as_deref());
            Ok(sees_all || sees(StoredSpan::decode(span.clone())?))
        };
        if sender.held & !*held != 0 {
            let is_seen = sees_all || is_any(part.bodies()?.1, sees)?;
            *held |= if is_seen { sender.held } else { 0 };
        }
        for (place, sought) in self.sought.iter().enumerate() {
            if *held & bit(place) != 0 || !sought.may_be_in(&part.scope_spans) {
                continue;
            }
            let (_, spans) = part.bodies()?;
            let spans = spans.into_iter().filter(|span| sought.may_be_in(span));
            if is_any(spans, |span| Ok(sought.is_of(span)? && sees(span)?))? {
                *held |= bit(place);
            }
        }
        Ok(())
    }

    fn sender(&mut self, row: i64) -> Result<Rc<Sender>, Failure> {
        if let Some(known) = self.senders.get(&row) {
            return Ok(known.clone());
        }
        let mut select = self.connection.prepare_cached("SELECT body FROM resources WHERE id = ?1")?;
        let body: Vec<u8> = select.query_row([row], |row| row.get(0))?;
        let sent = SentResource::decode(body.as_slice())?;
        let has = self.sought.iter().enumerate().filter(|(_, sought)| sought.is_of_sender(&sent));
        let held = has.fold(0, |held, (place, _)| held | bit(place));
        let sender = Rc::new(Sender { resource: Resource::of(&sent), held });
        self.senders.insert(row, sender.clone());
        Ok(sender)
    }
}

/// Whether something is so of any of these spans.
fn is_any(
    bodies: impl IntoIterator<Item = Bytes>,
    is_so: impl Fn(&Bytes) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    for body in bodies {
        if is_so(&body)? {
            return Ok(true);
        }
    }
    Ok(false)
}
