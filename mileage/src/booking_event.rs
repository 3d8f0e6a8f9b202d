//! What a message says happened to a booking.

use airline_events::{Booking, BookingCancelled, BookingConfirmed};
use tenancy::TenantContext;
use tenant_messages::{BelievedSources, IncomingMessage, InvalidMessage, TenantMessage};

use crate::ledger::EntryKind;

/// An event of account A's: what it does to the ledger, and the booking that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingEvent {
    /// Which entry it makes.
    pub kind: EntryKind,
    /// The booking that was confirmed or cancelled.
    pub booking: Booking,
}

impl BookingEvent {
    /// Takes a message for the event that it says it is.
    ///
    /// # Errors
    ///
    /// The first reason why it is not taken. One of a third event is refused: the subscription's filter keeps those away.
    pub fn accept(
        message: &IncomingMessage,
        believed: &BelievedSources,
    ) -> Result<(Self, TenantContext), InvalidMessage> {
        if message.event_type() == Some(BookingCancelled::EVENT_TYPE) {
            let (BookingCancelled { booking, .. }, tenant) = message.accept(believed)?;
            Ok((Self { kind: EntryKind::TakenBack, booking }, tenant))
        } else {
            let (BookingConfirmed(booking), tenant) = message.accept(believed)?;
            Ok((Self { kind: EntryKind::Earned, booking }, tenant))
        }
    }
}
