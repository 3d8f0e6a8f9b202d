//! When versions of services were seen first.

use control_plane_model::store::{Scope, StoreError, Version};

use crate::reader::Reader;

impl Reader {
    /// The versions that were first seen in a window, Unix seconds, in the order of time.
    pub(crate) fn versions(&self, scope: &Scope, from: i64, to: i64) -> Result<Vec<Version>, StoreError> {
        if scope.tenant().is_some() {
            return Ok(Vec::new());
        }
        let sql = "SELECT service, account, attribute, version, min(seen) AS first_seen FROM versions
                   GROUP BY service, account, attribute, version HAVING first_seen >= ?1 AND first_seen < ?2
                   ORDER BY first_seen, service, account, attribute, version";
        self.read(|connection| {
            let mut select = connection.prepare_cached(sql)?;
            let versions = select.query_map([from, to], |row| {
                Ok(Version {
                    service: row.get(0)?,
                    account: row.get(1)?,
                    attribute: row.get(2)?,
                    version: row.get(3)?,
                    first_seen: row.get(4)?,
                })
            })?;
            Ok(versions.collect::<Result<_, _>>()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use control_plane_model::otlp::SentResource;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};

    use prost::Message;
    use rusqlite::params;

    use super::*;
    use crate::schema;

    #[test]
    fn what_was_in_use_before_versions_were_kept_is_no_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite");
        let text = |key: &str, value: &str| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) }),
            ..KeyValue::default()
        };
        let attributes = vec![text("service.name", "booking-api"), text("service.version", "1.4.0")];
        let sender = SentResource { attributes, ..SentResource::default() };
        let connection = schema::open_writer(&path).unwrap();
        connection.execute_batch("DROP TABLE versions").unwrap();
        connection.execute("INSERT INTO resources (id, body) VALUES (1, ?1)", [sender.encode_to_vec()]).unwrap();
        let trace = "INSERT INTO traces (trace_id, received, start_ns, end_ns, spans, flags, outline)
                     VALUES (?1, 0, ?2 * 1000000000, 0, 1, 0, x'')";
        let now = jiff::Timestamp::now().as_second();
        // What claims to be of another time says nothing.
        for (id, start) in [1, now - 3_600, now - 60].into_iter().enumerate() {
            connection.execute(trace, params![id.to_string(), start]).unwrap();
        }
        drop(connection);
        for _ in 0..2 {
            drop(schema::open_writer(&path).unwrap());
            let found = Reader::new(&path).versions(&Scope::All, 0, now).unwrap();
            assert_eq!(found, Version::named_by(&sender, now - 3_600));
            assert_eq!(found[0].version, "1.4.0");
        }
    }
}
