//! Reservations, cancellations, ledger entries and balances compared. Pure: no AWS, no clock.

use std::collections::{BTreeMap, BTreeSet};

use airline_events::Booking;
use booking::{
    handlers::BookingChange,
    reservations::{StoredCancellation, StoredReservation},
};
use iata_airports::IataCode;
use mileage::{
    ledger::{Balance, EntryId, EntryKind, LedgerEntry},
    miles::miles_between,
};
use tenancy::TenantLabel;
use tenant_store::{Listed, is_partition_of};

use super::difference::Difference;

/// What both tables hold. The partition is the item's own key, whatever its fields say.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// Reservations, with their partition.
    pub reservations: Vec<(String, StoredReservation)>,
    /// Cancellations, with their partition.
    pub cancellations: Vec<(String, StoredCancellation)>,
    /// Ledger entries, with their partition.
    pub entries: Vec<(String, LedgerEntry)>,
    /// The balances by partition key, one for each user.
    pub balances: BTreeMap<String, Balance>,
}

/// What comparing came to.
#[derive(Debug, Clone, Default)]
pub struct Reconciliation {
    /// Every difference, in a fixed order.
    pub differences: Vec<Difference>,
    /// What has no ledger entry, for publishing it again.
    pub not_posted: Vec<BookingChange>,
}

/// A reservation or a cancellation, which the ledger has an entry for.
struct LedgerEvent<'a> {
    partition: &'a str,
    id: EntryId,
    booking: Booking,
    stored: BookingChange,
}

/// Compares what both tables hold.
pub fn compare(records: &Records) -> Reconciliation {
    let mut found = Reconciliation::default();
    let mut left: BTreeMap<(&str, EntryId), &LedgerEntry> =
        records.entries.iter().map(|(owner, entry)| ((owner.as_str(), entry.id()), entry)).collect();
    let mut posted = BTreeSet::new();
    let mut without_entry = Vec::new();
    for event in events(records) {
        found.differences.extend(wrong_key(&event));
        match left.remove(&(event.partition, event.id.clone())) {
            Some(entry) => {
                found.differences.extend(wrong_flight(&event, entry));
                posted.insert(event.id);
            }
            None => without_entry.push(event),
        }
    }
    for LedgerEvent { partition, id, stored, .. } in without_entry {
        let elsewhere = left.keys().find(|(_, other)| *other == id).cloned();
        let EntryId { booking_number, kind: entry } = id;
        let partition = partition.to_owned();
        found.differences.push(match elsewhere {
            Some(key) => {
                left.remove(&key);
                Difference::WrongOwner { booking_number, entry, reserved_by: partition, posted_to: key.0.to_owned() }
            }
            None => {
                found.not_posted.push(stored);
                match entry {
                    EntryKind::Earned => Difference::NotPosted { partition, booking_number },
                    EntryKind::TakenBack => Difference::NotTakenBack { partition, booking_number },
                }
            }
        });
    }
    for (partition, id) in left.into_keys() {
        let twice = posted.contains(&id);
        let (partition, EntryId { booking_number, kind: entry }) = (partition.to_owned(), id);
        found.differences.push(match entry {
            _ if twice => Difference::PostedTwice { booking_number, entry, also_posted_to: partition },
            EntryKind::Earned => Difference::NotReserved { partition, booking_number },
            EntryKind::TakenBack => Difference::NotCancelled { partition, booking_number },
        });
    }
    found.differences.extend(half_cancelled(records));
    found.differences.extend(wrong_miles(records));
    found.differences.extend(wrong_balances(records));
    found.differences.sort();
    found
}

fn events(records: &Records) -> impl Iterator<Item = LedgerEvent<'_>> {
    let of = |partition, kind, booking: Booking, stored| LedgerEvent {
        partition,
        id: EntryId { booking_number: booking.booking_number.clone(), kind },
        booking,
        stored,
    };
    let reserved = records.reservations.iter().map(move |(partition, stored)| {
        of(partition.as_str(), EntryKind::Earned, stored.booking(), BookingChange::Reservation(stored.clone()))
    });
    let cancelled = records.cancellations.iter().map(move |(partition, stored)| {
        of(
            partition.as_str(),
            EntryKind::TakenBack,
            stored.event().booking,
            BookingChange::Cancellation(stored.clone()),
        )
    });
    reserved.chain(cancelled)
}

fn wrong_key(event: &LedgerEvent<'_>) -> Option<Difference> {
    let Booking { tenant_id, tier, sub, .. } = &event.booking;
    let owner = TenantLabel { tenant_id: tenant_id.clone(), tier: *tier, user_id: Some(sub.clone()) };
    (!is_partition_of(event.partition, &owner)).then(|| Difference::WrongKey {
        partition: event.partition.to_owned(),
        booking_number: event.id.booking_number.clone(),
        fields_say: format!("user {sub} of tenant {tenant_id}"),
    })
}

fn wrong_flight(event: &LedgerEvent<'_>, entry: &LedgerEntry) -> Option<Difference> {
    let flight = |from: &str, to: &str, date: &str| format!("{from}-{to} {date}");
    let booked = &event.booking;
    let reserved = flight(&booked.from_airport, &booked.to_airport, &booked.departure_date);
    let posted = flight(&entry.from_airport, &entry.to_airport, &entry.departure_date);
    (reserved != posted).then(|| Difference::WrongFlight {
        partition: event.partition.to_owned(),
        booking_number: entry.booking_number.clone(),
        entry: entry.kind,
        reserved,
        posted,
    })
}

/// The mark on a reservation and its cancellation are written together.
fn half_cancelled(records: &Records) -> Vec<Difference> {
    let mut said: BTreeMap<(&str, &str), [Option<&str>; 2]> = BTreeMap::new();
    for (partition, StoredReservation { reservation, .. }) in &records.reservations {
        let key = (partition.as_str(), reservation.booking_number.as_str());
        said.entry(key).or_default()[0] = reservation.cancelled_at.as_deref();
    }
    for (partition, cancellation) in &records.cancellations {
        let key = (partition.as_str(), cancellation.booking_number.as_str());
        said.entry(key).or_default()[1] = Some(&cancellation.cancelled_at);
    }
    let differ = said.into_iter().filter(|(_, [reservation, cancellation])| reservation != cancellation);
    differ
        .map(|((partition, number), [reservation, cancellation])| Difference::HalfCancelled {
            partition: partition.to_owned(),
            booking_number: number.to_owned(),
            reservation_says: reservation.map(str::to_owned),
            cancellation_says: cancellation.map(str::to_owned),
        })
        .collect()
}

fn wrong_miles(records: &Records) -> impl Iterator<Item = Difference> {
    let airport = |code: &str| iata_airports::find(code.parse::<IataCode>().ok()?);
    let flown = move |entry: &LedgerEntry| {
        let ends = airport(&entry.from_airport).zip(airport(&entry.to_airport));
        ends.map(|(from, to)| i64::from(miles_between(from, to).0))
    };
    let all = || records.entries.iter().map(|(partition, entry)| (partition.as_str(), entry));
    let earned: BTreeMap<(&str, &str), i64> = all()
        .filter(|(_, entry)| entry.kind == EntryKind::Earned)
        .map(|(partition, entry)| ((partition, entry.booking_number.as_str()), entry.miles))
        .collect();
    all().filter_map(move |(partition, entry)| {
        let due = match entry.kind {
            EntryKind::Earned => flown(entry),
            EntryKind::TakenBack => {
                let earned = earned.get(&(partition, entry.booking_number.as_str())).copied();
                earned.or_else(|| flown(entry)).map(|miles| -miles)
            }
        };
        (due != Some(entry.miles)).then(|| Difference::WrongMiles {
            partition: partition.to_owned(),
            booking_number: entry.booking_number.clone(),
            due,
            posted: entry.miles,
        })
    })
}

fn wrong_balances(records: &Records) -> Vec<Difference> {
    let mut sums: BTreeMap<&str, Balance> =
        records.balances.keys().map(|partition| (partition.as_str(), Balance::default())).collect();
    for (partition, entry) in &records.entries {
        let sum = sums.entry(partition).or_default();
        sum.miles += entry.miles;
        sum.bookings += entry.kind.sign();
    }
    let wrong = |(partition, sum): (&str, Balance)| {
        let balance = records.balances.get(partition).copied().unwrap_or_default();
        (balance != sum).then(|| Difference::WrongBalance {
            partition: partition.to_owned(),
            entries_miles: sum.miles,
            entries_bookings: sum.bookings,
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
    const CANCELLED_AT: &str = "2026-11-22T00:00:00.000Z";
    const GLOBEX: &str = "TENANT#globex#USER#bob";

    fn reserved(number: &str) -> (String, StoredReservation) {
        let reservation = Reservation {
            booking_number: number.parse().unwrap(),
            from_airport: "LHR".into(),
            to_airport: "JFK".into(),
            departure_date: "2027-01-01".into(),
            passenger_name: "Ada".into(),
            created_at: "2026-11-21T00:00:00.000Z".into(),
            cancelled_at: None,
            trace_id: None,
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

    fn posted(number: &str) -> (String, LedgerEntry) {
        let entry = LedgerEntry {
            booking_number: number.into(),
            kind: EntryKind::Earned,
            from_airport: "LHR".into(),
            to_airport: "JFK".into(),
            departure_date: "2027-01-01".into(),
            miles: 3452,
            created_at: "2026-11-21T00:00:01.000Z".into(),
        };
        (ACME.into(), entry)
    }

    fn cancelled(number: &str) -> (String, StoredCancellation) {
        let Booking { from_airport, to_airport, departure_date, sub, tier, tenant_id, .. } =
            reserved(number).1.booking();
        let stored = StoredCancellation {
            booking_number: number.parse().unwrap(),
            from_airport,
            to_airport,
            departure_date,
            cancelled_at: CANCELLED_AT.into(),
            tenant_id,
            tier,
            sub,
            trace: HashMap::new(),
        };
        (ACME.into(), stored)
    }

    fn taken_back(number: &str) -> (String, LedgerEntry) {
        let (owner, entry) = posted(number);
        (owner, LedgerEntry { kind: EntryKind::TakenBack, miles: -entry.miles, ..entry })
    }

    /// Two bookings of one user, all as it should be.
    fn sound() -> Records {
        Records {
            reservations: vec![reserved("AAAAAAA1"), reserved("AAAAAAA2")],
            cancellations: Vec::new(),
            entries: vec![posted("AAAAAAA1"), posted("AAAAAAA2")],
            balances: BTreeMap::from([(ACME.into(), Balance { miles: 6904, bookings: 2 })]),
        }
    }

    /// The same, and the second of them cancelled.
    fn sound_with_a_cancellation() -> Records {
        let mut records = sound();
        records.reservations[1].1.reservation.cancelled_at = Some(CANCELLED_AT.into());
        records.cancellations = vec![cancelled("AAAAAAA2")];
        records.entries.push(taken_back("AAAAAAA2"));
        records.balances.insert(ACME.into(), Balance { miles: 3452, bookings: 1 });
        records
    }

    /// The differences after a change to what was sound.
    fn after(change: impl FnOnce(&mut Records)) -> Vec<Difference> {
        let mut records = sound();
        change(&mut records);
        compare(&records).differences
    }

    fn balance(partition: &str, entries: (i64, i64), balance: (i64, i64)) -> Difference {
        Difference::WrongBalance {
            partition: partition.into(),
            entries_miles: entries.0,
            entries_bookings: entries.1,
            balance_miles: balance.0,
            balance_bookings: balance.1,
        }
    }

    #[test]
    fn what_agrees_has_no_difference() {
        assert_eq!(after(|_| {}), []);
        assert_eq!(compare(&Records::default()).differences, []);
        assert_eq!(compare(&sound_with_a_cancellation()).differences, []);
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
        let BookingChange::Reservation(stored) = &found.not_posted[0] else { panic!("{found:?}") };
        assert_eq!(stored.reservation.booking_number.as_str(), "AAAAAAA2");
    }

    #[test]
    fn miles_that_were_not_taken_back_are_found_and_the_cancellation_handed_back() {
        let mut records = sound_with_a_cancellation();
        records.entries.pop();
        records.balances.insert(ACME.into(), Balance { miles: 6904, bookings: 2 });
        let found = compare(&records);
        let expected = Difference::NotTakenBack { partition: ACME.into(), booking_number: "AAAAAAA2".into() };
        assert_eq!(found.differences, [expected]);
        assert!(
            matches!(&found.not_posted[..], [BookingChange::Cancellation(stored)] if stored.booking_number.as_str() == "AAAAAAA2")
        );
    }

    #[test]
    fn miles_that_were_taken_back_though_nobody_cancelled_are_found() {
        let found = after(|records| {
            records.entries.push(taken_back("AAAAAAA2"));
            records.balances.insert(ACME.into(), Balance { miles: 3452, bookings: 1 });
        });
        assert_eq!(found, [Difference::NotCancelled { partition: ACME.into(), booking_number: "AAAAAAA2".into() }]);
    }

    #[test]
    fn miles_that_were_taken_back_and_never_earned_are_found() {
        let mut records = sound_with_a_cancellation();
        records.entries.remove(1);
        records.balances.insert(ACME.into(), Balance { miles: 0, bookings: 0 });
        let missing = Difference::NotPosted { partition: ACME.into(), booking_number: "AAAAAAA2".into() };
        assert_eq!(compare(&records).differences, [missing]);
    }

    #[test]
    fn half_a_cancellation_is_found() {
        let half = |reservation_says: Option<&str>, cancellation_says: Option<&str>| Difference::HalfCancelled {
            partition: ACME.into(),
            booking_number: "AAAAAAA2".into(),
            reservation_says: reservation_says.map(str::to_owned),
            cancellation_says: cancellation_says.map(str::to_owned),
        };
        let mut records = sound_with_a_cancellation();
        records.reservations[1].1.reservation.cancelled_at = None;
        assert_eq!(compare(&records).differences, [half(None, Some(CANCELLED_AT))]);
        let found = after(|records| records.reservations[1].1.reservation.cancelled_at = Some(CANCELLED_AT.into()));
        assert_eq!(found, [half(Some(CANCELLED_AT), None)]);
    }

    #[test]
    fn other_miles_than_were_earned_are_found_where_they_are_taken_back() {
        let mut records = sound_with_a_cancellation();
        records.entries[2].1.miles = -3451;
        records.balances.insert(ACME.into(), Balance { miles: 3453, bookings: 1 });
        let wrong = Difference::WrongMiles {
            partition: ACME.into(),
            booking_number: "AAAAAAA2".into(),
            due: Some(-3452),
            posted: -3451,
        };
        assert_eq!(compare(&records).differences, [wrong]);
        // What was earned is what counts, be it wrong: that is told of once.
        records.entries[1].1.miles = 3451;
        records.balances.insert(ACME.into(), Balance { miles: 3452, bookings: 1 });
        let found = compare(&records).differences;
        assert!(matches!(&found[..], [Difference::WrongMiles { due: Some(3452), posted: 3451, .. }]), "{found:?}");
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
            entry: EntryKind::Earned,
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
        let twice = Difference::PostedTwice {
            booking_number: "AAAAAAA1".into(),
            entry: EntryKind::Earned,
            also_posted_to: GLOBEX.into(),
        };
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
            entry: EntryKind::Earned,
            reserved: "LHR-JFK 2027-01-01".into(),
            posted: "LHR-JFK 2027-01-02".into(),
        };
        assert_eq!(found, [wrong]);
    }

    #[test]
    fn wrong_miles_are_found() {
        let wrong = |due| Difference::WrongMiles {
            partition: ACME.into(),
            booking_number: "AAAAAAA1".into(),
            due,
            posted: 3453,
        };
        let found = after(|records| {
            records.entries[0].1.miles = 3453;
            records.balances.insert(ACME.into(), Balance { miles: 6905, bookings: 2 });
        });
        assert_eq!(found, [wrong(Some(3452))]);
        let found = after(|records| {
            records.entries[0].1.miles = 3453;
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
