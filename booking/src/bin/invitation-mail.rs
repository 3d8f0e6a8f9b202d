//! The function that writes invitations, invoked by the user pool before it mails them.

use booking::{
    handlers::{trace_of_caller, write_invitation},
    settings::InvitationMail,
};
use function_settings::Variables;
use lambda_http_client::aws;
use lambda_runtime::{Error, LambdaEvent, Runtime};
use serde_json::Value;
use tenant_telemetry::{InvocationLayer, Telemetry};
use tower::{Layer, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let InvitationMail { telemetry, portal_url } = InvitationMail::read(&Variables::of_process())?;
    let config = aws::config(telemetry.roots()).await;
    let telemetry = Telemetry::start_function(telemetry, &config).await?;

    let handler = service_fn(move |event: LambdaEvent<Value>| {
        let answer = write_invitation(portal_url.as_deref(), event.payload);
        async move { Ok::<_, Error>(answer) }
    });
    let handler = InvocationLayer::new("other").continuing(trace_of_caller).layer(handler);
    Runtime::new(handler).layer(telemetry.export_layer()).run_concurrent().await
}
