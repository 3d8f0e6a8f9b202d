//! The function against a stub of the services it calls.

mod answers;
mod cloud;
mod runs;
