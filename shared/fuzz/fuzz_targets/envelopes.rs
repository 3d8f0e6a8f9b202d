//! SQS and SNS events, and the messages in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use airline_events::BookingConfirmed;
use tenant_messages::{TenantMessage, read, receive};

fuzz_target!(|input: &[u8]| {
    let Ok(event) = serde_json::from_slice(input) else { return };
    for message in receive(event).into_iter().flatten() {
        if let Ok(tenant) = read::<BookingConfirmed>(message.body(), message.attributes()).map(|event| event.label()) {
            // What was accepted names a tenant that can be part of a key.
            assert!(!tenant.expect("a label").tenant_id.as_str().contains('#'));
        }
    }
});
