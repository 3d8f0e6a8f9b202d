//! What a tenant may book in a day.

use std::sync::Arc;

use http::Response;
use lambda_problem::Problem;
use tenancy::{Quota, TenantContext};
use tenant_store::TenantTable;

use crate::{
    answer::{Policy, Told, tell},
    day::Daily,
    leases::{Leases, now},
    pool::{Answer, Limits},
};

/// Holds each tenant to its bookings a day.
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
    /// 429 where they are used up.
    pub async fn take(&self, tenant: &TenantContext, quota: Quota) -> Result<TakenBooking, Problem> {
        let (daily, limits) = (Daily::new(quota.bookings_per_day()), Limits::of_bookings(quota));
        let (answer, left) = self.leases.ask(tenant, &daily, &limits).await;
        let told = tell(Policy::Bookings, quota, answer, left, now())?;
        let is_counted = matches!(answer, Answer::Admitted { .. });
        Ok(TakenBooking { leases: self.leases.clone(), tenant: tenant.clone(), daily, is_counted, told })
    }
}

/// A booking of today that was taken. It stays so unless it is given back: what may have been booked counts.
#[must_use]
pub struct TakenBooking {
    leases: Arc<Leases<Daily>>,
    tenant: TenantContext,
    daily: Daily,
    is_counted: bool,
    told: Option<Told>,
}

impl TakenBooking {
    /// Gives it back to this process, for the tenant's next one: nothing was booked.
    pub fn give_back(self) {
        if self.is_counted {
            self.leases.give_back(&self.tenant, &self.daily);
        }
    }

    /// Says in the answer how many are left.
    pub fn tell<B>(self, response: &mut Response<B>) {
        if let Some(told) = self.told {
            told.add_to(response.headers_mut());
        }
    }
}
