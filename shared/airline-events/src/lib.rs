//! What the accounts of the airline say to each other: the message contract, which `docs/events.asyncapi.yaml` publishes.

mod booking_confirmed;

use tenancy::Tier;

pub use booking_confirmed::BookingConfirmed;

/// The tiers that the airline sells, the cheapest first.
pub const TIERS: [Tier; 3] = [Tier::named("basic"), Tier::named("standard"), Tier::named("premium")];
