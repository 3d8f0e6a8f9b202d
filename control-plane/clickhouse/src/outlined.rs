//! A trace as a search sees it: a row of `outlines`.

use clickhouse::Row;
use control_plane_model::{
    catalog::{ANNOTATION, Catalog},
    growing::GrowingTrace,
    search::normalized,
};
use serde::Serialize;
use slo::histogram::bin;

use crate::database::five_minutes;

#[derive(Row, Serialize, Clone, Default)]
pub(crate) struct Outlined {
    pub(crate) bucket: u32,
    trace_id: [u8; 16],
    version: u64,
    start_ns: i64,
    end_ns: i64,
    bin: u16,
    spans: u32,
    flags: u8,
    partial: u8,
    root: String,
    root_service: String,
    response_ns: u64,
    tenants: Vec<String>,
    statuses: Vec<u16>,
    methods: Vec<String>,
    urls: Vec<String>,
    users: Vec<String>,
    annotation_names: Vec<String>,
    annotation_values: Vec<String>,
    annotation_numbers: Vec<Option<f64>>,
    service_accounts: Vec<String>,
    service_names: Vec<String>,
    service_flags: Vec<u8>,
    service_statuses: Vec<Vec<u16>>,
    service_longest_ns: Vec<u64>,
    source_kinds: Vec<String>,
    source_accounts: Vec<String>,
    source_names: Vec<String>,
    target_kinds: Vec<String>,
    target_accounts: Vec<String>,
    target_names: Vec<String>,
    edge_flags: Vec<u8>,
    received: u32,
}

impl Outlined {
    pub(crate) fn of(
        trace: &GrowingTrace,
        catalog: &Catalog,
        (trace_id, version, received): ([u8; 16], u64, u32),
    ) -> Self {
        let outline = trace.outline();
        let mut row = Self {
            bucket: five_minutes(trace.start_ns),
            trace_id,
            version,
            start_ns: trace.start_ns,
            end_ns: trace.end_ns,
            bin: bin(u64::try_from(trace.end_ns - trace.start_ns).unwrap_or_default()),
            spans: u32::try_from(trace.len()).unwrap_or(u32::MAX),
            flags: trace.flags.bits(),
            partial: u8::from(outline.partial),
            root: catalog.name(outline.root).to_owned(),
            root_service: catalog.node(outline.root_service).name,
            response_ns: outline.response_ns,
            tenants: outline.tenants.iter().map(|tenant| catalog.name(*tenant).to_owned()).collect(),
            statuses: outline.statuses,
            methods: outline.methods,
            urls: outline.urls,
            users: outline.users,
            received,
            ..Self::default()
        };
        // In one order always, so that traces that are alike are of one shape.
        row.statuses.sort_unstable();
        row.methods.sort_unstable();
        for (name, value) in outline.annotations {
            let name = catalog.name(name);
            row.annotation_names.push(normalized(name.strip_prefix(ANNOTATION).unwrap_or(name)));
            row.annotation_numbers.push(value.parse().ok());
            row.annotation_values.push(value);
        }
        let mut services: Vec<_> = outline.services.into_iter().map(|of| (catalog.node(of.node), of)).collect();
        services.sort_by(|a, b| a.0.cmp(&b.0));
        for (node, mut service) in services {
            service.statuses.sort_unstable();
            row.service_accounts.push(node.account);
            row.service_names.push(node.name);
            row.service_flags.push(service.flags);
            row.service_statuses.push(service.statuses);
            row.service_longest_ns.push(service.longest_ns);
        }
        let edges = outline.edges.into_iter();
        let mut edges: Vec<_> = edges.map(|(from, to, flags)| (catalog.node(from), catalog.node(to), flags)).collect();
        edges.sort_unstable();
        for (from, to, flags) in edges {
            row.source_kinds.push(from.kind);
            row.source_accounts.push(from.account);
            row.source_names.push(from.name);
            row.target_kinds.push(to.kind);
            row.target_accounts.push(to.account);
            row.target_names.push(to.name);
            row.edge_flags.push(flags);
        }
        row
    }

    /// What says that the trace does not begin in this bucket.
    pub(crate) fn gone_from(&self, bucket: u32) -> Self {
        let Self { trace_id, version, received, .. } = *self;
        Self { bucket, trace_id, version, received, ..Self::default() }
    }
}
