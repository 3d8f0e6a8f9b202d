//! Which certificate authorities TLS trusts. Loading a system's store takes longer than everything else that a function does before its first
//! request, and AWS's services need only five of its certificates.

use std::str::FromStr;

use function_settings::{InvalidSettings, Reader, Variables};

/// Amazon's roots, <https://www.amazontrust.com/repository/>: Amazon Root CA 1 to 4 and Starfield Services G2.
const AMAZON: &[u8] = include_bytes!("roots/amazon.pem");

/// A set of certificate authorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Roots {
    /// The authorities that sign AWS's own endpoints, compiled in.
    #[default]
    Amazon,
    /// The certificate store of the system.
    System,
}

impl Roots {
    /// [`Roots::read`] of the process's environment.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] where `TLS_ROOTS` is something else.
    pub fn from_env() -> Result<Self, InvalidSettings> {
        Variables::of_process().read(Self::read)
    }

    /// Amazon's roots, or the system's where `TLS_ROOTS` is `system` or `SSL_CERT_FILE` names a store.
    pub fn read(read: &mut Reader<'_>) -> Self {
        let own_store = read.optional("SSL_CERT_FILE").is_some();
        match read.parsed("TLS_ROOTS") {
            Self::Amazon if own_store => Self::System,
            roots => roots,
        }
    }

    /// The roots that a client of `url` needs: these for AWS, and the system's for any other `https` address.
    #[must_use]
    pub fn for_url(self, url: &str) -> Self {
        let host = url.strip_prefix("https://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
        match host {
            Some(host) if !host.ends_with(".amazonaws.com") && !host.ends_with(".amazonaws.com.cn") => Self::System,
            _ => self,
        }
    }
}

impl FromStr for Roots {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "amazon" => Ok(Self::Amazon),
            "system" => Ok(Self::System),
            _ => Err(format!("{text:?} is not amazon or system")),
        }
    }
}

/// The TLS configuration of hyper's client, where the AWS SDK is not used.
#[cfg(not(feature = "aws"))]
pub(crate) mod plain {
    use std::sync::{Arc, OnceLock};

    use rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, pem::PemObject as _},
    };
    use rustls_native_certs::load_native_certs;

    use super::{AMAZON, Roots};

    /// The TLS configuration that trusts `roots`, made once in a process.
    pub(crate) fn config(roots: Roots) -> ClientConfig {
        static OF: [OnceLock<ClientConfig>; 2] = [OnceLock::new(), OnceLock::new()];
        let [amazon, system] = &OF;
        match roots {
            Roots::Amazon => amazon.get_or_init(|| trusting(amazons().iter().cloned())),
            Roots::System => system.get_or_init(|| trusting(load_native_certs().certs)),
        }
        .clone()
    }

    fn trusting(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> ClientConfig {
        let mut store = RootCertStore::empty();
        // One that cannot be read is left out, as in a system's store that has an old one; without any, every connection is refused.
        store.add_parsable_certificates(certificates);
        // Named, since a process may have another provider linked in too.
        let aws_lc = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(aws_lc).with_safe_default_protocol_versions();
        builder.unwrap_or_else(|_| ClientConfig::builder()).with_root_certificates(store).with_no_client_auth()
    }

    pub(super) fn amazons() -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(AMAZON).filter_map(Result::ok).collect()
    }
}

/// The SDK's client on the same library.
#[cfg(feature = "aws")]
pub(crate) mod sdk {
    use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};

    use super::{AMAZON, Roots};

    /// rustls on aws-lc.
    pub(crate) fn provider() -> Provider {
        Provider::Rustls(CryptoMode::AwsLc)
    }

    /// A TLS context that trusts `roots`.
    pub(crate) fn context(roots: Roots) -> TlsContext {
        let store = match roots {
            Roots::Amazon => TrustStore::empty().with_pem_certificate(AMAZON),
            Roots::System => TrustStore::empty().with_native_roots(true),
        };
        // Only a store without certificates is refused.
        TlsContext::builder().with_trust_store(store).build().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_beyond_aws_needs_the_systems_store() {
        for (url, roots) in [
            ("http://localhost:4318", Roots::Amazon),
            ("https://xray.eu-central-1.amazonaws.com/v1/traces", Roots::Amazon),
            ("https://otlp.vendor.example/v1/traces", Roots::System),
            ("https://amazonaws.com.evil.example", Roots::System),
        ] {
            assert_eq!(Roots::Amazon.for_url(url), roots, "{url}");
            assert_eq!(Roots::System.for_url(url), Roots::System, "{url}");
        }
    }

    #[test]
    fn the_systems_store_is_asked_for_by_name_or_by_one_of_ones_own() {
        let of = |variables: &'static [(&str, &str)]| {
            let value = |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned());
            Variables::from_fn(value).read(Roots::read).map_err(|error| error.to_string())
        };
        assert_eq!(of(&[]), Ok(Roots::Amazon));
        assert_eq!(of(&[("TLS_ROOTS", "amazon")]), Ok(Roots::Amazon));
        assert_eq!(of(&[("TLS_ROOTS", "system")]), Ok(Roots::System));
        assert_eq!(of(&[("SSL_CERT_FILE", "/etc/ca.pem")]), Ok(Roots::System));
        let mistake = "settings: TLS_ROOTS: \"sytem\" is not amazon or system".to_owned();
        assert_eq!(of(&[("TLS_ROOTS", "sytem")]), Err(mistake));
    }

    #[test]
    fn amazons_roots_are_five_certificates() {
        let pem = std::str::from_utf8(AMAZON).unwrap();
        assert_eq!(pem.matches("-----BEGIN CERTIFICATE-----").count(), 5);
        #[cfg(not(feature = "aws"))]
        assert_eq!(rustls::RootCertStore::empty().add_parsable_certificates(plain::amazons()), (5, 0));
    }
}
