//! Which tables a DynamoDB call names.

use std::collections::BTreeMap;

use opentelemetry::{Array, KeyValue, StringValue, Value};
use serde::{Deserialize, de::IgnoredAny};

use super::partiql;
use crate::semconv;

/// The members of a request that name tables. Items and keys are skipped unread.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    table_name: Option<String>,
    index_name: Option<String>,
    /// `TransactWriteItems` and `TransactGetItems`.
    transact_items: Option<Vec<TransactItem>>,
    /// `BatchWriteItem` and `BatchGetItem`.
    request_items: Option<BTreeMap<String, IgnoredAny>>,
    /// `ExecuteStatement`.
    statement: Option<String>,
    /// `BatchExecuteStatement`.
    statements: Option<Vec<Statement>>,
    /// `ExecuteTransaction`.
    transact_statements: Option<Vec<Statement>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TransactItem {
    put: Option<TableName>,
    update: Option<TableName>,
    delete: Option<TableName>,
    condition_check: Option<TableName>,
    get: Option<TableName>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableName {
    table_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    statement: String,
}

/// The attributes of a call with this body.
pub(super) fn attributes(body: &[u8]) -> Vec<KeyValue> {
    let mut attributes = vec![KeyValue::new(semconv::DB_SYSTEM_NAME, "aws.dynamodb")];
    let request: Request = serde_json::from_slice(body).unwrap_or_default();
    attributes.extend(request.index_name.clone().map(|index| KeyValue::new(semconv::AWS_DYNAMODB_INDEX_NAME, index)));
    let tables = tables(request);
    if !tables.is_empty() {
        let tables = tables.into_iter().map(StringValue::from).collect();
        attributes.push(KeyValue::new(semconv::AWS_DYNAMODB_TABLE_NAMES, Value::Array(Array::String(tables))));
    }
    attributes
}

/// The names of the tables that a request names, sorted and without repetitions.
fn tables(request: Request) -> Vec<String> {
    let one = |item: TransactItem| item.put.or(item.update).or(item.delete).or(item.condition_check).or(item.get);
    let statements = request.statements.into_iter().chain(request.transact_statements).flatten();
    let statements = statements.map(|statement| statement.statement).chain(request.statement);
    let mut tables: Vec<String> = request.table_name.into_iter().collect();
    tables.extend(request.request_items.into_iter().flat_map(BTreeMap::into_keys));
    tables.extend(request.transact_items.into_iter().flatten().filter_map(one).map(|named| named.table_name));
    tables.extend(statements.filter_map(|statement| partiql::table(&statement).map(str::to_owned)));
    tables.sort_unstable();
    tables.dedup();
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_request_names_its_tables() {
        for (body, named) in [
            (r#"{"TableName":"a","Item":{"x":{"S":"TableName"}}}"#, &["a"][..]),
            (
                r#"{"TransactItems":[{"Put":{"TableName":"b","Item":{}}},{"ConditionCheck":{"TableName":"a"}}]}"#,
                &["a", "b"],
            ),
            (r#"{"TransactItems":[{"Get":{"TableName":"a","Key":{}}},{"Get":{"TableName":"a"}}]}"#, &["a"]),
            (r#"{"TransactItems":[{"Update":{"TableName":"u"}},{"Delete":{"TableName":"d"}}]}"#, &["d", "u"]),
            (r#"{"RequestItems":{"b":[{"PutRequest":{}}],"a":{"Keys":[]}}}"#, &["a", "b"]),
            (r#"{"Statement":"SELECT * FROM \"a\".\"i\" WHERE x = 'from b'"}"#, &["a"]),
            (r#"{"Statements":[{"Statement":"UPDATE b SET x=1"},{"Statement":"DELETE FROM a"}]}"#, &["a", "b"]),
            (r#"{"TransactStatements":[{"Statement":"INSERT INTO a VALUE {'x':1}"}]}"#, &["a"]),
            (r#"{"Limit":3}"#, &[]),
            ("", &[]),
            (r#"{"TableName":null}"#, &[]),
        ] {
            let request = serde_json::from_str(body).unwrap_or_default();
            assert_eq!(tables(request), named, "{body}");
        }
    }
}
