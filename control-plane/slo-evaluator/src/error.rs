//! Why a run ended early. Nothing of the five minutes it happened in has been told to anybody; the next run does them again.

/// Why a pass failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable of the environment is missing or cannot be read.
    #[error("{name}: {problem}")]
    Setting {
        /// The name of the variable.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The objectives that were compiled in contradict themselves.
    #[error(transparent)]
    Objectives(#[from] slo::Error),
    /// A service did not do what it was asked.
    #[error("{call}: {problem}")]
    Service {
        /// The call of AWS that failed.
        call: &'static str,
        /// What the service said.
        problem: String,
    },
    /// A query ended without an answer.
    #[error("query {id} ended as {status}")]
    Query {
        /// The id of the query.
        id: String,
        /// The status with which the query ended.
        status: String,
    },
    /// The invocation's time is over before the answer came.
    #[error("no time left: {0}")]
    Deadline(&'static str),
    /// One minute has more rows than an answer can hold.
    #[error("the minute from {from} has {rows} rows or more; there may be more than were answered")]
    Truncated {
        /// When the minute begins, in seconds since 1970.
        from: i64,
        /// The most an answer holds.
        rows: usize,
    },
    /// Fewer spans are in the answer than the query found.
    #[error("the query matched {matched} records, its answer has {counted}")]
    Incomplete {
        /// Records that the query matched, by its statistics.
        matched: f64,
        /// Records in its answer.
        counted: u64,
    },
    /// A row is not what was asked for.
    #[error("row {row}, {field}: {problem}")]
    Row {
        /// Its number in the answer, from 1.
        row: usize,
        /// The name of the field.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// What was stored cannot be read.
    #[error("{key} cannot be read: {problem}")]
    Stored {
        /// Where it is stored.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// Something was stored meanwhile.
    #[error("{0} was changed by another run")]
    Conflict(String),
    /// Five minutes came after later ones.
    #[error(transparent)]
    LateCell(#[from] slo::LateCell),
}

impl Error {
    pub(crate) fn row(row: usize, field: &'static str, problem: impl Into<String>) -> Self {
        Self::Row { row, field, problem: problem.into() }
    }
}
