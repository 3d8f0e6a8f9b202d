//! The other side of a call or a message, whichever version of the semantic conventions names it.

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use slo::row::cut;

use super::{
    Kind,
    attributes::{any, text},
};

/// What a CLIENT or PRODUCER span calls, or a CONSUMER span takes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Peer {
    /// `DynamoDB`, `SNS`, `SQS`, `HTTP`, or what semantic conventions call the system.
    pub kind: Box<str>,
    /// Table, topic, queue, host.
    pub name: Box<str>,
}

/// The other side, and whether it is an HTTP call that no more specific convention describes.
pub(super) fn peer(kind: Kind, attributes: &[KeyValue]) -> (Option<Peer>, bool) {
    let of = |key: &str| text(attributes, key);
    let made = |kind: &str, name: &str| Some(Peer { kind: cut(kind).into(), name: cut(name).into() });
    let destination = of("messaging.destination.name");
    if let (Some(system), Some(name)) = (of("messaging.system"), &destination)
        && matches!(kind, Kind::Client | Kind::Producer | Kind::Consumer)
    {
        return (made(system_name(&system), name), false);
    }
    if kind != Kind::Client {
        return (None, false);
    }
    let host = of("server.address").or_else(|| of("net.peer.name"));
    if let Some(system) = of("db.system.name").or_else(|| of("db.system")) {
        let table = first_text(attributes, "aws.dynamodb.table_names");
        let namespace = of("db.namespace");
        let name = table.or(namespace.as_deref()).or(host.as_deref()).unwrap_or(&system);
        return (made(system_name(&system), name), false);
    }
    let method = of("rpc.method");
    // Until 1.38 the service stood by itself; since then it is the first part of the method.
    let service = of("rpc.service");
    let service = service.as_deref().or_else(|| Some(method.as_deref()?.trim_start_matches('/').rsplit_once('/')?.0));
    if let Some(service) = service.filter(|service| !service.is_empty()) {
        let system = of("rpc.system.name").or_else(|| of("rpc.system"));
        let is_aws = matches!(system.as_deref(), Some("aws-api" | "aws_api"));
        return (made(if is_aws { service } else { "RPC" }, service), false);
    }
    if let Some(host) = host {
        return (made("HTTP", &host), of("http.request.method").is_some());
    }
    (of("peer.service").and_then(|name| made("service", &name)), false)
}

/// AWS's own names for what semantic conventions name otherwise.
fn system_name(system: &str) -> &str {
    match system {
        "aws.dynamodb" | "dynamodb" => "DynamoDB",
        "aws.sns" | "aws_sns" => "SNS",
        "aws_sqs" | "aws.sqs" | "AmazonSQS" => "SQS",
        other => other,
    }
}

fn first_text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match any(attributes, key)? {
        Value::StringValue(text) => Some(text),
        Value::ArrayValue(array) => match array.values.first()?.value.as_ref()? {
            Value::StringValue(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::AnyValue;

    use super::*;

    fn called(attributes: &[(&str, &str)]) -> Option<(String, String)> {
        let pair = |(key, text): &(&str, &str)| KeyValue {
            key: (*key).to_owned(),
            value: Some(AnyValue { value: Some(Value::StringValue((*text).to_owned())) }),
            ..KeyValue::default()
        };
        let attributes: Vec<_> = attributes.iter().map(pair).collect();
        peer(Kind::Client, &attributes).0.map(|peer| (peer.kind.into(), peer.name.into()))
    }

    #[test]
    fn names_of_rpc_old_and_new() {
        let is = |kind: &str, name: &str| Some((kind.to_owned(), name.to_owned()));
        for (attributes, expected) in [
            (
                &[("rpc.system", "aws-api"), ("rpc.service", "SSM"), ("rpc.method", "GetParameter")][..],
                is("SSM", "SSM"),
            ),
            (&[("rpc.system.name", "aws-api"), ("rpc.method", "SSM/GetParameter")], is("SSM", "SSM")),
            (&[("rpc.system.name", "aws-api"), ("rpc.system", "aws-api"), ("rpc.service", "S3")], is("S3", "S3")),
            (&[("rpc.system.name", "grpc"), ("rpc.method", "shop.v1.Cart/Add")], is("RPC", "shop.v1.Cart")),
            (&[("rpc.system", "grpc"), ("rpc.service", "shop.v1.Cart")], is("RPC", "shop.v1.Cart")),
            (
                &[("rpc.system.name", "jsonrpc"), ("rpc.method", "add"), ("server.address", "a.example")],
                is("HTTP", "a.example"),
            ),
            (&[("rpc.method", "/")], None),
        ] {
            assert_eq!(called(attributes), expected, "{attributes:?}");
        }
    }
}
