//! The spans of one request: what was asked for, the calls it took, and for a booking the messages that lead to its miles.

use std::ops::Range;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::{
    causes::{is_guess, is_slow, lacks_index, version},
    spans::{Done, Failure, MILLISECOND, Request, SECOND, SpanId},
    story::Moment,
    telling::{Service, SimulatedSpan, text},
    tenants::{GUESSER, Operation},
};

/// The booking that somebody will ask for, since its miles never came.
pub(in crate::demo) const STRANDED_BOOKING: &str = "P1KR9N43";
const RESERVATIONS: &str = "reservations-simulated";
const LEDGER: &str = "ledger-simulated";
const TOPIC: &str = "booking-events-simulated";
const QUEUE: &str = "mileage-bookings-simulated";
const INDEX: &str = "deck-index";
/// What runs beside the booking service.
const OTHERS_VERSION: &str = "1.9.3";
/// One in this many requests of the basic and standard tiers fails by itself.
const ONE_FAILS_OF: u32 = 4_000;
/// After so many receives the queue gives a message up, and so long it waits between two.
const RECEIVES: u64 = 3;
const HIDDEN: u64 = 30 * SECOND;
/// What booking numbers are made of: Crockford's base 32.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// All spans of a request.
pub(super) fn told(moment: &Moment) -> Vec<SimulatedSpan> {
    let mut request = Request::begin(moment);
    if is_guess(moment) {
        request.guess();
        return request.told;
    }
    let operation =
        if moment.stranded { Operation::Book } else { moment.tenant.operation(moment.days_ago, &mut request.rng) };
    match operation {
        Operation::Book => request.book(),
        Operation::List => request.read("GET /bookings", "Query"),
        Operation::Read => request.read_one(),
        Operation::Seats => request.seats(),
        Operation::Miles => request.miles(),
        Operation::Export => request.export(),
    }
    request.told
}

impl Request<'_> {
    fn book(&mut self) {
        let table = self.moment.tenant.table(self.region, &mut self.rng);
        let looked = self.look_for_seats(table, 4..12);
        if let Some(failure) = looked.failure.clone() {
            self.answer("POST /bookings", Some(failure), vec![looked]);
            return;
        }
        let number = if self.moment.stranded { STRANDED_BOOKING.to_owned() } else { booking_number() };
        self.booking = Some(number);
        let write = self.dynamodb("TransactWriteItems", RESERVATIONS, looked.start + looked.took, 15..35);
        let by_itself = self.fails_by_itself();
        let write = Done { failure: by_itself.clone(), ..write };
        let written = write.start + write.took;
        let failed = by_itself.is_some();
        let answered = self.answer("POST /bookings", by_itself, vec![looked, write]);
        if !failed {
            self.post_miles(answered, written);
        }
    }

    /// The table's stream, the topic and the queue of the other account.
    fn post_miles(&mut self, parent: SpanId, written: u64) {
        let publisher = self.sender(Service::BookingPublisher, OTHERS_VERSION);
        let start = written + self.between(40..120);
        let process = self.message("aws.dynamodb", RESERVATIONS, start, 8..20, None);
        let took = process.took;
        let process = self.record(publisher, Some(parent), process);
        let send = Done {
            name: format!("send {TOPIC}"),
            kind: SpanKind::Producer,
            start: start + MILLISECOND,
            took: took - 2 * MILLISECOND,
            failure: None,
            attributes: vec![
                text("rpc.system", "aws-api"),
                text("rpc.service", "SNS"),
                text("messaging.system", "aws.sns"),
                text("messaging.operation.type", "send"),
                text("messaging.destination.name", TOPIC),
            ],
        };
        let send = self.record(publisher, Some(process), send);

        let arrived = start + took + self.between(30..80);
        if !self.moment.stranded {
            self.accrue(send, arrived, None);
            return;
        }
        for receive in 1..=RECEIVES {
            let end = if receive < RECEIVES { "" } else { "; the queue moves it to mileage-bookings-dlq-simulated" };
            let message =
                format!("member 4471-0093 has no account in the ledger (receive {receive} of {RECEIVES}{end})");
            let failure = Failure { r#type: "message_failed", message };
            self.accrue(send, arrived + (receive - 1) * HIDDEN, Some(failure));
        }
    }

    fn accrue(&mut self, sent: SpanId, start: u64, failure: Option<Failure>) {
        let accrual = self.sender(Service::MileageAccrual, OTHERS_VERSION);
        let write = self.dynamodb("TransactWriteItems", LEDGER, start + MILLISECOND, 10..30);
        let refused = failure.as_ref().map(|_| Failure {
            r#type: "TransactionCanceledException",
            message: "Transaction cancelled, please refer cancellation reasons for specific reasons \
                      [ConditionalCheckFailed, None]"
                .to_owned(),
        });
        let took = write.took + 2 * MILLISECOND;
        let process = Done { took, ..self.message("aws_sqs", QUEUE, start, 1..2, failure) };
        let process = self.record(accrual, Some(sent), process);
        self.record(accrual, Some(process), Done { failure: refused, ..write });
    }

    fn seats(&mut self) {
        let table = self.moment.tenant.table(self.region, &mut self.rng);
        let took = if is_slow(self.moment, self.region) { 500..900 } else { 15..60 };
        let looked = self.look_for_seats(table, took);
        let failure = looked.failure.clone();
        self.answer("GET /seatmaps", failure, vec![looked]);
    }

    fn look_for_seats(&mut self, table: &str, took: Range<u64>) -> Done {
        let version = version(self.region, self.moment);
        let mut looked = self.dynamodb("Query", table, self.moment.start + 2 * MILLISECOND, took);
        if lacks_index(version, table) {
            let seat_map = self.rng.u32(10_000..100_000);
            let message = format!("The table does not have the specified index: {INDEX} (seat map {seat_map})");
            looked.failure = Some(Failure { r#type: "ValidationException", message });
            looked.took = looked.took.min(9 * MILLISECOND);
        }
        looked
    }

    fn read(&mut self, name: &str, operation: &str) {
        let read = self.dynamodb(operation, RESERVATIONS, self.moment.start + 2 * MILLISECOND, 4..40);
        let failure = self.fails_by_itself();
        self.answer(name, failure.clone(), vec![Done { failure, ..read }]);
    }

    fn read_one(&mut self) {
        self.booking = Some(booking_number());
        self.read("GET /bookings/{number}", "GetItem");
    }

    /// Somebody asks for a booking that is not theirs, or not there.
    fn guess(&mut self) {
        GUESSER.clone_into(&mut self.user);
        self.refused = Some((404, "no_such_booking"));
        self.read_one();
    }

    fn miles(&mut self) {
        let read = self.dynamodb("Query", LEDGER, self.moment.start + 2 * MILLISECOND, 4..40);
        let sender = self.sender(Service::MileageApi, OTHERS_VERSION);
        self.answer_by(sender, "GET /mileage", None, vec![read]);
    }

    fn export(&mut self) {
        let read = self.dynamodb("Query", RESERVATIONS, self.moment.start + 2 * MILLISECOND, 100..300);
        let written = Done {
            name: "S3.PutObject".to_owned(),
            kind: SpanKind::Client,
            start: read.start + read.took,
            took: self.between(700..1_300),
            failure: None,
            attributes: vec![
                text("rpc.system", "aws-api"),
                text("rpc.service", "S3"),
                text("rpc.method", "S3/PutObject"),
                text("cloud.region", self.region),
                text("aws.s3.bucket", "exports-simulated"),
            ],
        };
        let sender = self.sender(Service::Exports, OTHERS_VERSION);
        self.answer_by(sender, "POST /exports", None, vec![read, written]);
    }

    /// The booking service's answer to the request, with the calls it took.
    fn answer(&mut self, name: &str, failure: Option<Failure>, calls: Vec<Done>) -> SpanId {
        let sender = self.sender(Service::BookingApi, version(self.region, self.moment));
        self.answer_by(sender, name, failure, calls)
    }

    fn fails_by_itself(&mut self) -> Option<Failure> {
        let fails = self.moment.tenant.tier != "premium" && self.rng.u32(..ONE_FAILS_OF) == 0;
        let message = format!("The request timed out after {} ms", self.rng.u32(2_000..3_000));
        fails.then_some(Failure { r#type: "TimeoutError", message })
    }
}

fn booking_number() -> String {
    (0..8).map(|_| char::from(CROCKFORD[fastrand::usize(..CROCKFORD.len())])).collect()
}
