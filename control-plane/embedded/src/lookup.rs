//! Attributes that no index has: the spans of traces are read for them, on several threads.

use std::{collections::HashMap, num::NonZero, thread};

use control_plane_model::{
    otlp::{SentResource, StoredSpan},
    search::{Attribute, Bits, Sought, bit},
};
use prost::Message;
use rusqlite::Connection;

use crate::{
    failure::Failure,
    fragment::{Fragment, StoredPart},
    fragments::fragments_of,
    reader::Reader,
};

/// Threads that read for one search.
const MAX_THREADS: usize = 4;
/// Traces for which one more is not worth its while.
const MIN_TRACES: usize = 500;

/// Which of the attributes each of some traces has, whose rows are in order.
pub(crate) fn look_up(reader: &Reader, attributes: &[Attribute], rows: &[i64]) -> Result<Vec<Bits>, Failure> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    let traces = rows.len().div_ceil(threads).max(MIN_TRACES);
    thread::scope(|scope| {
        let started: Vec<_> = rows
            .chunks(traces)
            .map(|rows| scope.spawn(move || reader.read(|connection| held(connection, attributes, rows))))
            .collect();
        let mut all = Vec::with_capacity(rows.len());
        for reading in started {
            let held = reading.join().map_err(|_| Failure("a thread that read spans ended".to_owned()))?;
            all.extend(held?);
        }
        Ok(all)
    })
}

fn held(connection: &Connection, attributes: &[Attribute], rows: &[i64]) -> Result<Vec<Bits>, Failure> {
    let mut looking = Looking {
        connection,
        sought: attributes.iter().map(Sought::new).collect(),
        all: (0..attributes.len()).fold(0, |all, place| all | bit(place)),
        senders: HashMap::new(),
    };
    let mut held = vec![0; rows.len()];
    fragments_of(connection, rows, |place, body| {
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
    sought: Vec<Sought<'a>>,
    /// The bits of all that is sought.
    all: Bits,
    /// What senders have, by their row.
    senders: HashMap<i64, Bits>,
}

impl Looking<'_> {
    /// Adds what spans of one sender and scope have.
    fn look(&mut self, part: &StoredPart, held: &mut Bits) -> Result<(), Failure> {
        *held |= self.of_sender(part.resource)?;
        for (place, sought) in self.sought.iter().enumerate() {
            if *held & bit(place) != 0 || !sought.may_be_in(&part.scope_spans) {
                continue;
            }
            let (_, spans) = part.bodies()?;
            for span in spans.into_iter().filter(|span| sought.may_be_in(span)) {
                if sought.is_of(&StoredSpan::decode(span)?) {
                    *held |= bit(place);
                    break;
                }
            }
        }
        Ok(())
    }

    fn of_sender(&mut self, row: i64) -> Result<Bits, Failure> {
        if let Some(known) = self.senders.get(&row) {
            return Ok(*known);
        }
        let mut select = self.connection.prepare_cached("SELECT body FROM resources WHERE id = ?1")?;
        let body: Vec<u8> = select.query_row([row], |row| row.get(0))?;
        let sender = SentResource::decode(body.as_slice())?;
        let has = self.sought.iter().enumerate().filter(|(_, sought)| sought.is_of_sender(&sender));
        let held = has.fold(0, |held, (place, _)| held | bit(place));
        self.senders.insert(row, held);
        Ok(held)
    }
}
