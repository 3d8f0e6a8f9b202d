//! The table, its keys, and what goes wrong with it.

use std::{collections::HashMap, error::Error};

use aws_sdk_dynamodb::{
    Client,
    operation::put_item::builders::PutItemFluentBuilder,
    types::AttributeValue::{self, S},
};
use control_plane_model::store::StoreError;

pub(crate) type Item = HashMap<String, AttributeValue>;

#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) client: Client,
    /// Or its ARN.
    pub(crate) name: String,
}

pub(crate) fn key(pk: &str, sk: &str) -> Item {
    Item::from([("pk".to_owned(), S(pk.to_owned())), ("sk".to_owned(), S(sk.to_owned()))])
}

/// An error in one line, with what caused it.
pub(crate) fn failed(error: impl Error) -> StoreError {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    StoreError::Failed(text)
}

/// Writes an item where its condition holds; whether it did.
pub(crate) async fn put_if(put: PutItemFluentBuilder) -> Result<bool, StoreError> {
    match put.send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) => {
            Ok(false)
        }
        Err(error) => Err(failed(error)),
    }
}
