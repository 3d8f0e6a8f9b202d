//! What is for those who run the system alone: what they did, what they investigate, and who calls for a tenant.

use control_plane_access::AccessError;
use control_plane_audit::Audit;

use super::View;
use crate::{
    api::{CallersAnswer, callers},
    investigations::Investigations,
    problem::Problem,
};

impl View {
    /// What was recorded of those who run the system.
    pub(crate) fn audit(&self) -> Result<&Audit, AccessError> {
        self.require_staff().map(|()| &self.sources.audit)
    }

    /// What they investigate.
    pub(crate) fn investigations(&self) -> Result<&Investigations, AccessError> {
        self.require_staff().map(|()| &self.sources.investigations)
    }

    /// From where a tenant's requests of the last 24 hours came, and by whom.
    pub(crate) async fn callers(&self, id: &str) -> Result<CallersAnswer, Problem> {
        self.require_staff()?;
        self.in_turn(callers::of_the_last_day(&*self.sources.spans, &self.scope, id)).await
    }

    fn require_staff(&self) -> Result<(), AccessError> {
        let for_all = self.scope.tenant().is_none();
        for_all.then_some(()).ok_or(AccessError::NotAllowed("This is for those who run the system."))
    }
}
