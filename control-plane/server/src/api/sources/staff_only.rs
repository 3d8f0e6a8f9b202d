//! What is for those who run the system alone: what they did, and what they investigate.

use control_plane_access::AccessError;
use control_plane_audit::Audit;

use super::View;
use crate::investigations::Investigations;

impl View {
    /// What was recorded of those who run the system.
    pub(crate) fn audit(&self) -> Result<&Audit, AccessError> {
        self.require_staff().map(|()| &self.sources.audit)
    }

    /// What they investigate.
    pub(crate) fn investigations(&self) -> Result<&Investigations, AccessError> {
        self.require_staff().map(|()| &self.sources.investigations)
    }

    fn require_staff(&self) -> Result<(), AccessError> {
        let for_all = self.scope.tenant().is_none();
        for_all.then_some(()).ok_or(AccessError::NotAllowed("This is for those who run the system."))
    }
}
