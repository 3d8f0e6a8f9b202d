//! What of a tenant and a user leaves with a log line.

use std::sync::Arc;

use opentelemetry::StringValue;
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::LogRecord,
};
use tenancy::{HiddenIds, TenantIds, TenantLabel};

use super::{
    lines::LogTenant,
    privacy::{Policy, Pseudonyms},
    work::Written,
};

impl Policy<'_> {
    /// The record of a line, with what `tenant_in_logs` has it say of the tenant and the user, as far as the policy allows. Texts in it that
    /// hold an id of the user's or of an annotation's are treated as those of spans are.
    pub(super) fn stamp_record(self, written: Written, tenant_in_logs: LogTenant) -> LogRecord {
        let (mut record, about) = (written.item.record, written.about);
        let hidden = self.named(&about).hidden();
        if !hidden.is_empty() {
            let texts = record.attributes.iter_mut().filter_map(|attribute| attribute.value.as_mut());
            record.body.iter_mut().chain(texts).for_each(|value| hide_in(value, &hidden));
        }
        let fields = about.tenant().map(|tenant| self.pseudonyms.log_fields(tenant, tenant_in_logs, self.ids));
        for (name, id) in fields.into_iter().flatten() {
            let value = Some(AnyValue { value: Some(Value::StringValue(id)) });
            record.attributes.push(KeyValue { key: name.to_owned(), value, ..KeyValue::default() });
        }
        record
    }
}

impl Pseudonyms {
    /// What a log line says of the tenant and the user that it served, by the names of its fields.
    pub(super) fn log_fields(
        &self,
        tenant: &TenantLabel,
        in_logs: LogTenant,
        ids: TenantIds,
    ) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let tenant_id = self.in_log(tenant.tenant_id.to_shared(), in_logs, ids);
        let user = tenant.user_id.as_ref().and_then(|user| self.in_log(user.to_shared(), in_logs, ids));
        in_logs.attributes().into_iter().zip([tenant_id, user]).filter_map(|(name, id)| Some((name, id?)))
    }

    /// What a log says of the id of a tenant or a user, where ids may leave as `ids` has it. An alias is the beginning of a pseudonym, so where
    /// ids are dropped there is none.
    pub(super) fn in_log(&self, id: Arc<str>, in_logs: LogTenant, ids: TenantIds) -> Option<String> {
        match in_logs {
            LogTenant::Alias if ids == TenantIds::Drop => None,
            LogTenant::Alias => self.alias(&id),
            LogTenant::Plain => self.export(id, ids).map(StringValue::into),
            LogTenant::Nothing => None,
        }
    }
}

fn hide_in(value: &mut AnyValue, hidden: &HiddenIds) {
    if let Some(Value::StringValue(text)) = &mut value.value
        && let Some(replaced) = hidden.replaced(text)
    {
        *text = replaced;
    }
}
