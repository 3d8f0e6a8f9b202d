//! Cognito is about to mail somebody: an invitation names the company.
//!
//! Without an answer Cognito fails whoever adds a user. So there always is one: an event of another kind, or one that cannot be read, goes back
//! as it came, and Cognito mails the user pool's own text.

use std::collections::HashMap;

use airline_events::TIERS;
use aws_lambda_events::cognito::{
    CognitoEventUserPoolsCustomMessage as CustomMessage,
    CognitoEventUserPoolsCustomMessageTriggerSource as TriggerSource,
};
use serde::Deserialize;
use serde_json::Value;
use tenancy::{TenantLabel, Tiers};
use tenant_telemetry::Work;

use crate::domain::{InvitationMail, Placeholders};

/// The event as Cognito wants it back. An invitation has its subject and text in the response.
pub fn write_invitation(portal_url: Option<&str>, mut event: Value) -> Value {
    let Ok(message) = CustomMessage::deserialize(&event) else {
        tracing::warn!("an event that cannot be read goes back as it came");
        return event;
    };
    if let Some(tenant) = tenant(&message) {
        Work::current().serve(tenant);
    }
    let mail = invitation(portal_url, &message);
    tracing::info!(trigger_source = ?message.cognito_event_user_pools_header.trigger_source, names_company = mail.is_some(), "mail");
    if let (Some(mail), Some(response)) = (mail, event.get_mut("response").and_then(Value::as_object_mut)) {
        response.insert("emailSubject".to_owned(), mail.subject.into());
        response.insert("emailMessage".to_owned(), mail.message.into());
    }
    event
}

/// The trace of whoever adds the user, which they give as client metadata.
pub fn trace_of_caller(event: &Value) -> HashMap<String, String> {
    let metadata = event.pointer("/request/clientMetadata").and_then(Value::as_object).into_iter().flatten();
    metadata.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn invitation(portal_url: Option<&str>, message: &CustomMessage) -> Option<InvitationMail> {
    if message.cognito_event_user_pools_header.trigger_source != Some(TriggerSource::AdminCreateUser) {
        return None;
    }
    let placeholders = Placeholders {
        username: message.request.username_parameter.as_deref()?,
        password: message.request.code_parameter.as_deref()?,
    };
    InvitationMail::of_company(attribute(message, "custom:company-name")?, portal_url, placeholders)
}

/// Whom the mail is about. Nobody but the functions that add users writes these attributes.
fn tenant(message: &CustomMessage) -> Option<TenantLabel> {
    Some(TenantLabel {
        tenant_id: attribute(message, "custom:tenant-id")?.parse().ok()?,
        tier: Tiers::from(TIERS).parse(attribute(message, "custom:tier-level")?).ok()?,
        user_id: attribute(message, "sub").and_then(|sub| sub.parse().ok()),
    })
}

fn attribute<'a>(message: &'a CustomMessage, name: &str) -> Option<&'a str> {
    message.request.user_attributes.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As Cognito sends it: <https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-custom-message.html>.
    fn event() -> Value {
        json!({
            "version": "1",
            "triggerSource": "CustomMessage_AdminCreateUser",
            "region": "eu-west-1",
            "userPoolId": "eu-west-1_Example",
            "userName": "5dc4e0a6-8d2f-4a6a-9c1b-2f9f0f6a7a11",
            "callerContext": { "awsSdkVersion": "aws-sdk-rust-1", "clientId": "CLIENT_ID_NOT_APPLICABLE" },
            "request": {
                "userAttributes": {
                    "sub": "5dc4e0a6-8d2f-4a6a-9c1b-2f9f0f6a7a11",
                    "email": "ann@acme.example",
                    "email_verified": true,
                    "custom:tenant-id": "acme",
                    "custom:tier-level": "basic",
                    "custom:company-name": "Acme Airways",
                },
                "codeParameter": "{####}",
                "usernameParameter": "{username}",
                "clientMetadata": { "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
            },
            "response": { "smsMessage": null, "emailMessage": null, "emailSubject": null },
        })
    }

    #[test]
    fn an_invitation_names_the_company() {
        let event = event();
        let answer = write_invitation(Some("https://portal.example"), event.clone());
        assert_eq!(answer["response"]["emailSubject"], "Your account at Acme Airways");
        let message = answer["response"]["emailMessage"].as_str().unwrap();
        assert!(
            ["at Acme Airways", "https://portal.example", "{username}", "{####}"]
                .iter()
                .all(|part| message.contains(part)),
            "{message}"
        );
        assert_eq!((&answer["request"], &answer["response"]["smsMessage"]), (&event["request"], &Value::Null));
    }

    #[test]
    fn it_is_of_the_tenant_that_the_pool_knows() {
        let tenant_of = |event: Value| tenant(&CustomMessage::deserialize(&event).unwrap());
        let tenant = tenant_of(event()).unwrap();
        assert_eq!((tenant.tenant_id.as_str(), tenant.tier.as_str()), ("acme", "basic"));
        assert_eq!(tenant.user_id.unwrap().as_str(), "5dc4e0a6-8d2f-4a6a-9c1b-2f9f0f6a7a11");
        for (name, value) in [("custom:tenant-id", "a b"), ("custom:tier-level", "gold")] {
            let mut event = event();
            event["request"]["userAttributes"][name] = value.into();
            assert_eq!(tenant_of(event), None, "{name}");
        }
    }

    #[test]
    fn the_trace_of_whoever_invites_goes_on() {
        assert_eq!(trace_of_caller(&event())["traceparent"], "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert!(trace_of_caller(&Value::Null).is_empty());
    }

    #[test]
    fn nothing_keeps_a_user_from_being_added() {
        let with = |pointer: &str, value: Value| {
            let mut event = event();
            *event.pointer_mut(pointer).unwrap() = value;
            event
        };
        let other = ["ForgotPassword", "ResendCode", "UpdateUserAttribute", "Authentication", "OfAnotherYear"];
        let other = other.map(|kind| with("/triggerSource", format!("CustomMessage_{kind}").into()));
        let attributes = "/request/userAttributes";
        let nameless = [
            Value::Null,
            json!({}),
            json!({ "custom:company-name": null }),
            json!({ "custom:company-name": "{####}" }),
        ];
        let nameless = nameless.map(|without| with(attributes, without));
        let places = ["/request/codeParameter", "/request/usernameParameter"].map(|place| with(place, Value::Null));
        let odd = [
            with("/response", Value::Null),
            with("/response", json!([])),
            with("/request", json!("?")),
            Value::Null,
            json!([1]),
        ];
        for event in other.into_iter().chain(nameless).chain(places).chain(odd) {
            assert_eq!(write_invitation(None, event.clone()), event);
        }
    }
}
