//! Trace ids in both forms.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Text that is no trace id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a trace id is 32 hex digits, or 1-<8 hex>-<24 hex>, and not all zeros")]
pub struct InvalidTraceId;

/// A valid trace id: 16 bytes, not all zero. Reads W3C's form and X-Ray's, writes W3C's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// Reads an id from its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTraceId> {
        let bytes: [u8; 16] = bytes.try_into().map_err(|_| InvalidTraceId)?;
        if bytes == [0; 16] { Err(InvalidTraceId) } else { Ok(Self(bytes)) }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// X-Ray's form.
    pub fn xray(&self) -> String {
        let hex = self.to_string();
        format!("1-{}-{}", &hex[..8], &hex[8..])
    }
}

impl FromStr for TraceId {
    type Err = InvalidTraceId;
    fn from_str(text: &str) -> Result<Self, InvalidTraceId> {
        let hex = match text.split('-').collect::<Vec<_>>()[..] {
            [hex] => hex.to_owned(),
            ["1", time, unique] if time.len() == 8 => format!("{time}{unique}"),
            _ => return Err(InvalidTraceId),
        };
        if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidTraceId);
        }
        let number = u128::from_str_radix(&hex, 16).map_err(|_| InvalidTraceId)?;
        Self::from_bytes(&number.to_be_bytes())
    }
}

impl TryFrom<String> for TraceId {
    type Error = InvalidTraceId;
    fn try_from(text: String) -> Result<Self, InvalidTraceId> {
        text.parse()
    }
}

impl From<TraceId> for String {
    fn from(id: TraceId) -> String {
        id.to_string()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_trace() {
        let w3c: TraceId = "5759e988bd862e3fe1be46a994272793".parse().unwrap();
        assert_eq!("1-5759e988-bd862e3fe1be46a994272793".parse(), Ok(w3c));
        assert_eq!(w3c.xray(), "1-5759e988-bd862e3fe1be46a994272793");
        assert_eq!(w3c.to_string(), "5759e988bd862e3fe1be46a994272793");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "x", &"0".repeat(32), "1-5759e98-8bd862e3fe1be46a994272793", "+759e988bd862e3fe1be46a994272793", "é"]
        {
            assert_eq!(text.parse::<TraceId>(), Err(InvalidTraceId), "{text:?}");
        }
    }
}
