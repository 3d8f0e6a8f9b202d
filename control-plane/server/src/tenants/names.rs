//! Companies' names by tenant, as the registry had them some minutes ago. A page looks them up and waits for nobody.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use control_plane_model::{complain::complain, store::Scope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenant_registry::{Registry, RegistryError};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

/// Between two readings of the registry.
const EVERY: Duration = Duration::from_secs(300);
/// The same, where somebody asked for a name that is not there: a tenant that has just registered.
const SOONER: Duration = Duration::from_secs(15);
/// A reading that takes longer is given up.
const WITHIN: Duration = Duration::from_secs(60);
/// The most tenants whose names are kept.
const MOST: usize = 20_000;

/// A tenant and the name of its company.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TenantName {
    /// `tenant.id`
    pub tenant: String,
    /// The company's name, or `None` where it is not known.
    pub company: Option<String>,
}

/// How complete the names are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamesState {
    /// No names are known: the registry has not been read yet, or cannot be read.
    Nothing,
    /// All names as of this moment.
    At(Timestamp),
    /// Some names as of this moment, since there were more tenants than are kept.
    PartAt(Timestamp),
}

/// The names, which a task keeps reading.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    read: watch::Receiver<Arc<NamesSnapshot>>,
    wanted: Arc<Notify>,
}

#[derive(Debug, Default)]
struct NamesSnapshot {
    /// The name, and the same in lower case.
    companies: BTreeMap<String, (String, String)>,
    known: Option<(Timestamp, bool)>,
}

impl Names {
    /// Reads the registry, now and again and again.
    pub(super) fn kept(registry: Registry) -> Self {
        let (told, read) = watch::channel(Arc::default());
        let wanted = Arc::new(Notify::new());
        let names = Self { read, wanted: wanted.clone() };
        tokio::spawn(async move {
            while !told.is_closed() {
                match timeout(WITHIN, registry.names(MOST)).await {
                    Ok(Ok((names, complete))) => {
                        told.send_replace(Arc::new(NamesSnapshot::of(names, complete, Timestamp::now())));
                    }
                    Ok(Err(error)) => not_read(&error),
                    Err(_) => not_read(&RegistryError::Unavailable(format!("no answer within {} s", WITHIN.as_secs()))),
                }
                sleep(SOONER).await;
                tokio::select! {
                    () = sleep(EVERY - SOONER) => {}
                    () = wanted.notified() => {}
                }
            }
        });
        names
    }

    /// The name of a tenant's company, where it is known.
    pub(crate) fn of(&self, tenant: &str) -> Option<String> {
        self.read.borrow().companies.get(tenant).map(|(name, _)| name.clone())
    }

    /// Of the tenants that a scope sees, those whose company is called so, whatever the case; where there is none, those whose name begins so.
    pub(crate) fn called(&self, scope: &Scope, name: &str) -> Vec<TenantName> {
        self.read.borrow().called(scope, name)
    }

    /// Says that a name was looked for that is not there: they are read again soon.
    pub(crate) fn want(&self) {
        self.wanted.notify_one();
    }

    /// How much of it there is.
    pub(crate) fn known(&self) -> NamesState {
        match self.read.borrow().known {
            None => NamesState::Nothing,
            Some((at, true)) => NamesState::At(at),
            Some((at, false)) => NamesState::PartAt(at),
        }
    }
}

fn not_read(error: &RegistryError) {
    complain(format_args!("names of companies: {error}"));
}

impl NamesSnapshot {
    fn of(names: Vec<(String, String)>, complete: bool, at: Timestamp) -> Self {
        let companies = names.into_iter().map(|(id, name)| {
            let lower = name.to_lowercase();
            (id, (name, lower))
        });
        Self { companies: companies.collect(), known: Some((at, complete)) }
    }

    fn called(&self, scope: &Scope, name: &str) -> Vec<TenantName> {
        let wanted = name.trim().to_lowercase();
        // What others are called decides nothing: else whoever has a name that begins like theirs could tell whether they are there.
        let those = |is: &dyn Fn(&str) -> bool| -> Vec<TenantName> {
            let found = self.companies.iter().filter(|(id, (_, lower))| scope.sees(Some(id)) && is(lower));
            found.map(|(id, (name, _))| TenantName { tenant: id.clone(), company: Some(name.clone()) }).collect()
        };
        if wanted.is_empty() {
            return Vec::new();
        }
        let whole = those(&|lower| lower == wanted);
        if whole.is_empty() { those(&|lower| lower.starts_with(&wanted)) } else { whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_company_is_found_by_its_name_or_how_that_begins() {
        let names = [("t-1", "Oceanic"), ("t-2", "Oceanic Cargo"), ("t-3", "Ärger & Söhne"), ("t-4", "OCEANIC")];
        let names = names.map(|(id, name)| (id.to_owned(), name.to_owned())).to_vec();
        let read = NamesSnapshot::of(names, true, Timestamp::UNIX_EPOCH);
        let called = |scope: Scope, name: &str| {
            read.called(&scope, name).into_iter().map(|named| named.tenant).collect::<Vec<_>>().join(" ")
        };
        let found = |name: &str| called(Scope::All, name);
        assert_eq!(found("oceanic"), "t-1 t-4", "the whole name before its beginning");
        assert_eq!(found(" Ocean "), "t-1 t-2 t-4");
        assert_eq!(found("ärger"), "t-3");
        assert_eq!((found("cargo"), found(" ")), (String::new(), String::new()));
        // A tenant finds itself by how its name begins, whoever else is called just that.
        let own = |name: &str| called(Scope::Tenant("t-2".to_owned()), name);
        assert_eq!((own("Oceanic"), own("ärger")), ("t-2".to_owned(), String::new()));
    }
}
