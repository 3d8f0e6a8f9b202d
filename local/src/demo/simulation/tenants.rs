//! Who is simulated, what they ask for, and where it is served.

use fastrand::Rng;

/// Whose requests fail.
pub(in crate::demo) const FAILING: &str = "cirrus";
/// Whose requests are slow.
pub(in crate::demo) const SLOW: &str = "borealis";
/// Who costs more than its requests say.
pub(in crate::demo) const DEAR: &str = "gemini";
/// Of whose users one guesses booking numbers.
pub(in crate::demo) const GUESSED: &str = "halley";
/// Which of them does.
pub(super) const GUESSER: &str = "user-07.halley";
/// Meets the second table too, but only where the old version still runs.
pub(super) const UNHURT_BY_THE_TABLE: &str = "electra";
/// Who has a booking whose message failed until the queue gave it up.
pub(super) const STRANDED: &str = "deneb";

pub(super) const TENANTS: [Tenant; 8] = [
    Tenant { id: "altair", tier: "basic", users: 14 },
    Tenant { id: SLOW, tier: "premium", users: 31 },
    Tenant { id: FAILING, tier: "standard", users: 22 },
    Tenant { id: STRANDED, tier: "basic", users: 9 },
    Tenant { id: UNHURT_BY_THE_TABLE, tier: "standard", users: 18 },
    Tenant { id: "fornax", tier: "premium", users: 40 },
    Tenant { id: DEAR, tier: "basic", users: 6 },
    Tenant { id: GUESSED, tier: "standard", users: 25 },
];

/// Where the slow requests are served.
pub(super) const SLOW_REGION: &str = "eu-south-2";
/// Where a deployment comes last.
pub(super) const LAST_REGION: &str = "us-east-1";
const FIRST_TABLE: &str = "seats-1";
/// The table that only two tenants meet.
pub(super) const SECOND_TABLE: &str = "seats-2";

/// A simulated tenant.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) id: &'static str,
    pub(super) tier: &'static str,
    users: u64,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Book,
    List,
    Read,
    Seats,
    Miles,
    Export,
}

impl Tenant {
    /// One of its users.
    pub(super) fn user(&self, rng: &mut Rng) -> String {
        format!("user-{:02}.{}", 1 + rng.u64(..self.users), self.id)
    }

    /// What one of its requests asks for.
    pub(super) fn operation(&self, days_ago: u64, rng: &mut Rng) -> Operation {
        let exports = match days_ago {
            _ if self.id != DEAR => 0,
            0..=2 => 45,
            _ => 8,
        };
        if rng.u32(..100) < exports {
            return Operation::Export;
        }
        let seats = if self.id == SLOW { 50 } else { 25 };
        let shares = [
            (Operation::Book, 35),
            (Operation::List, 20),
            (Operation::Read, 15),
            (Operation::Seats, seats),
            (Operation::Miles, 5),
        ];
        one_of(&shares, rng)
    }

    /// Where one of its requests is served.
    pub(super) fn region(&self, rng: &mut Rng) -> &'static str {
        let home = if self.id == SLOW { 35 } else { 60 };
        one_of(&[("eu-central-1", home), (SLOW_REGION, 85 - home), (LAST_REGION, 15)], rng)
    }

    /// Which table has the seats that one of its requests asks for.
    pub(super) fn table(&self, region: &str, rng: &mut Rng) -> &'static str {
        let second = match self.id {
            FAILING => 18,
            UNHURT_BY_THE_TABLE if region == LAST_REGION => 40,
            _ => 0,
        };
        if rng.u32(..100) < second { SECOND_TABLE } else { FIRST_TABLE }
    }
}

/// One of these, as often as the number beside it says.
fn one_of<T: Copy, const N: usize>(shares: &[(T, u32); N], rng: &mut Rng) -> T {
    let all: u32 = shares.iter().map(|(_, share)| share).sum();
    let mut left = rng.u32(..all);
    for (value, share) in shares {
        if left < *share {
            return *value;
        }
        left -= share;
    }
    shares[0].0
}
