//! The function that lets people in: companies register themselves, admins invite colleagues.

use std::sync::Arc;

use booking::{
    handlers::{invite, register},
    rate_limits::RateLimits,
    settings::RegistrationApi,
    tenants::Tenants,
    user_pool::UserPool,
};
use function_settings::Variables;
use http::{Method, Response};
use lambda_http::{Adapter, Body, Request};
use lambda_problem::{Problem, cors_layer, no_such_route, route};
use lambda_runtime::{Error, Runtime};
use tenant_auth::ApiFunction;
use tenant_telemetry::{AwsSdkTracing, HttpLayer};
use tower::{Layer, ServiceExt, service_fn};

struct App {
    limits: RateLimits,
    tenants: Tenants,
    users: UserPool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = RegistrationApi::read(&Variables::of_process())?;
    let tenants_table = settings.api.registry.table.clone();
    let ApiFunction { config, telemetry, auth, .. } = ApiFunction::start(settings.api).await?;

    let dynamodb = aws_sdk_dynamodb::config::Builder::from(&config).interceptor(AwsSdkTracing::new());
    let dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb.build());
    let cognito = aws_sdk_cognitoidentityprovider::config::Builder::from(&config).interceptor(AwsSdkTracing::new());
    let app = Arc::new(App {
        limits: RateLimits::new(dynamodb.clone(), settings.registrations_table, settings.limits),
        tenants: Tenants::new(dynamodb, tenants_table),
        users: UserPool::new(cognito, settings.user_pool_id),
    });

    // Only an invitation has somebody to verify.
    let inviting = app.clone();
    let invitations = auth.layer(service_fn(move |request| serve_admin(inviting.clone(), request)));
    let handler = service_fn(move |request: Request| {
        let (app, invitations) = (app.clone(), invitations.clone());
        async move {
            match (request.method(), route(&request).as_str()) {
                (&Method::POST, "/registrations") => register(&app.limits, &app.tenants, &app.users, &request).await,
                (&Method::POST, "/invitations") => invitations.oneshot(request).await,
                _ => Err(no_such_route()),
            }
        }
    });
    let handler = cors_layer(settings.allowed_origin).layer(HttpLayer::new().layer(handler));
    Runtime::new(Adapter::from(handler)).layer(telemetry.export_layer()).run_concurrent().await
}

async fn serve_admin(app: Arc<App>, request: Request) -> Result<Response<Body>, Problem> {
    invite(&app.limits, &app.tenants, &app.users, &request).await
}
