//! A trace as a search sees it: a row of `outlines`.

use clickhouse::Row;
use control_plane_model::{
    catalog::{ANNOTATION, Catalog, Node},
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
    /// Name, value, and the number that this is.
    annotations: Vec<(String, String, Option<f64>)>,
    /// Account, name, flags, statuses, and how long the longest took.
    services: Vec<(String, String, u8, Vec<u16>, u64)>,
    /// Source, target, flags.
    edges: Vec<(Node, Node, u8)>,
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
        row.annotations.extend(outline.annotations.into_iter().map(|(name, value)| {
            let name = catalog.name(name);
            let number = value.parse().ok();
            (normalized(name.strip_prefix(ANNOTATION).unwrap_or(name)), value, number)
        }));
        row.services.extend(outline.services.into_iter().map(|mut service| {
            service.statuses.sort_unstable();
            let node = catalog.node(service.node);
            (node.account, node.name, service.flags, service.statuses, service.longest_ns)
        }));
        row.services.sort_unstable();
        let edges = outline.edges.into_iter();
        row.edges.extend(edges.map(|(from, to, flags)| (catalog.node(from), catalog.node(to), flags)));
        row.edges.sort_unstable();
        row
    }

    /// What says that the trace does not begin in this bucket.
    pub(crate) fn gone_from(&self, bucket: u32) -> Self {
        let Self { trace_id, version, received, .. } = *self;
        Self { bucket, trace_id, version, received, ..Self::default() }
    }
}
