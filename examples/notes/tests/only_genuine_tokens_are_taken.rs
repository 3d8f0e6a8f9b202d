//! Whoever has no token that the user pool has signed for this client, and that says what it must, is refused: nothing is called for them, and
//! no answer and no log line names a tenant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use testkit::{Setup, notes::NotesApi, tokens};

#[tokio::test(flavor = "multi_thread")]
async fn no_token_but_a_genuine_one_is_taken() {
    let mut api = NotesApi::start(Setup::default()).await;
    tokens::assert_only_genuine_are_taken(&mut api.function, "/notes", &api.aws).await;
}
