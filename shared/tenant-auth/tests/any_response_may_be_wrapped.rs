//! The layers go around a handler as it is: an axum router, a service that cannot fail, one that answers a text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::convert::Infallible;

use axum::{Extension, Json, Router, extract::Path, http::StatusCode, routing::get};
use http::Response;
use lambda_http::{Body, Request, request};
use lambda_problem::Problem;
use serde_json::{Value, json};
use tenancy::{Role, TenantContext};
use tenant_auth::{AuthLayer, AuthorizerContext, ClaimNames, Tier};
use tenant_telemetry::HttpLayer;
use tower::{Layer, Service, ServiceExt, service_fn};

/// A request as API Gateway hands it on, after an authorizer that said this.
fn through_an_authorizer(path: &str, context: &Value) -> Request {
    let event = json!({
        "resource": "/parcels/{number}", "path": path, "httpMethod": "GET", "headers": {}, "multiValueHeaders": {}, "isBase64Encoded": false,
        "requestContext": { "httpMethod": "GET", "resourcePath": "/parcels/{number}", "identity": {}, "authorizer": context },
    });
    request::from_str(&event.to_string()).unwrap()
}

fn auth() -> AuthLayer<AuthorizerContext> {
    AuthLayer::new(AuthorizerContext::new(ClaimNames::plain([Tier::named("free")])))
}

fn acme() -> Value {
    json!({ "principalId": "p", "tenant_id": "acme", "tier": "free", "role": "admin" })
}

async fn ask<S>(service: S, request: Request) -> Response<Body>
where
    S: Service<Request, Response = Response<Body>>,
    S::Error: std::fmt::Debug,
{
    service.oneshot(request).await.unwrap()
}

fn text(response: &Response<Body>) -> &str {
    let Body::Text(text) = response.body() else { panic!("{:?}", response.body()) };
    text
}

#[tokio::test]
async fn an_axum_router_is_wrapped_as_it_is() {
    async fn parcel(
        Extension(tenant): Extension<TenantContext>,
        Extension(role): Extension<Role>,
        Path(number): Path<String>,
    ) -> (StatusCode, Json<Value>) {
        let parcel = json!({ "number": number, "tenant": tenant.tenant_id, "for_admin": role == Role::Admin });
        (StatusCode::ACCEPTED, Json(parcel))
    }
    async fn lost() -> Response<axum::body::Body> {
        Problem::new(StatusCode::NOT_FOUND, "no_parcel", "No such parcel.").into_response()
    }
    let router = Router::new().route("/parcels/{number}", get(parcel)).route("/parcels/lost", get(lost));
    let handler = HttpLayer::new().layer(auth().layer(router));

    let served = ask(handler.clone(), through_an_authorizer("/parcels/P-1", &acme())).await;
    let body: Value = serde_json::from_str(text(&served)).unwrap();
    assert_eq!(
        (served.status(), body),
        (StatusCode::ACCEPTED, json!({ "number": "P-1", "tenant": "acme", "for_admin": true }))
    );

    for (path, context, status, code) in
        [("/parcels/P-1", Value::Null, 401, "not_authorized"), ("/parcels/lost", acme(), 404, "no_parcel")]
    {
        let refused = ask(handler.clone(), through_an_authorizer(path, &context)).await;
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["content-type"]),
            (status, &"application/problem+json".parse().unwrap())
        );
        let problem: Value = serde_json::from_str(text(&refused)).unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)));
    }
}

#[tokio::test]
async fn whatever_lambda_http_answers_with_is_wrapped() {
    let greets = service_fn(async |_: Request| Ok::<_, Infallible>("hello"));
    let greeted = ask(HttpLayer::new().layer(auth().layer(greets)), through_an_authorizer("/", &acme())).await;
    assert_eq!(text(&greeted), "hello");

    let fails = service_fn(async |_: Request| Err::<Value, _>(Problem::internal()));
    let failed = ask(HttpLayer::new().layer(fails), through_an_authorizer("/", &acme())).await;
    assert_eq!(failed.status(), 500);
}
