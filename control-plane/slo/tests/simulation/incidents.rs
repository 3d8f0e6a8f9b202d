//! What goes wrong in the month.

use super::{BEGIN, DAY, HOUR, SLOT, tenant::Effect};

/// Something that is wrong with a tenant for a while.
#[derive(Debug, Clone, Copy)]
pub struct Wrong {
    pub start: i64,
    pub end: i64,
    effect: Effect,
    /// Grows from nothing to its full effect over the whole time.
    grows: bool,
}

impl Wrong {
    pub fn at(&self, time: i64) -> Option<Effect> {
        let part = if self.grows { (time - self.start) as f64 / (self.end - self.start) as f64 } else { 1.0 };
        (self.start..self.end).contains(&time).then_some(match self.effect {
            Effect::Failure(rate) => Effect::Failure(rate * part),
            Effect::Slower(factor) => Effect::Slower(1.0 + (factor - 1.0) * part),
            whole => whole,
        })
    }

    /// The same, so many seconds later.
    pub fn later(self, seconds: i64) -> Self {
        Self { start: self.start + seconds, ..self }
    }
}

pub struct Incident {
    pub what: &'static str,
    /// Rank of the tenant; none for all.
    pub tenant: Option<usize>,
    pub wrong: Wrong,
}

/// Twenty, after eight days in which nothing is wrong.
pub fn all() -> Vec<Incident> {
    use Effect::{Failure, Service, Slower};
    let incident = |what, tenant, day: i64, hour: i64, minutes: i64, effect| {
        let start = BEGIN + day * DAY + hour * HOUR;
        Incident { what, tenant, wrong: Wrong { start, end: start + minutes * 60, effect, grows: false } }
    };
    let growing = |what, tenant, day, hour, days: i64, effect| {
        let mut incident = incident(what, tenant, day, hour, days * DAY / 60, effect);
        incident.wrong.grows = true;
        incident
    };
    vec![
        incident("error spike, 5 % for 30 min", Some(3), 9, 10, 30, Failure(0.05)),
        incident("error spike, 10 % for 30 min", Some(40), 11, 3, 30, Failure(0.10)),
        incident("error spike, 20 % for 45 min", Some(120), 13, 5, 45, Failure(0.20)),
        incident("error spike, 30 % for 60 min", Some(250), 15, 23, 60, Failure(0.30)),
        incident("error spike, 3 % for 20 min", Some(10), 20, 16, 20, Failure(0.03)),
        incident("latency spike, 3x for 30 min", Some(5), 10, 8, 30, Slower(3.0)),
        incident("latency spike, 4x for 40 min", Some(25), 12, 1, 40, Slower(4.0)),
        incident("latency spike, 6x for 60 min", Some(60), 17, 5, 60, Slower(6.0)),
        incident("latency spike, 3x for 60 min", Some(30), 25, 22, 60, Slower(3.0)),
        growing("latency drift, to 4x in 3 days", Some(8), 11, 0, 3, Slower(4.0)),
        growing("error drift, to 3 % in 2 days", Some(15), 14, 6, 2, Failure(0.03)),
        growing("latency drift, to 5x in 2 days", Some(33), 18, 12, 2, Slower(5.0)),
        incident("budget leak, 0.15 % for 12 days", Some(2), 10, 0, 12 * 1_440, Failure(0.001_5)),
        incident("budget leak, 0.3 % for 10 days", Some(7), 16, 0, 10 * 1_440, Failure(0.003)),
        incident("budget leak, 0.9 % for 14 days", Some(12), 12, 0, 14 * 1_440, Failure(0.009)),
        incident("quiet tenant, outage of 2 h", Some(960), 14, 2, 120, Failure(1.0)),
        incident("quiet tenant, outage of 2 h", Some(976), 19, 5, 120, Failure(1.0)),
        incident("quiet tenant, half fails for 4 h", Some(991), 24, 8, 240, Failure(0.5)),
        incident("deploy doubles latency for 6 h", None, 22, 14, 360, Slower(2.0)),
        incident("one of five services fails at 40 %, 1 h", Some(20), 26, 13, 60, Service { share: 0.2, failure: 0.4 }),
    ]
}

/// A deploy reaches tenants one after the other.
pub fn rollout(rank: usize) -> i64 {
    (rank % 3) as i64 * SLOT
}
