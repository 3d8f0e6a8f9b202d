//! What benchmarks measure, and nobody else may call.

use lambda_http::Request;
use tenancy::{AccessLists, TenantLabel};

use super::caller;

/// All that the layer does with a caller's address: it puts the network on the current span, and holds the caller against its tenant's lists. Whether they
/// refuse it.
pub fn hold_against_access_lists(lists: &AccessLists, request: &Request, tenant: &TenantLabel) -> bool {
    caller::record_network(request);
    caller::refuse(lists, request, tenant).is_some()
}
