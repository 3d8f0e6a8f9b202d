//! The quota of bookings a day.

use std::sync::Arc;

use http::Response;
use lambda_problem::Problem;
use tenancy::{Quota, TenantContext};
use tenant_store::TenantTable;

use crate::{
    answer::{Policy, QuotaHeaders, record_decision},
    day::Daily,
    leases::{Leases, now},
    pool::{Answer, Limits},
};

/// Limits each tenant to its bookings a day.
#[derive(Clone)]
pub struct BookingQuota {
    leases: Arc<Leases<Daily>>,
}

impl BookingQuota {
    /// Leases tokens from items of `table`.
    pub fn new(table: TenantTable) -> Self {
        Self { leases: Arc::new(Leases::new(table)) }
    }

    /// Takes one of the tenant's bookings of today.
    ///
    /// # Errors
    ///
    /// A [`Problem`] of 429 where they are used up. It is 503 where the store does not answer and this process has given out its own part of them.
    pub async fn take(&self, tenant: &TenantContext, quota: Quota) -> Result<TakenBooking, Problem> {
        let (daily, limits) = (Daily::new(quota.bookings_per_day()), Limits::of_bookings(quota));
        let asked = self.leases.ask(tenant, &daily, &limits).await;
        let told = record_decision(Policy::Bookings, quota, asked.answer, asked.left, now())?;
        let from = match asked.answer {
            Answer::AdmittedLocally => TokenSource::Locally(limits),
            _ => TokenSource::OfDay(asked.state.day),
        };
        Ok(TakenBooking { leases: self.leases.clone(), tenant: tenant.clone(), from, told })
    }
}

/// One of today's bookings that was taken. It counts unless it is given back, since a flight may have been booked even where the answer was lost.
#[must_use]
pub struct TakenBooking {
    leases: Arc<Leases<Daily>>,
    tenant: TenantContext,
    from: TokenSource,
    told: Option<QuotaHeaders>,
}

/// The place that a booking's token was taken from.
enum TokenSource {
    /// From the item, which counts the bookings of this day.
    OfDay(u64),
    /// From what this process admits by itself.
    Locally(Limits),
}

impl TakenBooking {
    /// Gives the booking back for any process to take, because nothing was booked. Wait for it before you answer, since a sandbox without requests is
    /// frozen.
    pub async fn give_back(self) {
        match self.from {
            TokenSource::OfDay(day) => self.leases.give_back(&self.tenant, day).await,
            TokenSource::Locally(limits) => self.leases.give_back_locally(&self.tenant, &limits),
        }
    }

    /// Adds to the response how many bookings are left.
    pub fn add_headers<B>(self, response: &mut Response<B>) {
        if let Some(told) = self.told {
            told.add_to(response.headers_mut());
        }
    }
}
