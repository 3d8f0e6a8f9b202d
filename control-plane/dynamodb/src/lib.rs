//! Alerts, what was judged of spans, and who leads, in DynamoDB: what servers on several hosts have in common besides the spans.
//!
//! It is in the table of `slo-evaluator`, or one of its own with the same keys, `pk` and `sk`, both text. Their items do not meet:
//!
//! | `pk` | `sk` | what else |
//! |---|---|---|
//! | `CONTROL_PLANE` | `LEASE` | `holder`, `term`, and `beat`, which is another after every renewal |
//! | `CONTROL_PLANE#STATE#` name | `0000`, `0001`, … | `part`: some of the state, compressed; `parts`: how many there are |
//! | `CONTROL_PLANE#ALERTS`, and the same and `#` tenant | ten digits that fall as time goes on, `#` id | `body`: an alert |
//! | `CONTROL_PLANE#ENTRY#` name | `ENTRY` | `body`, and `expires_at`, after which DynamoDB deletes it |
//! | `CONTROL_PLANE#AUDIT` | the number of a record, in twenty digits | `number`, `previous`, `hash`, `body`: written once, and only where there is none |
//! | `CONTROL_PLANE#INVESTIGATIONS` | the id of an investigation, which begins with its time | `version`, `body`: written where the version before is there |
//!
//! No clock is compared with another: whoever has seen the same `beat` for as long as a lease lasts takes it. That is the manner of
//! <https://aws.amazon.com/blogs/database/building-distributed-locks-with-the-dynamodb-lock-client/>. What a leader stores is in one
//! transaction with a look at the lease, so that one who was paused and does not know of the next changes nothing.
//!
//! | file | idea |
//! |---|---|
//! | `states` | the table as the control plane knows it: states, alerts, entries, the audit and investigations |
//! | `lease` | who leads |
//! | `table` | the table, its keys, and what goes wrong with it |

mod lease;
mod states;
mod table;

pub use states::DynamoDbStates;
