//! Reservations, ledger entries and balances compared. Pure: no AWS, no clock.

use std::collections::{BTreeMap, BTreeSet};

use booking::reservations::StoredReservation;
use iata_airports::IataCode;
use mileage::{
    ledger::{Balance, Entry},
    miles::{Miles, miles_between},
};
use serde::Serialize;
use tenancy::TenantLabel;
use tenant_store::is_partition_of;

/// What both tables hold. The partition is the item's own key, whatever its fields say.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// Reservations, with their partition.
    pub reservations: Vec<(String, StoredReservation)>,
    /// Ledger entries, with their partition.
    pub entries: Vec<(String, Entry)>,
    /// Balances by partition.
    pub balances: BTreeMap<String, Balance>,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "difference", rename_all = "snake_case")]
pub enum Difference {
    /// A reservation has no ledger entry.
    NotPosted {
        /// Whose it is.
        partition: String,
        /// The reservation.
        booking_number: String,
    },
    /// A ledger entry has no reservation.
    NotReserved {
        /// Who got the miles.
        partition: String,
        /// The entry.
        booking_number: String,
    },
    /// A reservation's miles went to another tenant or user.
    WrongOwner {
        /// The reservation.
        booking_number: String,
        /// Whose it is.
        reserved_by: String,
        /// Who got the miles.
        posted_to: String,
    },
    /// A reservation's miles were posted to its user, and to somebody else too.
    PostedTwice {
        /// The reservation.
        booking_number: String,
        /// Who got them besides.
        also_posted_to: String,
    },
    /// The fields of a reservation name another tenant or user than its key.
    WrongKey {
        /// The key.
        partition: String,
        /// The reservation.
        booking_number: String,
        /// The key its fields would have.
        fields_say: String,
    },
    /// Reservation and entry tell of different flights.
    WrongFlight {
        /// Whose it is.
        partition: String,
        /// The reservation.
        booking_number: String,
        /// The flight reserved.
        reserved: String,
        /// The flight that earned miles.
        posted: String,
    },
    /// An entry's miles are not what its flight earns.
    WrongMiles {
        /// Whose it is.
        partition: String,
        /// The entry.
        booking_number: String,
        /// What the flight earns; none if it has no such airports.
        earned: Option<Miles>,
        /// What was posted.
        posted: Miles,
    },
    /// A balance is not the sum of its entries.
    WrongBalance {
        /// Whose it is.
        partition: String,
        /// Sum of the entries' miles.
        entries_miles: u64,
        /// Number of entries.
        entries: u64,
        /// The balance's miles.
        balance_miles: u64,
        /// The balance's number of bookings.
        balance_bookings: u64,
    },
    /// An item is not of the shape the functions write.
    Unreadable {
        /// Its table.
        table: String,
        /// Its key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// Messages are where none are when all is done.
    Messages {
        /// What the queue holds: `waiting`, `dead`, `undelivered`, `parked`.
        place: &'static str,
        /// How many.
        count: u64,
    },
}

/// What comparing came to.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// Every difference, in a fixed order.
    pub differences: Vec<Difference>,
    /// The reservations without a ledger entry, for publishing them again.
    pub not_posted: Vec<StoredReservation>,
}

/// Compares what both tables hold.
pub fn compare(records: &Records) -> Comparison {
    let mut found = Comparison::default();
    let mut left: BTreeMap<(&str, &str), &Entry> =
        records.entries.iter().map(|(owner, entry)| ((owner.as_str(), entry.booking_number.as_str()), entry)).collect();
    let mut posted = BTreeSet::new();
    let mut without_entry = Vec::new();
    for (partition, stored) in &records.reservations {
        let number = stored.reservation.booking_number.as_str();
        found.differences.extend(wrong_key(partition, stored));
        match left.remove(&(partition.as_str(), number)) {
            Some(entry) => {
                posted.insert(number);
                found.differences.extend(wrong_flight(partition, stored, entry));
            }
            None => without_entry.push((partition, stored)),
        }
    }
    for (partition, stored) in without_entry {
        let booking_number = stored.reservation.booking_number.to_string();
        let elsewhere = left.keys().find(|(_, number)| *number == booking_number).copied();
        found.differences.push(match elsewhere {
            Some(key) => {
                left.remove(&key);
                Difference::WrongOwner { booking_number, reserved_by: partition.clone(), posted_to: key.0.to_owned() }
            }
            None => {
                found.not_posted.push(stored.clone());
                Difference::NotPosted { partition: partition.clone(), booking_number }
            }
        });
    }
    for (partition, number) in left.into_keys() {
        let (partition, booking_number) = (partition.to_owned(), number.to_owned());
        found.differences.push(if posted.contains(number) {
            Difference::PostedTwice { booking_number, also_posted_to: partition }
        } else {
            Difference::NotReserved { partition, booking_number }
        });
    }
    found.differences.extend(records.entries.iter().filter_map(|(partition, entry)| wrong_miles(partition, entry)));
    found.differences.extend(wrong_balances(records));
    found.differences.sort();
    found
}

fn wrong_key(partition: &str, stored: &StoredReservation) -> Option<Difference> {
    let owner =
        TenantLabel { tenant_id: stored.tenant_id.clone(), tier: stored.tier, user_id: Some(stored.sub.clone()) };
    (!is_partition_of(partition, &owner)).then(|| Difference::WrongKey {
        partition: partition.to_owned(),
        booking_number: stored.reservation.booking_number.to_string(),
        fields_say: format!("user {} of tenant {}", stored.sub, owner.tenant_id),
    })
}

fn wrong_flight(partition: &str, stored: &StoredReservation, entry: &Entry) -> Option<Difference> {
    let flight = |from: &str, to: &str, date: &str| format!("{from}-{to} {date}");
    let booked = &stored.reservation;
    let reserved = flight(&booked.from_airport, &booked.to_airport, &booked.departure_date);
    let posted = flight(&entry.from_airport, &entry.to_airport, &entry.departure_date);
    (reserved != posted).then(|| Difference::WrongFlight {
        partition: partition.to_owned(),
        booking_number: entry.booking_number.clone(),
        reserved,
        posted,
    })
}

fn wrong_miles(partition: &str, entry: &Entry) -> Option<Difference> {
    let airport = |code: &str| iata_airports::find(code.parse::<IataCode>().ok()?);
    let ends = airport(&entry.from_airport).zip(airport(&entry.to_airport));
    let earned = ends.map(|(from, to)| miles_between(from, to));
    (earned != Some(entry.miles)).then(|| Difference::WrongMiles {
        partition: partition.to_owned(),
        booking_number: entry.booking_number.clone(),
        earned,
        posted: entry.miles,
    })
}

fn wrong_balances(records: &Records) -> Vec<Difference> {
    let mut sums: BTreeMap<&str, Balance> =
        records.balances.keys().map(|partition| (partition.as_str(), Balance::default())).collect();
    for (partition, entry) in &records.entries {
        let sum = sums.entry(partition).or_default();
        sum.miles += u64::from(entry.miles.0);
        sum.bookings += 1;
    }
    let wrong = |(partition, sum): (&str, Balance)| {
        let balance = records.balances.get(partition).copied().unwrap_or_default();
        (balance != sum).then(|| Difference::WrongBalance {
            partition: partition.to_owned(),
            entries_miles: sum.miles,
            entries: sum.bookings,
            balance_miles: balance.miles,
            balance_bookings: balance.bookings,
        })
    };
    sums.into_iter().filter_map(wrong).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use booking::domain::Reservation;
    use tenancy::Tier;

    use super::*;

    const ACME: &str = "TENANT#acme#USER#ada";
    const GLOBEX: &str = "TENANT#globex#USER#bob";

    fn reserved(number: &str) -> (String, StoredReservation) {
        let reservation = Reservation {
            booking_number: number.parse().unwrap(),
            from_airport: "LHR".into(),
            to_airport: "JFK".into(),
            departure_date: "2027-01-01".into(),
            passenger_name: "Ada".into(),
            created_at: "2026-11-21T00:00:00.000Z".into(),
        };
        let stored = StoredReservation {
            reservation,
            tenant_id: "acme".parse().unwrap(),
            tier: Tier::named("basic"),
            sub: "ada".parse().unwrap(),
            trace: HashMap::new(),
        };
        (ACME.into(), stored)
    }

    fn posted(number: &str) -> (String, Entry) {
        let entry = Entry {
            booking_number: number.into(),
            from_airport: "LHR".into(),
            to_airport: "JFK".into(),
            departure_date: "2027-01-01".into(),
            miles: Miles(3452),
            created_at: "2026-11-21T00:00:01.000Z".into(),
        };
        (ACME.into(), entry)
    }

    /// Two bookings of one user, all as it should be.
    fn sound() -> Records {
        Records {
            reservations: vec![reserved("AAAAAAA1"), reserved("AAAAAAA2")],
            entries: vec![posted("AAAAAAA1"), posted("AAAAAAA2")],
            balances: BTreeMap::from([(ACME.into(), Balance { miles: 6904, bookings: 2 })]),
        }
    }

    /// The differences after a change to what was sound.
    fn after(change: impl FnOnce(&mut Records)) -> Vec<Difference> {
        let mut records = sound();
        change(&mut records);
        compare(&records).differences
    }

    fn balance(partition: &str, entries: (u64, u64), balance: (u64, u64)) -> Difference {
        Difference::WrongBalance {
            partition: partition.into(),
            entries_miles: entries.0,
            entries: entries.1,
            balance_miles: balance.0,
            balance_bookings: balance.1,
        }
    }

    #[test]
    fn what_agrees_has_no_difference() {
        assert_eq!(after(|_| {}), []);
        assert_eq!(compare(&Records::default()).differences, []);
    }

    #[test]
    fn a_reservation_without_an_entry_is_found_and_handed_back() {
        let mut records = sound();
        records.entries.pop();
        records.balances.insert(ACME.into(), Balance { miles: 3452, bookings: 1 });
        let found = compare(&records);
        let expected = Difference::NotPosted { partition: ACME.into(), booking_number: "AAAAAAA2".into() };
        assert_eq!(found.differences, [expected]);
        assert_eq!(found.not_posted.len(), 1);
        assert_eq!(found.not_posted[0].reservation.booking_number.as_str(), "AAAAAAA2");
    }

    #[test]
    fn an_entry_without_a_reservation_is_found() {
        let found = after(|records| drop(records.reservations.pop()));
        assert_eq!(found, [Difference::NotReserved { partition: ACME.into(), booking_number: "AAAAAAA2".into() }]);
    }

    #[test]
    fn miles_of_somebody_else_are_found() {
        let found = after(|records| records.entries[1].0 = GLOBEX.into());
        let wrong = Difference::WrongOwner {
            booking_number: "AAAAAAA2".into(),
            reserved_by: ACME.into(),
            posted_to: GLOBEX.into(),
        };
        assert_eq!(found, [wrong, balance(ACME, (3452, 1), (6904, 2)), balance(GLOBEX, (3452, 1), (0, 0))]);
    }

    #[test]
    fn miles_posted_twice_are_found() {
        let found = after(|records| {
            records.entries.push((GLOBEX.into(), posted("AAAAAAA1").1));
            records.balances.insert(GLOBEX.into(), Balance { miles: 3452, bookings: 1 });
        });
        let twice = Difference::PostedTwice { booking_number: "AAAAAAA1".into(), also_posted_to: GLOBEX.into() };
        assert_eq!(found, [twice]);
    }

    #[test]
    fn a_reservation_under_a_foreign_key_is_found() {
        let found = after(|records| records.reservations[0].1.tenant_id = "globex".parse().unwrap());
        let wrong = Difference::WrongKey {
            partition: ACME.into(),
            booking_number: "AAAAAAA1".into(),
            fields_say: "user ada of tenant globex".into(),
        };
        assert_eq!(found, [wrong]);
    }

    #[test]
    fn another_flight_is_found() {
        let found = after(|records| records.entries[0].1.departure_date = "2027-01-02".into());
        let wrong = Difference::WrongFlight {
            partition: ACME.into(),
            booking_number: "AAAAAAA1".into(),
            reserved: "LHR-JFK 2027-01-01".into(),
            posted: "LHR-JFK 2027-01-02".into(),
        };
        assert_eq!(found, [wrong]);
    }

    #[test]
    fn wrong_miles_are_found() {
        let wrong = |earned| Difference::WrongMiles {
            partition: ACME.into(),
            booking_number: "AAAAAAA1".into(),
            earned,
            posted: Miles(3453),
        };
        let found = after(|records| {
            records.entries[0].1.miles = Miles(3453);
            records.balances.insert(ACME.into(), Balance { miles: 6905, bookings: 2 });
        });
        assert_eq!(found, [wrong(Some(Miles(3452)))]);
        let found = after(|records| {
            records.entries[0].1.miles = Miles(3453);
            records.entries[0].1.to_airport = "XXQ".into();
            records.reservations[0].1.reservation.to_airport = "XXQ".into();
            records.balances.insert(ACME.into(), Balance { miles: 6905, bookings: 2 });
        });
        assert_eq!(found, [wrong(None)]);
    }

    #[test]
    fn a_balance_that_is_no_sum_is_found() {
        let set = |miles, bookings| {
            move |records: &mut Records| {
                records.balances.insert(ACME.into(), Balance { miles, bookings });
            }
        };
        assert_eq!(after(set(6905, 2)), [balance(ACME, (6904, 2), (6905, 2))]);
        assert_eq!(after(set(6904, 3)), [balance(ACME, (6904, 2), (6904, 3))]);
        assert_eq!(after(|records| records.balances.clear()), [balance(ACME, (6904, 2), (0, 0))]);
        let nobodys = |records: &mut Records| {
            records.balances.insert(GLOBEX.into(), Balance { miles: 1, bookings: 1 });
        };
        assert_eq!(after(nobodys), [balance(GLOBEX, (0, 0), (1, 1))]);
    }
}
