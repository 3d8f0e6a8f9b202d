//! `GET /api/sign-in`: how a program on a user's own machine signs them in.

use axum::{Json, extract::State};
use control_plane_access::{CommandLine, Gate, May, Routes};
use serde::Serialize;

use super::Answer;
use crate::{access::refuse, problem::Problem};

/// Its path.
pub(crate) fn routes() -> Routes<Gate> {
    Routes::new(refuse).get(May::Anybody, "/api/sign-in", how)
}

#[derive(Debug, Serialize)]
struct How {
    issuers: Vec<CommandLine>,
}

/// It needs no sign-in, since a client reads it in order to sign in.
async fn how(State(gate): State<Gate>) -> Answer<How> {
    let access = gate.access().ok_or_else(|| Problem::not_found("Sign-in is not configured on this control plane."))?;
    Ok(Json(How { issuers: access.command_line() }))
}
