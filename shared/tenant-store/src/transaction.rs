//! Why a transaction failed.

use aws_sdk_dynamodb::{error::SdkError, operation::transact_write_items::TransactWriteItemsError};
use lambda_http_client::aws::is_temporary;

/// How a transaction failed, for who asks whether to try it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionFailure {
    /// Nothing was written: the condition of the write that was asked about does not hold.
    ConditionUnmet,
    /// Nothing was written, for another reason: another write's condition, or another transaction that was in the way.
    Cancelled,
    /// Throttling, or no answer: it may have been written.
    Unclear,
    /// DynamoDB refused the call. Nothing was written, and trying again changes nothing.
    Refused,
}

impl TransactionFailure {
    /// How a transaction with this error failed. `write` is the place, from 0, of the write whose condition is asked about: reasons come
    /// in the order of the writes.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
    pub fn of(error: &SdkError<TransactWriteItemsError>, write: usize) -> Self {
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                match cancelled.cancellation_reasons().get(write).and_then(|reason| reason.code()) {
                    Some("ConditionalCheckFailed") => Self::ConditionUnmet,
                    _ => Self::Cancelled,
                }
            }
            _ if is_temporary(error) => Self::Unclear,
            _ => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{
        error::ErrorMetadata,
        types::{CancellationReason, error::TransactionCanceledException},
    };

    use super::*;

    fn answered(error: TransactWriteItemsError) -> SdkError<TransactWriteItemsError> {
        SdkError::service_error(error, http::Response::new("".into()).try_into().unwrap())
    }

    fn cancelled(codes: &[&str]) -> SdkError<TransactWriteItemsError> {
        let reason = |code: &&str| CancellationReason::builder().code(*code).build();
        let reasons = codes.iter().map(reason).collect();
        let cancelled = TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons)).build();
        answered(TransactWriteItemsError::TransactionCanceledException(cancelled))
    }

    fn refused(code: &str) -> SdkError<TransactWriteItemsError> {
        answered(TransactWriteItemsError::generic(ErrorMetadata::builder().code(code).build()))
    }

    #[test]
    fn an_unmet_condition_is_that_of_the_write_asked_about() {
        let error = cancelled(&["None", "ConditionalCheckFailed"]);
        assert_eq!(TransactionFailure::of(&error, 1), TransactionFailure::ConditionUnmet);
        assert_eq!(TransactionFailure::of(&error, 0), TransactionFailure::Cancelled);
        assert_eq!(TransactionFailure::of(&error, 2), TransactionFailure::Cancelled);
        assert_eq!(TransactionFailure::of(&cancelled(&["TransactionConflict"]), 0), TransactionFailure::Cancelled);
        assert_eq!(TransactionFailure::of(&cancelled(&[]), 0), TransactionFailure::Cancelled);
    }

    #[test]
    fn what_may_have_been_written_is_told_from_what_was_not() {
        assert_eq!(TransactionFailure::of(&SdkError::timeout_error("no answer"), 0), TransactionFailure::Unclear);
        assert_eq!(TransactionFailure::of(&refused("ThrottlingException"), 0), TransactionFailure::Unclear);
        assert_eq!(TransactionFailure::of(&refused("AccessDeniedException"), 0), TransactionFailure::Refused);
    }
}
