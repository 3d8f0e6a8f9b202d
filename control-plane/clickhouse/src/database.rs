//! Queries and inserts, and how long they may take.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use clickhouse::{Client, Row, RowOwned, RowRead, RowWrite, query::Query};
use control_plane_model::store::StoreError;
use tokio::{sync::Semaphore, time::timeout};

/// What takes longer is not waited for.
const WITHIN: Duration = Duration::from_secs(30);

/// Searches for attributes that no index has at once; others wait.
const LOOKUPS: usize = 4;

/// Where a database is, and who asks.
#[derive(Clone)]
pub struct Address {
    /// `http://…` or `https://…`
    pub url: String,
    /// The name of the database.
    pub database: String,
    /// The user that queries run as.
    pub user: String,
    /// The password of that user.
    pub password: String,
    /// The cluster whose servers all have it, or `None` if it is on one server alone.
    pub cluster: Option<String>,
}

impl FromStr for Address {
    type Err = String;

    /// From `clickhouse://user:password@host:port/database?cluster=name`, or `clickhouses://…` for TLS. Without them, the user is `default`,
    /// without a password, the port ClickHouse's own for HTTP, the database `control_plane`, and on one server.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "expected clickhouse://user:password@host:port/database?cluster=name, or clickhouses:// for TLS".to_owned()
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (scheme, port) = match scheme {
            "clickhouse" => ("http", 8123),
            "clickhouses" => ("https", 8443),
            _ => return Err(wrong()),
        };
        let (rest, cluster) = rest.rsplit_once("?cluster=").map_or((rest, None), |(rest, name)| (rest, Some(name)));
        let (rest, database) = rest.split_once('/').unwrap_or((rest, ""));
        // A password may have an @ of its own.
        let (who, host) = rest.rsplit_once('@').unwrap_or(("default", rest));
        let (user, password) = who.split_once(':').unwrap_or((who, ""));
        // The name is written into statements that cannot have a parameter in that place, so it has to be plain.
        let named =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        if host.is_empty() || user.is_empty() || database.contains('?') || !cluster.is_none_or(named) {
            return Err(wrong());
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        let database = if database.is_empty() { "control_plane" } else { database };
        let (url, database, cluster) = (format!("{scheme}://{host}"), database.to_owned(), cluster.map(str::to_owned));
        Ok(Self { url, database, user: user.to_owned(), password: password.to_owned(), cluster })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("url", &self.url).field("database", &self.database).finish_non_exhaustive()
    }
}

/// A cluster's queries: an insert is heard of once most replicas have it.
const OF_A_CLUSTER: [(&str, &str); 2] = [("insert_quorum", "auto"), ("insert_quorum_timeout", "30000")];

#[derive(Clone)]
pub(crate) struct Database {
    client: Client,
    /// Limits how many requests at once look up attributes that no index has.
    pub(crate) lookups: Arc<Semaphore>,
    pub(crate) cluster: Option<String>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.client.database()).finish()
    }
}

impl Database {
    pub(crate) fn new(address: &Address) -> Self {
        let client = Client::default().with_url(&address.url).with_user(&address.user).with_password(&address.password);
        // Rows are read and written in the order of their columns, which tests hold; so no table is asked for its columns first.
        let client = client.with_database(&address.database).with_validation(false);
        let settings = OF_A_CLUSTER.iter().filter(|_| address.cluster.is_some());
        let client = settings.fold(client, |client, (name, value)| client.with_setting(*name, *value));
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        Self { client, lookups, cluster: address.cluster.clone() }
    }

    pub(crate) fn query(&self, sql: &str) -> Query {
        self.client.query_raw(sql)
    }

    /// Where there may be no database yet.
    pub(crate) fn query_outside(&self, sql: &str) -> Query {
        self.client.clone().with_database("default").query_raw(sql)
    }

    pub(crate) fn name(&self) -> &str {
        self.client.database().unwrap_or_default()
    }

    /// Inserts rows, if there are any; `Ok` means that all of them are there.
    pub(crate) async fn insert<'a, T>(&self, table: &str, rows: &[T::Value<'a>]) -> Result<(), StoreError>
    where
        T: Row + RowWrite,
    {
        if rows.is_empty() {
            return Ok(());
        }
        within(async {
            let mut insert = self.client.insert::<T>(table).await?;
            for row in rows {
                insert.write(row).await?;
            }
            insert.end().await
        })
        .await
    }
}

/// All rows of an answer.
pub(crate) async fn all<T: RowOwned + RowRead>(query: Query) -> Result<Vec<T>, StoreError> {
    within(query.fetch_all::<T>()).await
}

/// The one row of an answer.
pub(crate) async fn fetch_one<T: RowOwned + RowRead>(query: Query) -> Result<T, StoreError> {
    within(query.fetch_one::<T>()).await
}

pub(crate) async fn within<T>(
    doing: impl Future<Output = Result<T, clickhouse::error::Error>>,
) -> Result<T, StoreError> {
    match timeout(WITHIN, doing).await {
        Ok(outcome) => outcome.map_err(failed),
        Err(_) => Err(StoreError::Failed(format!("no answer within {} s", WITHIN.as_secs()))),
    }
}

pub(crate) fn failed(error: impl fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}

/// Unix seconds as ClickHouse's `DateTime` has them, with room for a day after.
pub(crate) fn seconds(time: i64) -> u32 {
    u32::try_from(time.clamp(0, 4_200_000_000)).unwrap_or_default()
}

/// The start of its five minutes, Unix seconds.
pub(crate) fn five_minutes(time_ns: i64) -> u32 {
    seconds(time_ns.div_euclid(300_000_000_000) * 300)
}

/// The time, nanoseconds since 1970.
pub(crate) fn now_ns() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let parts = |text: &str| {
            let Address { url, database, user, password, cluster } = text.parse().unwrap();
            [url, database, user, password, cluster.unwrap_or_default()].join(" ")
        };
        assert_eq!(parts("clickhouse://localhost"), "http://localhost:8123 control_plane default  ");
        assert_eq!(parts("clickhouses://cp:p@s:s@ch.example.com/spans"), "https://ch.example.com:8443 spans cp p@s:s ");
        assert_eq!(parts("clickhouse://u@[::1]:9000/"), "http://[::1]:9000 control_plane u  ");
        assert_eq!(parts("clickhouse://h/db?cluster=main-1"), "http://h:8123 db default  main-1");
        assert_eq!(parts("clickhouse://h?cluster=main"), "http://h:8123 control_plane default  main");
        let no_cluster = ["clickhouse://h?cluster=", "clickhouse://h/db?cluster=a'b", "clickhouse://h/db?replica=1"];
        let nowhere = ["", "localhost", "http://localhost", "clickhouse://", "clickhouse://@h", "clickhouse:///db"];
        for wrong in no_cluster.into_iter().chain(nowhere) {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
        assert!(!format!("{:?}", "clickhouse://u:secret@h".parse::<Address>().unwrap()).contains("secret"));
    }
}
