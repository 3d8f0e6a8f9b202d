//! The users of a tenant, as far as traces name them.

use std::collections::HashSet;

use control_plane_model::{
    otlp::{Resource, StoredSpan},
    sample::StoredTrace,
};
use prost::Message;
use slo::row::cut;

/// The distinct users of a tenant, by `enduser.id`, else `user.id`.
#[derive(Debug)]
pub struct Users {
    tenant: String,
    seen: HashSet<String>,
    traces: usize,
}

impl Users {
    /// Makes a set without users yet.
    pub fn of(tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), seen: HashSet::new(), traces: 0 }
    }

    /// Adds those whom a trace's spans name that were made for the tenant.
    pub fn look(&mut self, trace: &StoredTrace) {
        self.traces += 1;
        for part in &trace.parts {
            let sender = Resource::of(&part.resource);
            // What was stored can be read.
            let spans = part.spans.iter().filter_map(|body| StoredSpan::decode(body.clone()).ok());
            for span in spans.filter(|span| span.tenant(&sender).as_deref() == Some(&*self.tenant)) {
                let user = span.text("enduser.id").or_else(|| span.text("user.id"));
                if let Some(user) = user.as_deref().map(cut).filter(|user| !self.seen.contains(*user)) {
                    self.seen.insert(user.to_owned());
                }
            }
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.seen.len()
    }

    /// How many traces were looked at.
    pub fn traces(&self) -> usize {
        self.traces
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

    fn attributes(named: &[(&str, &str)]) -> Vec<KeyValue> {
        let text = |text: &str| Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) });
        let one = |(key, value): &(&str, &str)| KeyValue {
            key: (*key).to_owned(),
            value: text(value),
            ..KeyValue::default()
        };
        named.iter().map(one).collect()
    }

    #[test]
    fn users_are_those_of_the_tenants_own_spans_and_each_counts_once() {
        let spans: [&[(&str, &str)]; 6] = [
            &[("enduser.id", "ann")],
            &[("enduser.id", "ann"), ("tenant.id", "acme")],
            &[("user.id", "bob")],
            &[("enduser.id", "cy"), ("user.id", "somebody else's name for cy")],
            &[("enduser.id", "eve"), ("tenant.id", "globex")],
            &[],
        ];
        let body =
            |named: &&[(&str, &str)]| Span { attributes: attributes(named), ..Span::default() }.encode_to_vec().into();
        let resource = v1::Resource { attributes: attributes(&[("tenant.id", "acme")]), ..v1::Resource::default() };
        let part = StoredPart {
            resource: Arc::new(resource),
            scope: Default::default(),
            spans: spans.iter().map(body).collect(),
        };
        let trace = StoredTrace { trace_id: TraceId::from_bytes(&[1; 16]).unwrap(), parts: vec![part] };
        let mut users = Users::of("acme");
        users.look(&trace);
        users.look(&trace);
        assert_eq!((users.count(), users.traces()), (3, 2));
    }
}
