//! A tenant's user asks for others' figures. `{tenant}` is another tenant, or one that there is not, `{trace}` a trace of theirs, or of nobody: both
//! get the same answer, byte for byte.

/// What is asked for, and the status it must get.
pub(crate) const READS: &[(&str, u16)] = &[
    ("/api/tenants/{tenant}", 404),
    ("/api/tenants/{tenant}?window=7d", 404),
    ("/api/tenants/{Tenant}", 404),
    ("/api/tenants/{TENANT}", 404),
    ("/api/tenants/{%tenant}", 404),
    ("/api/tenants/{tenant}%20", 404),
    ("/api/tenants/{tenant}%00", 404),
    ("/api/tenants/acme%2f..%2f{tenant}", 404),
    ("/api/tenants/acme,{tenant}", 404),
    ("/api/tenants/{tenant}%27%20OR%201=1--", 404),
    ("/api/tenants/*", 404),
    ("/tenant?id={tenant}", 404),
    ("/tenant?id={TENANT}", 404),
    ("/tenant?id=acme&id={tenant}", 400),
    ("/tenant?ID={tenant}&id[]={tenant}", 404),
    ("/api/traces/{trace}", 404),
    ("/api/traces/{TRACE}", 404),
    ("/api/traces/{x-ray}", 404),
    ("/api/traces/{trace}%20", 400),
    ("/api/traces/{trace}/logs", 200),
    ("/api/traces/{trace}?tenant={tenant}", 404),
    ("/traces/{trace}", 404),
    ("/traces/{x-ray}", 404),
    ("/api/traces?tenant={tenant}&{window}", 200),
    ("/api/traces?tenant=acme&tenant={tenant}&{window}", 400),
    ("/api/traces?service={tenant}-fares&{window}", 200),
    ("/api/traces?filter=annotation[tenant.id]=\"{tenant}\"&{window}", 200),
    ("/api/traces?filter=annotation.tenant_id=\"{tenant}\"&{window}", 200),
    ("/api/traces?filter=annotation[tenant.id]=\"{tenant}\"%20OR%20ok&{window}", 200),
    ("/api/traces?filter=!(annotation[tenant.id]=\"{tenant}\")&{window}", 200),
    ("/api/traces?filter=!(annotation[tenant.id]!=\"{tenant}\")&{window}", 200),
    ("/api/traces?filter=annotation[tenant.id]=\"acme\"%20OR%20annotation[tenant.id]=\"{tenant}\"&{window}", 200),
    ("/api/traces?filter=annotation[tenant.id]%20BEGINSWITH%20\"{tenant}\"&{window}", 200),
    ("/api/traces?filter=annotation[tenant.id]%20CONTAINS%20\"\"&{window}", 200),
    ("/api/traces?filter=service(\"{tenant}-fares\")&{window}", 200),
    ("/api/traces?filter=edge(\"{tenant}-fares\",\"{tenant}-fares\")&{window}", 200),
    ("/api/traces?filter=user=\"user-of-{tenant}\"&{window}", 200),
    ("/api/traces?filter=name%20CONTAINS%20\"{tenant}\"&{window}", 200),
    ("/api/traces?filter=id=\"{trace}\"&{window}", 400),
    ("/api/traces?filter=\"{tenant}\"%20UNION%20SELECT&{window}", 400),
    ("/api/traces?order={tenant}&{window}", 400),
    ("/api/traces?limit=500&order=slowest&{window}", 200),
    ("/api/find?q={tenant}", 200),
    ("/api/find?q={TENANT}", 200),
    ("/api/find?q={trace}", 200),
    ("/api/find?q={x-ray}", 200),
    ("/api/find?q=user-of-{tenant}", 200),
    ("/api/find?q=annotation[tenant.id]=\"{tenant}\"", 200),
    ("/api/find?q=acme&q={tenant}", 400),
    ("/find?q={tenant}", 200),
    ("/find?q={trace}", 200),
    ("/find?q=user-of-{tenant}", 200),
    ("/api/map?tenant={tenant}&{window}", 200),
    ("/api/map?tenant={TENANT}&{window}", 200),
    ("/api/map?tenant=&tier=&account=&{window}", 200),
    ("/api/slo?tenant={tenant}", 200),
    ("/api/alerts?tenant={tenant}", 200),
    ("/api/alerts?tenant=", 200),
    ("/api/cost?tenant={tenant}&{window}", 200),
    ("/api/cost?format=csv&tenant={tenant}&{window}", 200),
    ("/api/facets?tenant={tenant}", 200),
];

/// Headers that name another tenant, with what is the user's own.
pub(crate) const HEADERS: &[(&str, &str)] = &[
    ("X-Tenant-Id", "{tenant}"),
    ("X-Amz-Tenant-Id", "{tenant}"),
    ("Tenant", "{tenant}"),
    ("X-Scope-OrgID", "{tenant}"),
    ("X-Forwarded-User", "{tenant}"),
    ("X-Remote-User", "ada@staff.example"),
    ("Baggage", "tenant.id={tenant},enduser.id=user-of-{tenant}"),
    ("Tracestate", "tenant={tenant}"),
    ("Traceparent", "00-{trace}-b7ad6b7169203331-01"),
    ("Cookie", "tenant={tenant}"),
    ("Range", "bytes=0-100000"),
    ("If-None-Match", "*"),
];

/// A path with the tenant and the trace that it asks for.
pub(crate) fn filled(path: &str, tenant: &str, trace: &str, window: &str) -> String {
    let mut first = tenant.to_owned();
    first[..1].make_ascii_uppercase();
    let percent: String = tenant.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let x_ray = format!("1-{}-{}", &trace[..8], &trace[8..]);
    [
        ("{tenant}", tenant),
        ("{Tenant}", &first),
        ("{TENANT}", &tenant.to_uppercase()),
        ("{%tenant}", &percent),
        ("{trace}", trace),
        ("{TRACE}", &trace.to_uppercase()),
        ("{x-ray}", &x_ray),
        ("{window}", window),
        ("\"", "%22"),
    ]
    .into_iter()
    .fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}
