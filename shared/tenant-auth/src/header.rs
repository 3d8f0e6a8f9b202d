//! The header of a token (JOSE header, RFC 7515 §4), read before anything of it is believed.

use std::{collections::HashSet, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};

/// The members of a header that decide how its token is verified. Others are ignored, as RFC 7515 §4 requires.
#[derive(Debug, Default)]
struct Members {
    alg: Option<String>,
    kid: Option<String>,
    typ: Option<String>,
    cty: Option<String>,
    /// Whether these members are there, whatever their value.
    crit: bool,
    b64: bool,
}

/// How a token is to be verified, according to its header.
#[derive(Debug)]
pub(super) struct Header {
    /// The id of the key (`kid`).
    pub(super) key_id: String,
    /// The algorithm of the signature (`alg`).
    pub(super) algorithm: Algorithm,
}

/// Reads the header of `token`, or says why the token cannot be one of this issuer's:
///
/// - a member that is there twice (RFC 7515 §4 lets a reader refuse those),
/// - an algorithm that is not allowed,
/// - `crit`, since no extension is understood here (§4.1.11), nor may the list be empty or no list,
/// - `b64`, which is of no effect but together with `crit` (RFC 7797 §6),
/// - a `typ` that is not `JWT`, such as an access token's `at+jwt` (RFC 8725 §3.11),
/// - a `cty` of `JWT`: a token within a token (RFC 7519 §5.2), or
/// - no `kid`.
pub(super) fn read(token: &str, allowed: impl IntoIterator<Item = Algorithm>) -> Result<Header, String> {
    let encoded = token.split('.').next().unwrap_or_default();
    let text = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| "a header that is not base64url")?;
    // What serde says may quote the header, which is the caller's to choose.
    let header: Members = serde_json::from_slice(&text).map_err(|_| "a header of the wrong shape")?;
    // RFC 8725 §3.1: which algorithms are used is the verifier's to say, never the token's.
    let named = header.alg.and_then(|alg| alg.parse().ok());
    let algorithm = allowed.into_iter().find(|algorithm| Some(*algorithm) == named);
    let algorithm = algorithm.ok_or("an algorithm that is not allowed")?;
    if header.crit {
        return Err("critical header members that are not understood".to_owned());
    }
    if header.b64 {
        return Err("b64 without crit".to_owned());
    }
    if header.typ.is_some_and(|typ| !is_jwt(&typ)) {
        return Err("another type of token".to_owned());
    }
    if header.cty.is_some_and(|cty| is_jwt(&cty)) {
        return Err("a token within a token".to_owned());
    }
    let key_id = header.kid.ok_or("no kid")?;
    Ok(Header { key_id, algorithm })
}

/// A media type in the short form that RFC 7515 §4.1.9 recommends, or in full; case does not count.
fn is_jwt(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    media_type.strip_prefix("application/").unwrap_or(&media_type) == "jwt"
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let (mut members, mut seen) = (Members::default(), HashSet::new());
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "alg" => members.alg = Some(map.next_value()?),
                        "kid" => members.kid = Some(map.next_value()?),
                        "typ" => members.typ = Some(map.next_value()?),
                        "cty" => members.cty = Some(map.next_value()?),
                        extension => {
                            members.crit |= extension == "crit";
                            members.b64 |= extension == "b64";
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                    if !seen.insert(name) {
                        return Err(A::Error::custom("a member twice"));
                    }
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Reader)
    }
}
