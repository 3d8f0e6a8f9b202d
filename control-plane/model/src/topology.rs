//! The edges of the service map that a span stands for.
//!
//! | span | edges |
//! |---|---|
//! | SERVER | from the calling service, or the clients outside, to the service; through API Gateway where that triggered it |
//! | CONSUMER | from what it takes from (queue, stream) to the service; and from the topic that its parent sent to, to the queue |
//! | CLIENT, PRODUCER | from the service to what it calls; but not where the callee is a service with a SERVER span of its own |
//!
//! What a browser saw of a call that was answered is not what the system did: it may be offline, or gone by then. So its calls are drawn by their
//! answers, through API Gateway too.
//!
//! An edge follows from a span, its parent, and whether somebody answered it; nothing else. So the edges of a trace are a sum
//! over its spans in whatever order these came, and a span that comes late changes only what hangs on it.

use crate::otlp::{Flags, Kind, Sample, SpanId};

/// A node, by its number in the store.
pub type NodeId = u32;

/// The facts of a span with numbers for names: what edges and sums depend on, small enough to hold those of many traces.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberedFacts {
    /// Its kind.
    pub kind: Kind,
    /// Its parent's id.
    pub parent: Option<SpanId>,
    /// Its service.
    pub service: NodeId,
    /// Whether that is a browser.
    pub is_browser: bool,
    /// What it calls, sends to or takes from.
    pub peer: Option<NodeId>,
    /// API Gateway, where that triggered it.
    pub gateway: Option<NodeId>,
    /// The clients outside.
    pub outside: NodeId,
    /// A batch invocation, which is nobody's request.
    pub batch: bool,
    /// An HTTP call that a service with spans of its own may answer.
    pub plain_http: bool,
    /// Nanoseconds since 1970.
    pub start_ns: i64,
    /// What it took and how it went.
    pub sample: Sample,
    /// Its name, of a root or a request.
    pub operation: u32,
    /// `tenant.id`.
    pub tenant: u32,
    /// `tenant.tier`.
    pub tier: u32,
    /// `http.response.status_code`; 0 if there is none.
    pub http_status: u16,
}

/// A use of an edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// The node at which the edge begins.
    pub from: NodeId,
    /// The node at which the edge ends.
    pub to: NodeId,
    /// What it took and how it went.
    pub sample: Sample,
}

impl NumberedFacts {
    /// Whether this span is the answer to `call`, if that is its parent.
    pub fn answers(&self, call: &Self) -> bool {
        self.kind == Kind::Server && call.kind == Kind::Client
    }
}

/// Calls `found` for each edge that `span` stands for. `parent` is its parent, if that is known; `answered` is whether a
/// known child [answers](NumberedFacts::answers) it.
pub fn edges(span: &NumberedFacts, parent: Option<&NumberedFacts>, answered: bool, mut found: impl FnMut(Use)) {
    let sample = span.sample;
    match span.kind {
        Kind::Unspecified | Kind::Internal => {}
        Kind::Client | Kind::Producer => {
            if let Some(peer) = span.peer.filter(|_| !(span.plain_http && answered)) {
                found(Use { from: span.service, to: peer, sample });
            }
        }
        Kind::Server => {
            let within = parent.is_some_and(|parent| parent.service == span.service && parent.kind != Kind::Client);
            if span.batch || within {
                return;
            }
            let from = parent.map_or(span.outside, |parent| parent.service);
            match span.gateway {
                Some(gateway) => {
                    // What the caller saw, which is more than the function knows of.
                    let call = parent.filter(|parent| parent.kind == Kind::Client && !parent.is_browser);
                    let call = call.map_or(sample, |parent| parent.sample);
                    found(Use { from, to: gateway, sample: call });
                    found(Use { from: gateway, to: span.service, sample });
                }
                None => found(Use { from, to: span.service, sample }),
            }
        }
        Kind::Consumer => {
            let sent_to = parent.filter(|parent| parent.kind == Kind::Producer).and_then(|parent| parent.peer);
            if let (Some(topic), Some(queue), Some(parent)) = (sent_to, span.peer, parent)
                && topic != queue
            {
                // How long the message was under way.
                let duration_ns = u64::try_from(span.start_ns - parent.start_ns)
                    .unwrap_or_default()
                    .saturating_sub(parent.sample.duration_ns);
                found(Use {
                    from: topic,
                    to: queue,
                    sample: Sample { duration_ns, flags: Flags::default(), ..sample },
                });
            }
            found(Use { from: span.peer.or(sent_to).unwrap_or(span.outside), to: span.service, sample });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTSIDE: NodeId = 1;
    const API: NodeId = 2;
    const MILEAGE: NodeId = 3;
    const GATEWAY: NodeId = 4;
    const HOST: NodeId = 5;
    const TOPIC: NodeId = 6;
    const QUEUE: NodeId = 7;

    fn span(kind: Kind, service: NodeId, peer: Option<NodeId>) -> NumberedFacts {
        NumberedFacts {
            kind,
            service,
            is_browser: false,
            peer,
            gateway: None,
            outside: OUTSIDE,
            batch: false,
            plain_http: false,
            start_ns: 100,
            sample: took(50),
            parent: None,
            operation: 0,
            tenant: 0,
            tier: 0,
            http_status: 0,
        }
    }

    fn took(duration_ns: u64) -> Sample {
        Sample { duration_ns, flags: Flags::default(), weight: 1.0, estimated: false }
    }

    fn pairs(span: &NumberedFacts, parent: Option<&NumberedFacts>, answered: bool) -> Vec<(NodeId, NodeId)> {
        let mut pairs = Vec::new();
        edges(span, parent, answered, |found| pairs.push((found.from, found.to)));
        pairs
    }

    #[test]
    fn a_request_from_outside_comes_through_its_gateway() {
        let fronted = NumberedFacts { gateway: Some(GATEWAY), ..span(Kind::Server, API, None) };
        assert_eq!(pairs(&fronted, None, false), [(OUTSIDE, GATEWAY), (GATEWAY, API)]);
        assert_eq!(pairs(&span(Kind::Server, API, None), None, false), [(OUTSIDE, API)]);
    }

    #[test]
    fn a_call_is_drawn_once_by_whoever_knows_most() {
        let call = NumberedFacts { plain_http: true, ..span(Kind::Client, API, Some(HOST)) };
        let answer = span(Kind::Server, MILEAGE, None);
        assert!(answer.answers(&call));
        assert_eq!(pairs(&call, None, false), [(API, HOST)]);
        assert_eq!(pairs(&call, None, true), []);
        assert_eq!(pairs(&answer, Some(&call), false), [(API, MILEAGE)]);
    }

    #[test]
    fn a_call_through_a_gateway_takes_what_its_caller_saw() {
        let call =
            NumberedFacts { plain_http: true, start_ns: 0, sample: took(900), ..span(Kind::Client, API, Some(HOST)) };
        let answer = NumberedFacts { gateway: Some(GATEWAY), ..span(Kind::Server, MILEAGE, None) };
        let mut took = Vec::new();
        edges(&answer, Some(&call), false, |found| took.push((found.from, found.to, found.sample.duration_ns)));
        assert_eq!(took, [(API, GATEWAY, 900), (GATEWAY, MILEAGE, 50)]);
        // But not where that is a browser.
        let call = NumberedFacts { is_browser: true, ..call };
        took.clear();
        edges(&answer, Some(&call), false, |found| took.push((found.from, found.to, found.sample.duration_ns)));
        assert_eq!(took, [(API, GATEWAY, 50), (GATEWAY, MILEAGE, 50)]);
    }

    #[test]
    fn a_message_goes_from_topic_to_queue_to_service() {
        let sent = span(Kind::Producer, API, Some(TOPIC));
        let handled = NumberedFacts { start_ns: 400, ..span(Kind::Consumer, MILEAGE, Some(QUEUE)) };
        assert_eq!(pairs(&sent, None, false), [(API, TOPIC)]);
        assert_eq!(pairs(&handled, Some(&sent), false), [(TOPIC, QUEUE), (QUEUE, MILEAGE)]);
        assert_eq!(pairs(&handled, None, false), [(QUEUE, MILEAGE)]);
        let direct = NumberedFacts { peer: Some(TOPIC), ..handled.clone() };
        assert_eq!(pairs(&direct, Some(&sent), false), [(TOPIC, MILEAGE)]);
        let mut under_way = None;
        edges(&handled, Some(&sent), false, |found| under_way = under_way.or(Some(found.sample.duration_ns)));
        assert_eq!(under_way, Some(250));
    }

    #[test]
    fn batches_and_steps_within_a_service_are_no_edges() {
        assert_eq!(pairs(&NumberedFacts { batch: true, ..span(Kind::Server, API, None) }, None, false), []);
        let outer = span(Kind::Server, API, None);
        assert_eq!(pairs(&span(Kind::Server, API, None), Some(&outer), false), []);
        assert_eq!(pairs(&span(Kind::Internal, API, None), Some(&outer), false), []);
    }
}
