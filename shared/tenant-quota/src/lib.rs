//! Limits each tenant to its quota across all processes of a function, without a call of the store for each request.
//!
//! | item | idea |
//! |---|---|
//! | [`QuotaLayer`] | the Tower layer that holds a tenant to its requests a second |
//! | [`BookingQuota`], [`TakenBooking`] | bookings a day, which a handler takes and gives back where nothing was booked |
//! | [`is_quota`] | for those who look over a whole table |
//! | [`TierQuotas`], [`InvalidTierQuotas`] | what each tier gives, where the registry says nothing of a tenant |
//!
//! ```no_run
//! use http::{Response, StatusCode};
//! use lambda_http::{Body, Request};
//! use lambda_problem::{Problem, json};
//! use tenancy::Quota;
//! use tenant_quota::{QuotaLayer, TierQuotas};
//! use tenant_store::TenantTable;
//! use tower::{Layer, service_fn};
//!
//! async fn hello(request: Request) -> Result<Response<Body>, Problem> {
//!     let quota = request.extensions().get::<Quota>().ok_or_else(Problem::internal)?;
//!     json(StatusCode::OK, &serde_json::json!({ "you may ask so often a second": quota.requests_per_second() }))
//! }
//!
//! # fn start(config: &aws_config::SdkConfig) -> Result<(), Box<dyn std::error::Error>> {
//! let table = TenantTable::new(config, "notes", "arn:aws:iam::111111111111:role/notes-tenant");
//! let tiers: TierQuotas = "free=5/10/100,pro=50/100/10000".parse()?;
//! // `tenant_auth::AuthLayer` goes around it: `auth.layer(handler)`.
//! let handler = QuotaLayer::new(table, tiers).layer(service_fn(hello));
//! # let _ = handler;
//! # Ok(())
//! # }
//! ```
//!
//! # How
//!
//! A quota is an item in the tenant's own partition, which only functions reach, as that tenant. A process leases tokens from it in batches, as
//! many as it was asked for in the last second, with one conditional write each (by the generic cell rate algorithm, or as a count of a day), and
//! gives them to requests without asking anybody. Before a lease is used up it is renewed beside a request.
//!
//! # Errors
//!
//! A request beyond the quota is answered with 429, `Retry-After`, `RateLimit` and `RateLimit-Policy`; the problem's `code` names the quota. While
//! the store does not answer, requests that a process does not admit by itself are answered with 503 `quota_unavailable`: see below.
//!
//! # Guarantees
//!
//! Of both quotas:
//!
//! - Each leased token admits one request or booking. Only tokens of an acknowledged write are used, so a lost answer can lose tokens but never make
//!   any: in the long run no more is admitted than the quota, whatever is tried again. The exception is a store that does not answer: see below.
//! - A refusal is remembered until there can be a token, so a tenant that goes on asking costs no calls. Only a day that is used up is looked at
//!   again every ten seconds.
//! - The store does not answer if a lease takes more than half a second. It is then asked again every second. Spans say `quota.local` meanwhile.
//! - Nobody is locked out by an item that is missing or that somebody has spoiled, nor for more than a minute by a clock that is wrong or a quota that was changed. What no
//!   clock in order can have written is set back: a bucket once a minute at most, and each time another burst may be admitted.
//!
//! Of requests:
//!
//! - A lease is for a second at most: a process that dies takes no more than a second's requests along, and the bucket has them again a second
//!   later; who was refused meanwhile looks within three quarters of a second more. Tokens of a process that is asked for none are void after
//!   five seconds.
//! - A process that is asked fifty times a second leases with one write for fifty requests and more. One that is asked once in a few seconds
//!   leases for each request, which waits for that write.
//! - While the store does not answer, each process admits a tenth of the quota by itself, at least one a second; after five minutes one a second.
//!
//! Of bookings:
//!
//! - A lease is for a fiftieth of the day at most, and at least one. What a process leased and did not use is lost until midnight in UTC. A booking
//!   that is given back goes to the item, for any process to take.
//! - While the store does not answer, each process admits a tenth of a day's by itself, at least one. The item never counts these.

mod answer;
mod bookings;
mod bucket;
mod day;
mod layer;
mod lease;
mod leases;
mod pool;
mod rate;
mod source;
mod tiers;

pub use bookings::{BookingQuota, TakenBooking};
pub use layer::{QuotaLayer, QuotaService};
pub use tiers::{InvalidTierQuotas, TierQuotas};

/// Whether an item with this sort key is a quota.
pub fn is_quota(sort_key: &str) -> bool {
    [<bucket::Bucket as source::Source>::SORT_KEY, <day::Daily as source::Source>::SORT_KEY].contains(&sort_key)
}
