//! From where a tenant's requests came, and by whom, as far as traces tell.

use std::collections::HashMap;

use control_plane_model::{
    otlp::{Resource, StoredSpan},
    sample::StoredTrace,
    unverified::NETWORK,
};
use prost::Message;
use slo::row::cut;

/// Callers that are told apart: requests of further ones count as those of which nothing is known.
const MOST: usize = 10_000;

/// The network (`client.network`) and the user (`enduser.id`) of requests; none, of requests of which no span says the network.
pub type Caller = Option<(String, Option<String>)>;

/// Requests of a tenant by who sent them.
#[derive(Debug)]
pub struct Callers {
    tenant: String,
    requests: HashMap<Caller, u64>,
}

impl Callers {
    /// None yet.
    pub fn of_tenant(tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), requests: HashMap::new() }
    }

    /// Adds the requests of a trace that were made for the tenant. A span that says the network is a request that came from a caller; where none does, the
    /// first of the trace is: the others came from services.
    pub fn add(&mut self, trace: &StoredTrace) {
        let mut of_services = false;
        let mut of_callers = Vec::new();
        for part in &trace.parts {
            let sender = Resource::of(&part.resource);
            // What was stored can be read.
            let spans = part.spans.iter().filter_map(|body| StoredSpan::decode(body.clone()).ok());
            for span in spans.filter(|span| span.tenant(&sender).as_deref() == Some(&*self.tenant)) {
                match span.text(NETWORK) {
                    Some(network) => {
                        let user = span.text("enduser.id").map(|user| cut(&user).to_owned());
                        of_callers.push(Some((cut(&network).to_owned(), user)));
                    }
                    None => of_services |= span.is_request(),
                }
            }
        }
        if of_callers.is_empty() && of_services {
            of_callers.push(None);
        }
        for caller in of_callers {
            let is_known = self.requests.len() < MOST || self.requests.contains_key(&caller);
            *self.requests.entry(caller.filter(|_| is_known)).or_default() += 1;
        }
    }

    /// How many requests each sent, those with the most first.
    pub fn by_requests(self) -> Vec<(Caller, u64)> {
        let mut all: Vec<_> = self.requests.into_iter().collect();
        all.sort_by(|(one, of_one), (other, of_other)| of_other.cmp(of_one).then_with(|| one.cmp(other)));
        all
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use control_plane_model::{sample::StoredPart, trace::TraceId};
    use opentelemetry_proto::tonic::{
        common::v1::{AnyValue, KeyValue, any_value::Value},
        resource::v1,
        trace::v1::Span,
    };

    use super::*;

    /// A trace of requests with these attributes.
    fn trace(requests: &[&[(&str, &str)]]) -> StoredTrace {
        let text = |(key, value): &(&str, &str)| KeyValue {
            key: (*key).to_owned(),
            value: Some(AnyValue { value: Some(Value::StringValue((*value).to_owned())) }),
            ..KeyValue::default()
        };
        let body = |named: &&[(&str, &str)]| {
            Span { kind: 2, attributes: named.iter().map(text).collect(), ..Span::default() }.encode_to_vec().into()
        };
        let resource = Arc::new(v1::Resource::default());
        let part = StoredPart { resource, scope: Default::default(), spans: requests.iter().map(body).collect() };
        StoredTrace { trace_id: TraceId::from_bytes(&[1; 16]).unwrap(), parts: vec![part] }
    }

    #[test]
    fn requests_count_by_network_and_user_and_those_between_services_do_not() {
        let (of_acme, of_globex) = (("tenant.id", "acme"), ("tenant.id", "globex"));
        let (network, ann) = (("client.network", "203.0.113.0/24"), ("enduser.id", "ann"));
        let mut callers = Callers::of_tenant("acme");
        // A request, which another service was asked for by the first.
        callers.add(&trace(&[&[of_acme, network, ann], &[of_acme, ann]]));
        // Two in one trace, of which one is a machine's; and one of somebody else.
        callers.add(&trace(&[&[of_acme, network, ann], &[of_acme, network], &[of_globex, network, ann]]));
        // From a sender that does not say the network, twice; and of nobody.
        callers.add(&trace(&[&[of_acme, ann], &[of_acme, ann]]));
        callers.add(&trace(&[&[network, ann], &[]]));
        let of = |user: Option<&str>| Some(("203.0.113.0/24".to_owned(), user.map(str::to_owned)));
        assert_eq!(callers.by_requests(), [(of(Some("ann")), 2), (None, 1), (of(None), 1)]);
    }
}
