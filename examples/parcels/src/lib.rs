//! What a warehouse says of its parcels. Nothing here, nor in the crates that it uses, knows of flights.

use serde::{Deserialize, Serialize};
use tenant_messages::{TenantId, Tier, tenant_message};

/// `parcel.packed`: a parcel stands ready, and wants a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelPacked {
    /// The parcel's number, which its shop chooses.
    pub parcel: String,
    /// Where it goes: a postal code.
    pub to: String,
    /// The shop whose parcel this is.
    pub shop: TenantId,
    /// What the shop has bought.
    pub plan: Tier,
}
tenant_message!("parcel.packed", 1, ParcelPacked { tenant_id: shop, tier: plan });

/// The plans that the warehouse sells.
pub const PLANS: [Tier; 2] = [Tier::named("free"), Tier::named("pro")];
