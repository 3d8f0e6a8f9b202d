//! Spans that hold the bytes of attributes: SQL finds them, and what they say is read here.

use std::collections::HashMap;

use bytes::Bytes;
use clickhouse::{Row, query::Query};
use control_plane_model::{
    otlp::SentResource,
    search::{Attribute, AttributeMatcher, Bits, bit},
    store::{Scope, StoreError},
};
use prost::Message;
use serde::Deserialize;

use crate::{
    condition::sign,
    database::{Database, failed},
};

/// Attributes' bits of senders stand behind those of spans.
const OF_SENDER: u32 = 8;

/// A span that SQL found, and its sender; of the two, what seems to have nothing is empty.
#[derive(Row, Deserialize)]
pub(crate) struct Hit {
    pub(crate) trace_id: [u8; 16],
    /// Which attributes it seems to have, and [behind them](OF_SENDER) which its sender does.
    held: u32,
    span: Bytes,
    sender: Bytes,
}

/// How many rows a trace has.
#[derive(Row, Deserialize)]
pub(crate) struct Rows {
    pub(crate) trace_id: [u8; 16],
    pub(crate) rows: u64,
}

/// Where spans are looked for: between two five minutes, in spans that whoever asks sees, in traces that served a tenant, if one is asked for.
pub(crate) struct SpanRange<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) tenant: Option<&'a str>,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl SpanRange<'_> {
    /// How many rows each trace has.
    pub(crate) fn rows(&self, database: &Database) -> Query {
        self.query(database, include_str!("../sql/lookup_rows.sql"))
    }

    /// The spans that seem to have some of the attributes, `most` at most of those of a trace that seem to have the same.
    pub(crate) fn hits(&self, database: &Database, attributes: &[Attribute], most: usize) -> Query {
        let (mut held, mut any, mut bound) = (Vec::new(), Vec::new(), Vec::new());
        for (at, sought) in attributes.iter().map(AttributeMatcher::new).enumerate() {
            let needles: Vec<_> = sought
                .needles()
                .enumerate()
                .map(|(n, needle)| (format!("needle{at}_{n}"), hexadecimal(needle)))
                .collect();
            let holds = |column: &str, more: Option<String>| {
                let each = needles.iter().map(|(name, _)| format!("position({column}, unhex({{{name}:String}})) > 0"));
                let own = self.scope.tenant().map(|_| "tenant = {tenant:String}".to_owned());
                let all = own.into_iter().chain(each).chain(more).collect::<Vec<_>>().join(" AND ");
                if all.is_empty() { "true".to_owned() } else { format!("({all})") }
            };
            let number = sought.number().zip(needles.first()).map(|((comparison, number), (key, _))| {
                bound.push((format!("number{at}"), number.to_bits().to_string()));
                may_be(&format!("unhex({{{key}:String}})"), sign(comparison), &format!("{{number{at}:UInt64}}"))
            });
            for (condition, shift) in [(holds("body", number), 0), (holds("resource", None), OF_SENDER)] {
                held.push(format!("if({condition}, {}, 0)", bit(at) << shift));
                any.push(condition);
            }
            bound.extend(needles);
        }
        let sql = include_str!("../sql/lookup_spans.sql")
            .replace("$held", &format!("toUInt32({})", held.join(" + ")))
            .replace("$any", &any.join(" OR "));
        let query = self.query(database, &sql).param("most", most as u64);
        bound.into_iter().fold(query, |query, (name, value)| query.param(&name, value))
    }

    fn query(&self, database: &Database, sql: &str) -> Query {
        let of_tenant = "trace_id IN (SELECT trace_id FROM traces WHERE bucket >= toDateTime({first:UInt32}, 'UTC') \
                         AND bucket <= toDateTime({last:UInt32}, 'UTC') AND has(words, sipHash64('tenant', {tenant:String})))";
        let sql = sql.replace("$of_tenant", if self.tenant.is_some() { of_tenant } else { "true" });
        let query = database.query(&sql).param("first", self.first).param("last", self.last);
        query.param("tenant", self.tenant.unwrap_or_default())
    }
}

/// Whether a number that a span holds behind a key may be so: another one is there, or none, or it is no whole number of up to three
/// bytes, or it is so. Behind a key, protobuf has `12`, how long the value is, `18` for a whole number, and seven bits of it in each byte.
fn may_be(key: &str, sign: &str, number: &str) -> String {
    let behind = format!("position(body, {key}) + length({key})");
    let byte = |n: usize| format!("reinterpretAsUInt8(substring(body, {behind} + {n}, 1))");
    let digits =
        (0..3).map(|n| format!("if({} > {}, bitAnd({}, 127) * {}, 0)", byte(1), n + 1, byte(3 + n), 1 << (7 * n)));
    let value = digits.collect::<Vec<_>>().join(" + ");
    let is_short = format!("{} = 18 AND {} BETWEEN 2 AND 4 AND {} = 24", byte(0), byte(1), byte(2));
    format!(
        "(countSubstrings(body, {key}) != 1 OR NOT ({is_short}) OR ({value}) {sign} reinterpretAsFloat64({number}))"
    )
}

/// What one span says.
pub(crate) struct SpanAttributes {
    /// The index of its trace among those that are looked at.
    pub(crate) trace: usize,
    /// Which attributes the span and its sender seem to have, as in [`Hit::held`].
    seems: u32,
    /// Which of these attributes the span or its sender really has.
    has: Bits,
}

/// What spans of a trace say of attributes, as far as they were looked at.
#[derive(Default)]
pub(crate) struct TraceAttributes {
    /// How many rows the trace has, whatever they say.
    pub(crate) rows: u64,
    /// The attributes that one of the spans has.
    has: Bits,
    /// How many spans seem to have the same attributes.
    alike: Vec<(u32, usize)>,
}

impl TraceAttributes {
    /// Adds what one says.
    pub(crate) fn add(&mut self, said: &SpanAttributes) {
        self.has |= said.has;
        match self.alike.iter_mut().find(|(seems, _)| *seems == said.seems) {
            Some((_, count)) => *count += 1,
            None => self.alike.push((said.seems, 1)),
        }
    }

    /// Whether none said anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.alike.is_empty()
    }

    /// Which attributes the trace has; `None` where that hangs on spans that were not looked at, which are those beyond `most` that seem
    /// to have the same.
    pub(crate) fn all(&self, most: usize) -> Option<Bits> {
        let beyond = self.alike.iter().filter(|(_, count)| *count >= most);
        let unknown = beyond.fold(0, |all, (seems, _)| all | seems | seems >> OF_SENDER) & ((1 << OF_SENDER) - 1);
        (unknown & !self.has == 0).then_some(self.has)
    }
}

/// What each of these says, each with the trace that it is of.
pub(crate) fn read(attributes: &[Attribute], hits: &[(usize, Hit)]) -> Result<Vec<SpanAttributes>, StoreError> {
    let sought: Vec<AttributeMatcher<'_>> = attributes.iter().map(AttributeMatcher::new).collect();
    let all_of = |held: u32| sought.iter().enumerate().filter(move |(at, _)| held & bit(*at) != 0);
    // A few senders send most of the spans, so what they have is remembered.
    let mut senders: HashMap<(u32, &Bytes), Bits> = HashMap::new();
    let read = hits.iter().map(|(trace, hit)| {
        let mut has = 0;
        for (at, sought) in all_of(hit.held) {
            has |= if sought.is_of(&hit.span).map_err(failed)? { bit(at) } else { 0 };
        }
        let of_sender = hit.held >> OF_SENDER;
        if of_sender > 0 {
            has |= match senders.get(&(of_sender, &hit.sender)) {
                Some(known) => *known,
                None => {
                    let sender = SentResource::decode(hit.sender.clone()).map_err(failed)?;
                    let theirs = all_of(of_sender).filter(|(_, sought)| sought.is_of_sender(&sender));
                    let theirs = theirs.fold(0, |has, (at, _)| has | bit(at));
                    senders.insert((of_sender, &hit.sender), theirs);
                    theirs
                }
            };
        }
        Ok(SpanAttributes { trace: *trace, seems: hit.held, has })
    });
    read.collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_looked_at_may_say_more() {
        let says = |all: &[(u32, Bits)], most| {
            let mut says = TraceAttributes::default();
            all.iter().for_each(|(seems, has)| says.add(&SpanAttributes { trace: 0, seems: *seems, has: *has }));
            says.all(most)
        };
        assert_eq!(says(&[(0b01, 0b01)], 1), Some(0b01));
        assert_eq!(says(&[(0b01, 0b00)], 1), None, "the next may have it");
        assert_eq!(says(&[(0b01, 0b00)], 2), Some(0), "there is no next");
        assert_eq!(says(&[(0b01, 0b00), (0b11, 0b11)], 1), Some(0b11));
        assert_eq!(says(&[(0b01, 0b01), (0b10, 0b00)], 1), None, "of one it is known");
        assert_eq!(says(&[(0b01 << OF_SENDER, 0)], 1), None, "another sender may have it");
        assert_eq!(says(&[(0b01 << OF_SENDER, 0), (0b01, 0b01)], 1), Some(0b01));
    }
}
