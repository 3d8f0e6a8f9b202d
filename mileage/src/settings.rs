//! What each function of this account is told by its environment. infra/mileage/template.yaml sets these variables, docs/telemetry.md
//! describes those of telemetry.

use airline_events::TIERS;
use function_settings::{InvalidSettings, Variables};
use lambda_problem::AllowedOrigin;
use tenant_auth::ApiSettings;
use tenant_quota::TierQuotas;
use tenant_telemetry::{BelievedSenders, Settings};

/// The settings of mileage-api.
#[derive(Debug)]
pub struct MileageApi {
    /// Telemetry; `USER_POOL_ID` and `USER_POOL_CLIENT_ID`: whose tokens are accepted; `TENANTS_TABLE`, `TENANTS_READER_ROLE_ARN` and
    /// `TENANTS_CACHE_SECONDS`: which tenants there are.
    pub api: ApiSettings,
    /// `LEDGER_TABLE`: the table of postings and balances.
    pub ledger_table: String,
    /// `TENANT_ROLE_ARN`: the role that is fenced to a tenant's items.
    pub tenant_role_arn: String,
    /// `TIER_QUOTAS`: how much a tenant of each tier may use.
    pub tier_quotas: TierQuotas,
    /// `BELIEVED_ACCOUNTS`: accounts whose sampling thresholds are believed, separated by commas; none where it is not set.
    pub believed_accounts: BelievedSenders,
    /// `CORS_ALLOWED_ORIGIN`: whose pages may call; any where it is not set.
    pub allowed_origin: AllowedOrigin,
}

impl MileageApi {
    /// Reads the settings of this function from its environment.
    pub fn read(variables: &Variables) -> Result<Self, InvalidSettings> {
        variables.read(|read| Self {
            api: ApiSettings::read(read, TIERS),
            ledger_table: read.text("LEDGER_TABLE"),
            tenant_role_arn: read.arn("TENANT_ROLE_ARN"),
            tier_quotas: TierQuotas::read(read, TIERS),
            believed_accounts: read.list("BELIEVED_ACCOUNTS").into_iter().collect(),
            allowed_origin: read.parsed("CORS_ALLOWED_ORIGIN"),
        })
    }
}

/// The settings of mileage-accrual.
#[derive(Debug)]
pub struct MileageAccrual {
    /// The settings of spans, metrics and logs.
    pub telemetry: Settings,
    /// `LEDGER_TABLE`: the table of postings and balances.
    pub ledger_table: String,
    /// `TENANT_ROLE_ARN`: the role that is fenced to a tenant's items.
    pub tenant_role_arn: String,
    /// `BELIEVED_SOURCES`: the ARNs of the queue and of the topic whose messages speak for tenants, separated by commas.
    pub believed_sources: Vec<String>,
}

impl MileageAccrual {
    /// Reads the settings of this function from its environment.
    pub fn read(variables: &Variables) -> Result<Self, InvalidSettings> {
        variables.read(|read| Self {
            telemetry: Settings::read(read),
            ledger_table: read.text("LEDGER_TABLE"),
            tenant_role_arn: read.arn("TENANT_ROLE_ARN"),
            believed_sources: read.arns("BELIEVED_SOURCES"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:us-east-1:222222222222:bookings";

    fn complete() -> Variables {
        Variables::from_fn(|name| {
            let value = match name {
                "USER_POOL_ID" => "us-east-1_pool",
                "USER_POOL_CLIENT_ID" => "client",
                "TENANTS_TABLE" => "arn:aws:dynamodb:us-east-1:111111111111:table/tenants",
                "LEDGER_TABLE" => "ledger",
                "TENANT_ROLE_ARN" => "arn:aws:iam::222222222222:role/tenant",
                "TIER_QUOTAS" => "basic=10/20/1000,standard=50/100/10000,premium=100/200/100000",
                "BELIEVED_SOURCES" => QUEUE,
                _ => return None,
            };
            Some(value.to_owned())
        })
    }

    fn missing<T: std::fmt::Debug>(read: fn(&Variables) -> Result<T, InvalidSettings>) -> String {
        read(&Variables::from_fn(|_| None)).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_environment_names_every_variable_at_once() {
        assert_eq!(
            missing(MileageApi::read),
            "settings: USER_POOL_ID is not set; USER_POOL_CLIENT_ID is not set; TENANTS_TABLE is not set; \
             LEDGER_TABLE is not set; TENANT_ROLE_ARN is not set; TIER_QUOTAS is not set"
        );
        assert_eq!(
            missing(MileageAccrual::read),
            "settings: LEDGER_TABLE is not set; TENANT_ROLE_ARN is not set; BELIEVED_SOURCES is not set"
        );
    }

    #[test]
    fn a_complete_environment_is_read() {
        assert_eq!(MileageApi::read(&complete()).unwrap().ledger_table, "ledger");
        assert_eq!(MileageAccrual::read(&complete()).unwrap().believed_sources, [QUEUE]);
    }
}
