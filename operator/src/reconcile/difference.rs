//! What may not be as it should be.

use mileage::ledger::EntryKind;
use serde::Serialize;

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "difference", rename_all = "snake_case")]
pub enum Difference {
    /// A reservation has no ledger entry.
    NotPosted {
        /// The partition key, which names tenant and user.
        partition: String,
        /// The number of the reservation.
        booking_number: String,
    },
    /// A cancelled booking's miles were not taken back.
    NotTakenBack {
        /// The partition key, which names tenant and user.
        partition: String,
        /// The number of the booking.
        booking_number: String,
    },
    /// A ledger entry has no reservation.
    NotReserved {
        /// Who got the miles.
        partition: String,
        /// The number of the entry's booking.
        booking_number: String,
    },
    /// Miles were taken back, and nobody had cancelled.
    NotCancelled {
        /// Who lost the miles.
        partition: String,
        /// The number of the entry's booking.
        booking_number: String,
    },
    /// A reservation is marked as cancelled and there is no such cancellation, or the other way round.
    HalfCancelled {
        /// The partition key, which names tenant and user.
        partition: String,
        /// The number of the booking.
        booking_number: String,
        /// When it was cancelled, as the reservation says.
        reservation_says: Option<String>,
        /// The same, as the cancellation says.
        cancellation_says: Option<String>,
    },
    /// The entry of a reservation, or of a cancellation, is another tenant's or user's.
    WrongOwner {
        /// The number of the booking.
        booking_number: String,
        /// What the entry does.
        entry: EntryKind,
        /// The partition key of the reservation or cancellation.
        reserved_by: String,
        /// Whose entry it is.
        posted_to: String,
    },
    /// Its user has the entry, and somebody else too.
    PostedTwice {
        /// The number of the booking.
        booking_number: String,
        /// What the entry does.
        entry: EntryKind,
        /// Who has it besides.
        also_posted_to: String,
    },
    /// The fields of a reservation or cancellation name another tenant or user than its key.
    WrongKey {
        /// The partition key of the item.
        partition: String,
        /// The number of the booking.
        booking_number: String,
        /// The key its fields would have.
        fields_say: String,
    },
    /// The entry tells of another flight than the reservation or cancellation that it is of.
    WrongFlight {
        /// The partition key, which names tenant and user.
        partition: String,
        /// The number of the booking.
        booking_number: String,
        /// What the entry does.
        entry: EntryKind,
        /// The flight that was reserved.
        reserved: String,
        /// The flight of the entry.
        posted: String,
    },
    /// An entry's miles are not what its flight earns, or not those that were earned, to be taken back.
    WrongMiles {
        /// The partition key, which names tenant and user.
        partition: String,
        /// The number of the entry's booking.
        booking_number: String,
        /// What it should be: what the flight earns, or what was earned, to be taken back, or `None` if there are no such airports.
        due: Option<i64>,
        /// The miles that were posted.
        posted: i64,
    },
    /// A balance is not the sum of its entries.
    WrongBalance {
        /// The partition key, which names tenant and user.
        partition: String,
        /// Sum of the entries' miles.
        entries_miles: i64,
        /// Number of bookings that the entries leave standing.
        entries_bookings: i64,
        /// The miles of the balance.
        balance_miles: i64,
        /// The balance's number of bookings.
        balance_bookings: i64,
    },
    /// An item is not of the shape the functions write.
    Unreadable {
        /// The table that holds the item.
        table: String,
        /// The key of the item.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// What has no ledger entry was not published again, since no message can be written of it.
    Unwritable {
        /// The number of the booking.
        booking_number: String,
        /// What is wrong.
        reason: String,
    },
    /// Messages are where none are when all is done.
    Messages {
        /// What the queue holds: `waiting`, `dead`, `undelivered`, `parked`.
        place: &'static str,
        /// How many messages there are.
        count: u64,
    },
}
