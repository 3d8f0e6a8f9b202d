//! The table, its keys, and what goes wrong with it.

use std::{collections::HashMap, error::Error};

use aws_sdk_dynamodb::{
    Client,
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
