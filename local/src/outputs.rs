//! What a started cloud tells its users: people, the demo and the tests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tier_accounts::TierAccount;

/// Where everything is. `local up --json` prints it as one line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outputs {
    /// Where the portal is.
    pub portal_url: String,
    /// Base URL of account A's API.
    pub booking_url: String,
    /// Base URL of account B's API.
    pub mileage_url: String,
    /// Base URLs of the APIs of services that `make new-service` made, by name.
    pub services: BTreeMap<String, String>,
    /// Where the control plane is.
    pub control_plane_url: String,
    /// A service key of this run that reads everything there, or `None` where nobody is asked who they are.
    pub control_plane_key: Option<String>,
    /// Those who run the system, as the control plane knows them; none where nobody is asked.
    pub staff: Vec<StaffUser>,
    /// The AWS endpoint of both accounts; an access key of twelve digits is the account.
    pub aws_endpoint_url: String,
    /// The AWS region that the emulator plays.
    pub region: String,
    /// Account A.
    pub booking_account: String,
    /// Account B.
    pub mileage_account: String,
    /// Further mileage accounts, whose tables and queues have the names of account B's.
    pub tier_accounts: Vec<TierAccount>,
    /// The user pool.
    pub user_pool_id: String,
    /// Its app client.
    pub user_pool_client_id: String,
    /// The registry of tenants, in account A.
    pub tenants_table: String,
    /// Reservations, in account A.
    pub reservations_table: String,
    /// The ledger, in account B.
    pub ledger_table: String,
    /// The topic, in account A.
    pub topic_arn: String,
    /// The queue of bookings, in account B.
    pub queue_url: String,
    /// Its dead-letter queue.
    pub dead_letters_url: String,
    /// Where what SNS itself could not deliver goes, in account B.
    pub undelivered_url: String,
    /// Where stream records that cannot be read go, in account A.
    pub parking_queue_url: String,
    /// The demo's users.
    pub users: Vec<User>,
}

impl Outputs {
    /// A question to the control plane's API, with the key that it asks for.
    pub fn ask_control_plane(&self, client: &reqwest::Client, path: &str) -> reqwest::RequestBuilder {
        let request = client.get(format!("{}{path}", self.control_plane_url));
        match &self.control_plane_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }
}

/// Somebody who runs the system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StaffUser {
    /// Email address.
    pub username: String,
    /// Password, made for this run.
    pub password: String,
    /// `operator` or `viewer`.
    pub role: String,
}

/// A user who can sign in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// Email address.
    pub username: String,
    /// Password, made for this run.
    pub password: String,
    /// The tenant the service assigned.
    pub tenant: String,
    /// Its tier.
    pub tier: String,
}
