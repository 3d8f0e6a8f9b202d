//! Outlines of traces as bytes, small enough to scan all traces of an hour.

use control_plane_model::search::Outline;

pub(crate) fn encode(outline: &Outline) -> Vec<u8> {
    postcard::to_allocvec(outline).unwrap_or_default()
}

/// What [`encode`] made; nothing, of other bytes.
pub(crate) fn decode(bytes: &[u8]) -> Outline {
    postcard::from_bytes(bytes).unwrap_or_default()
}
