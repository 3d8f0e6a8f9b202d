//! How ids of tenants and users leave with log lines.

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
        record.attributes.retain(|attribute| !self.denied.denies(&attribute.key));
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

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::logs::v1::LogRecord;

    use super::*;
    use crate::{Work, lines::Line, privacy::DenyList};

    /// The attributes of a record that served acme's alice, as they leave.
    fn left(ids: TenantIds, in_logs: LogTenant, denied: &str) -> Vec<(String, String)> {
        let (pseudonyms, denied) = (Pseudonyms::default(), DenyList::parse(denied));
        pseudonyms.set_key(b"secret");
        let work = Work::default();
        let tenant_id = "acme".parse().unwrap();
        let user_id = Some("alice@acme".parse().unwrap());
        work.serve(TenantLabel { tenant_id, tier: tenancy::Tier::named("basic"), user_id });
        let value = Some(AnyValue { value: Some(Value::StringValue("/of/alice@acme".to_owned())) });
        let attribute = KeyValue { key: "url.path".to_owned(), value, ..KeyValue::default() };
        let record = LogRecord { attributes: vec![attribute], ..LogRecord::default() };
        let [] = &work.write(Line::new("test", record))[..] else { panic!("it has room") };
        let policy = Policy { ids, pseudonyms: &pseudonyms, denied: &denied };
        let records = work.take_lines().into_iter().map(|written| policy.stamp_record(written, in_logs));
        let text = |attribute: KeyValue| match attribute.value.and_then(|value| value.value) {
            Some(Value::StringValue(text)) => (attribute.key, text),
            other => panic!("{other:?}"),
        };
        records.flat_map(|record| record.attributes).map(text).collect()
    }

    #[test]
    fn a_record_says_what_both_its_receiver_and_a_log_may_know() {
        let secret = tenancy::PseudonymKey::new(b"secret");
        let path = |text: &str| ("url.path".to_owned(), text.to_owned());
        let of = |names: [&str; 2], ids: [String; 2]| names.map(str::to_owned).into_iter().zip(ids).collect::<Vec<_>>();
        let (names, alias_names) = (["tenant.id", "enduser.id"], ["tenant.alias", "enduser.pseudo.id"]);
        let aliases = ["acme", "alice@acme"].map(|id| secret.alias(id));
        let pseudonyms = ["acme", "alice@acme"].map(|id| secret.pseudonym(id));
        let (hashed, redacted) = (path(&format!("/of/{}", pseudonyms[1])), path("/of/[redacted]"));
        for (ids, in_logs, text, named) in [
            (
                TenantIds::Plain,
                LogTenant::Plain,
                path("/of/alice@acme"),
                of(names, ["acme", "alice@acme"].map(str::to_owned)),
            ),
            (TenantIds::Plain, LogTenant::Alias, path("/of/alice@acme"), of(alias_names, aliases.clone())),
            (TenantIds::Plain, LogTenant::Nothing, path("/of/alice@acme"), vec![]),
            (TenantIds::Hmac, LogTenant::Plain, hashed.clone(), of(names, pseudonyms.clone())),
            (TenantIds::Hmac, LogTenant::Alias, hashed, of(alias_names, aliases)),
            (TenantIds::Drop, LogTenant::Plain, redacted.clone(), vec![]),
            (TenantIds::Drop, LogTenant::Alias, redacted, vec![]),
        ] {
            assert_eq!(left(ids, in_logs, ""), [vec![text], named].concat(), "{ids:?} {in_logs:?}");
        }
    }

    #[test]
    fn what_is_denied_is_on_no_record() {
        let left = left(TenantIds::Plain, LogTenant::Plain, "url.*, enduser.id");
        assert_eq!(left, [("tenant.id".to_owned(), "acme".to_owned())]);
    }
}
