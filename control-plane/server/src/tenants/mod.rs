//! Tenants as the registry has them, and what operators change of them: nothing without a record of it.

mod names;

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use control_plane_audit::{About, Audit, AuditEvent, Outcome, What};
use control_plane_model::{complain::complain, store::Scope};
use serde::Deserialize;
use serde_json::json;
use tenancy::{RegistryEntry, TenantStatus, Tier};
use tenant_registry::{Change, Reason, Registry, RegistryError, Tenant};

use names::Names;
pub(crate) use names::NamesState;
pub use names::TenantName;

use crate::{audit::By, problem::Problem};

/// A page does not wait longer for the registry: it has more to show.
const SHOWN_WITHIN: Duration = Duration::from_secs(2);

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        let status = match error {
            RegistryError::CompanyName => StatusCode::UNPROCESSABLE_ENTITY,
            RegistryError::NoTenant(_) => StatusCode::NOT_FOUND,
            RegistryError::Stale(_) => StatusCode::CONFLICT,
            RegistryError::Unavailable(_) | RegistryError::Unknown(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, format!("The registry of tenants: {error}."))
    }
}

/// The section `[tenants]` of the configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The registry's table, by its name or ARN.
    pub(crate) table: String,
    /// The tiers that a tenant can be given.
    tiers: Vec<Tier>,
}

/// The registry, which tiers there are, and where changes are recorded.
#[derive(Debug, Clone)]
pub(crate) struct Tenants {
    registry: Registry,
    names: Names,
    pub(crate) tiers: Arc<[Tier]>,
    audit: Audit,
}

impl Tenants {
    pub(crate) async fn open(settings: &Settings, audit: Audit) -> Self {
        let registry = Registry::open(&settings.table).await;
        Self { names: Names::kept(registry.clone()), registry, tiers: settings.tiers.as_slice().into(), audit }
    }

    /// The name of a tenant's company, as it was some minutes ago, or `None` where it is not known.
    pub(crate) fn name_of(&self, id: &str) -> Option<String> {
        self.names.of(id)
    }

    /// Of the tenants that a scope sees, those whose company is called so, whatever the case; where there is none, those whose name begins so.
    pub(crate) fn called(&self, scope: &Scope, name: &str) -> Vec<TenantName> {
        self.names.called(scope, name)
    }

    /// Has the names read again soon: one was looked for that is not there.
    pub(crate) fn want_names(&self) {
        self.names.want();
    }

    /// How many of the companies' names are known, and of when.
    pub(crate) fn names_known(&self) -> NamesState {
        self.names.known()
    }

    /// A tenant, as the registry has it now.
    pub(crate) async fn get(&self, id: &str) -> Result<Tenant, Problem> {
        let id = id.parse().map_err(|_| Problem::not_found("The registry of tenants: there is no such tenant."))?;
        match tokio::time::timeout(SHOWN_WITHIN, self.registry.get(&id)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(RegistryError::Unavailable("it did not answer within 2 s".to_owned()).into()),
        }
    }

    /// Changes a tenant that is as it was shown, as `change` says of what the registry has. That this begins is recorded before, and what came of it after; where only the former is, nobody
    /// knows.
    pub(crate) async fn change(
        &self,
        id: &str,
        change: Asked,
        By(who, from): By,
        why: Reason,
    ) -> Result<Tenant, Problem> {
        let before = self.get(id).await.map_err(nothing_changed)?;
        let change = change(&before.entry)?;
        if !change.is_of(&before.entry) {
            return Err(RegistryError::Stale(Box::new(before)).into());
        }
        let what = match change {
            Change::Status { to: TenantStatus::Suspended, .. } => What::TenantSuspend,
            Change::Status { to: TenantStatus::Active, .. } => What::TenantResume,
            Change::Tier { .. } => What::TenantSetTier,
            Change::Quota { .. } => What::TenantSetQuota,
            Change::AccessLists { .. } => What::TenantSetAccessLists,
        };
        let event = |outcome| AuditEvent {
            outcome,
            about: Some(About::Tenant(id.to_owned())),
            why: Some(why.to_string()),
            before: Some(json!({ change.attribute(): change.from() })),
            after: Some(json!({ change.attribute(): change.to() })),
            ..AuditEvent::new(what, who.clone(), from.clone())
        };
        self.audit.record(event(Outcome::Begun)).await.map_err(|error| {
            let detail = format!("The audit did not take it, so nothing was changed: {error}");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        })?;
        let changed = self.registry.change(&before.entry.tenant_id, &change, &who.name, &why).await;
        let outcome = match &changed {
            Err(RegistryError::Unknown(_)) => return Ok(changed?),
            Err(_) => Outcome::Failed,
            Ok(_) => Outcome::Done,
        };
        if let Err(error) = self.audit.record(event(outcome)).await {
            complain(format_args!("the audit has that a {} began, and not that it ended: {error}", what.name()));
            if changed.is_ok() {
                let detail =
                    format!("It was changed; the audit has that it began, and did not take that it was done: {error}");
                return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail));
            }
        }
        changed.map_err(|error| nothing_changed(error.into()))
    }
}

/// What is asked for, of the entry that the registry has.
pub(crate) type Asked = Box<dyn FnOnce(&RegistryEntry) -> Result<Change, Problem> + Send>;

/// The same, for whoever wanted a change.
fn nothing_changed(problem: Problem) -> Problem {
    match problem.status {
        StatusCode::SERVICE_UNAVAILABLE => {
            Problem { detail: format!("{} Nothing was changed.", problem.detail), ..problem }
        }
        _ => problem,
    }
}
