//! Which tenant is hurting: objectives, budgets, alerts and cost of every tenant, from rows of counts and latencies.
//!
//! Pure functions: nothing is read or written here, and time is an argument, so that the same rows give the same answers wherever
//! they come from.
//!
//! | module | what it holds |
//! |---|---|
//! | [`row`] | the narrow waist: what is known of requests, and what counts as failed |
//! | [`histogram`] | latencies in bins, and their quantiles within 4.43 % |
//! | [`objective`] | what was promised to whom |
//! | `openslo` | the files that say so |
//! | [`evaluate`] | error rate, quantiles, budget and burn rates |
//! | [`burndown`](mod@burndown) | how a budget was used up over its 30 days |
//! | [`state`] | the past of a tenant in bounded memory |
//! | `window` | sums over windows in constant time |
//! | [`significance`] | whether so many of so few can be chance |
//! | `refusals` | requests that were refused, against what is usual |
//! | [`hurt`] | whether a tenant is hurting now |
//! | [`judge`] | whether an alert's condition holds |
//! | [`explain`] | why an alert is not open |
//! | [`alert`] | when alerts open and close, for one tenant or for all |
//! | [`cost`] | what each tenant, tier and service costs |
//! | [`spending`] | what a tenant spends by operation, and how that changes |
//! | [`dearest`] | which tenants cost the most, and why |
//! | [`daily`] | what tenants cost day by day |
//! | [`watch`] | the loop of whoever evaluates, and what is known from one five minutes to the next |
//! | `split` | sums that are divided without losing a cent |
#![deny(missing_docs)]

pub mod alert;
pub mod burndown;
pub mod cost;
pub mod daily;
pub mod dearest;
pub mod evaluate;
pub mod explain;
pub mod histogram;
pub mod hurt;
pub mod judge;
pub mod objective;
mod openslo;
mod refusals;
pub mod row;
pub mod significance;
pub mod spending;
mod split;
pub mod state;
pub mod watch;
mod window;

pub use alert::{Alert, Alerts, Observation, Scope, Standing, quoted};
pub use burndown::{Burning, burndown};
pub use cost::{CostReport, Line, Prices, Share};
pub use daily::{DailyCost, DailyUse};
pub use dearest::{Dear, Driver};
pub use evaluate::{BURN_WINDOWS, Budget, Burn, BurnWindows, Evaluation, SLOWDOWN, Summary};
pub use explain::{Distance, Reader, distances};
pub use histogram::Histogram;
pub use hurt::Hurt;
pub use judge::{Condition, Group, Judgement, Obstacle, Policy, Rule, Verdict};
pub use objective::{Availability, Definitions, Error, Latency, Objectives};
pub use refusals::{RefusalCounts, usual_window};
pub use row::{Cell, Key, Kind, Row};
pub use spending::{OperationCost, Period, Spent};
pub use state::{LateCell, SLOT, TenantState};
pub use watch::{Rules, SloStatus, Subject, SubjectState, Watch, WatchEnvironment, closed};
