//! What each function of this account is told by its environment. infra/booking/template.yaml sets these variables, docs/telemetry.md
//! describes those of telemetry.

use airline_events::TIERS;
use function_settings::{InvalidSettings, Variables};
use lambda_problem::AllowedOrigin;
use tenant_auth::ApiSettings;
use tenant_quota::TierQuotas;
use tenant_telemetry::Settings;

use crate::{domain::Limit, rate_limits::Limits};

/// The settings of booking-api.
#[derive(Debug)]
pub struct BookingApi {
    /// Telemetry; `USER_POOL_ID` and `USER_POOL_CLIENT_ID`: whose tokens are accepted; `TENANTS_TABLE`, `TENANTS_READER_ROLE_ARN` and
    /// `TENANTS_CACHE_SECONDS`: which tenants there are.
    pub api: ApiSettings,
    /// `RESERVATIONS_TABLE`: the table of reservations.
    pub reservations_table: String,
    /// `TENANT_ROLE_ARN`: the role that is fenced to a tenant's items.
    pub tenant_role_arn: String,
    /// `TIER_QUOTAS`: how much a tenant of each tier may use.
    pub tier_quotas: TierQuotas,
    /// `MILEAGE_API_URL`: account B's API, with its stage.
    pub mileage_api_url: String,
    /// `CORS_ALLOWED_ORIGIN`: whose pages may call; any where it is not set.
    pub allowed_origin: AllowedOrigin,
}

impl BookingApi {
    /// Reads the settings of this function from its environment.
    pub fn read(variables: &Variables) -> Result<Self, InvalidSettings> {
        variables.read(|read| Self {
            api: ApiSettings::read(read, TIERS),
            reservations_table: read.text("RESERVATIONS_TABLE"),
            tenant_role_arn: read.arn("TENANT_ROLE_ARN"),
            tier_quotas: TierQuotas::read(read, TIERS),
            mileage_api_url: read.url("MILEAGE_API_URL"),
            allowed_origin: read.parsed("CORS_ALLOWED_ORIGIN"),
        })
    }
}

/// The settings of booking-publisher.
#[derive(Debug)]
pub struct BookingPublisher {
    /// The settings of spans, metrics and logs.
    pub telemetry: Settings,
    /// `BOOKING_TOPIC_ARN`: where reservations are published.
    pub topic_arn: String,
    /// `PARKING_QUEUE_URL`: where unreadable records go.
    pub parking_queue_url: String,
}

impl BookingPublisher {
    /// Reads the settings of this function from its environment.
    pub fn read(variables: &Variables) -> Result<Self, InvalidSettings> {
        variables.read(|read| Self {
            telemetry: Settings::read(read),
            topic_arn: read.arn("BOOKING_TOPIC_ARN"),
            parking_queue_url: read.url("PARKING_QUEUE_URL"),
        })
    }
}

/// The settings of registration-api.
#[derive(Debug)]
pub struct RegistrationApi {
    /// As of [`BookingApi`]. New tenants are entered in the registry's table.
    pub api: ApiSettings,
    /// `USER_POOL_ID`: where new users are added.
    pub user_pool_id: String,
    /// `REGISTRATIONS_TABLE`: the table of counts.
    pub registrations_table: String,
    /// `REGISTRATIONS_PER_SOURCE_AND_HOUR`, `MAILS_PER_ADDRESS_AND_DAY` and `INVITATIONS_PER_TENANT_AND_DAY`.
    pub limits: Limits,
    /// `CORS_ALLOWED_ORIGIN`: whose pages may call; any where it is not set.
    pub allowed_origin: AllowedOrigin,
}

impl RegistrationApi {
    /// Reads the settings of this function from its environment.
    pub fn read(variables: &Variables) -> Result<Self, InvalidSettings> {
        variables.read(|read| Self {
            api: ApiSettings::read(read, TIERS),
            user_pool_id: read.text("USER_POOL_ID"),
            registrations_table: read.text("REGISTRATIONS_TABLE"),
            limits: Limits {
                source: Limit::each_hour(read.number("REGISTRATIONS_PER_SOURCE_AND_HOUR")),
                address: Limit::each_day(read.number("MAILS_PER_ADDRESS_AND_DAY")),
                tenant: Limit::each_day(read.number("INVITATIONS_PER_TENANT_AND_DAY")),
            },
            allowed_origin: read.parsed("CORS_ALLOWED_ORIGIN"),
        })
    }
}

/// What invitation-mail is told.
#[derive(Debug)]
pub struct InvitationMail {
    /// The settings of spans, metrics and logs.
    pub telemetry: Settings,
    /// `PORTAL_URL`: where people sign in, without a slash at its end. Mails name no address where it is not set.
    pub portal_url: Option<String>,
}

impl InvitationMail {
    /// Reads the settings of this function from its environment.
    pub fn read(variables: &Variables) -> Result<Self, InvalidSettings> {
        variables.read(|read| Self { telemetry: Settings::read(read), portal_url: read.optional_url("PORTAL_URL") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &[(&str, &str)] = &[
        ("USER_POOL_ID", "us-east-1_pool"),
        ("USER_POOL_CLIENT_ID", "client"),
        ("TENANTS_TABLE", "tenants"),
        ("RESERVATIONS_TABLE", "reservations"),
        ("TENANT_ROLE_ARN", "arn:aws:iam::111111111111:role/tenant"),
        ("TIER_QUOTAS", "basic=10/20/1000,standard=50/100/10000,premium=100/200/100000"),
        ("MILEAGE_API_URL", "https://id.execute-api.us-east-1.amazonaws.com/dev"),
        ("BOOKING_TOPIC_ARN", "arn:aws:sns:us-east-1:111111111111:events"),
        ("PARKING_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111111111111/parking"),
        ("REGISTRATIONS_TABLE", "registrations"),
        ("REGISTRATIONS_PER_SOURCE_AND_HOUR", "5"),
        ("MAILS_PER_ADDRESS_AND_DAY", "3"),
        ("INVITATIONS_PER_TENANT_AND_DAY", "50"),
        ("PORTAL_URL", "https://portal.example"),
    ];

    fn complete() -> Variables {
        Variables::from_fn(|name| Some(COMPLETE.iter().find(|(known, _)| *known == name)?.1.to_owned()))
    }

    fn missing<T: std::fmt::Debug>(read: fn(&Variables) -> Result<T, InvalidSettings>) -> String {
        read(&Variables::from_fn(|_| None)).unwrap_err().to_string()
    }

    fn none_set(names: &[&str]) -> String {
        format!("settings: {}", names.iter().map(|name| format!("{name} is not set")).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn an_empty_environment_names_every_variable_at_once() {
        let api = ["USER_POOL_ID", "USER_POOL_CLIENT_ID", "TENANTS_TABLE"];
        let booking = [&api[..], &["RESERVATIONS_TABLE", "TENANT_ROLE_ARN", "TIER_QUOTAS", "MILEAGE_API_URL"]].concat();
        assert_eq!(missing(BookingApi::read), none_set(&booking));
        assert_eq!(missing(BookingPublisher::read), none_set(&["BOOKING_TOPIC_ARN", "PARKING_QUEUE_URL"]));
        let limits =
            ["REGISTRATIONS_PER_SOURCE_AND_HOUR", "MAILS_PER_ADDRESS_AND_DAY", "INVITATIONS_PER_TENANT_AND_DAY"];
        let registration = [&api[..], &["REGISTRATIONS_TABLE"], &limits].concat();
        assert_eq!(missing(RegistrationApi::read), none_set(&registration));
        // It needs nothing: without it nobody could be invited.
        assert_eq!(InvitationMail::read(&Variables::from_fn(|_| None)).unwrap().portal_url, None);
    }

    #[test]
    fn a_complete_environment_is_read() {
        let booking = BookingApi::read(&complete()).unwrap();
        assert_eq!(booking.tenant_role_arn, "arn:aws:iam::111111111111:role/tenant");
        assert_eq!(
            (booking.api.registry.table.as_str(), booking.allowed_origin),
            ("tenants", AllowedOrigin::default())
        );
        assert_eq!(BookingPublisher::read(&complete()).unwrap().topic_arn, "arn:aws:sns:us-east-1:111111111111:events");
        let registration = RegistrationApi::read(&complete()).unwrap();
        assert_eq!(InvitationMail::read(&complete()).unwrap().portal_url.as_deref(), Some("https://portal.example"));
        assert_eq!((registration.user_pool_id.as_str(), registration.limits.address.most), ("us-east-1_pool", 3));
    }
}
