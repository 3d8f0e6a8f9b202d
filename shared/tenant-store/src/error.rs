//! Why a call of the store failed.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use lambda_http_client::aws::{describe, is_temporary};

/// The items belong to a user, and the context names no user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no user is named")]
pub struct NoUser;

/// Why a call of the store failed. `?` turns an SDK's error into one of these, depending on whether the call may succeed later.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB is throttling or away: try again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// DynamoDB refused the call.
    #[error("the store refused: {0}")]
    Refused(String),
    /// A stored item does not have the shape that this code writes.
    #[error("a stored item does not parse: {0}")]
    Item(#[from] serde_dynamo::Error),
    /// The items belong to a user, and the context names none.
    #[error(transparent)]
    NoUser(#[from] NoUser),
}

impl<E> From<SdkError<E>> for StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let described = describe(&error);
        if is_temporary(&error) { Self::Unavailable(described) } else { Self::Refused(described) }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{error::ErrorMetadata, operation::get_item::GetItemError};

    use super::*;

    /// The error for an answer of DynamoDB with this code.
    fn answered(code: &str) -> StoreError {
        let error = GetItemError::generic(ErrorMetadata::builder().code(code).message("why").build());
        let response = http::Response::new("".into()).try_into().unwrap();
        SdkError::service_error(error, response).into()
    }

    #[test]
    fn an_sdks_error_says_whether_the_call_may_succeed_later() {
        assert_eq!(answered("ThrottlingException").to_string(), "the store is unavailable: ThrottlingException: why");
        assert_eq!(answered("ValidationException").to_string(), "the store refused: ValidationException: why");
        let no_answer = SdkError::<GetItemError>::timeout_error("no answer");
        assert!(matches!(StoreError::from(no_answer), StoreError::Unavailable(_)));
    }
}
