//! Identifies callers by the context that a Lambda authorizer returned.

use lambda_http::{Request, RequestExt, request::RequestContext};
use serde_json::Value;
use tenancy::{Role, TenantContext};

use crate::{AuthError, ClaimNames, Identify, Identity};

/// Believes the context that a Lambda authorizer gives a request: `requestContext.authorizer` of a REST API, and with the feature `http-api`
/// `requestContext.authorizer.lambda` of an HTTP API. API Gateway puts it there and a caller cannot, so use it only for a function that nobody
/// but API Gateway may invoke.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>
#[derive(Debug, Clone)]
pub struct AuthorizerContext {
    names: ClaimNames,
}

impl AuthorizerContext {
    /// Reads the authorizer's context under these names.
    pub fn new(names: ClaimNames) -> Self {
        Self { names }
    }
}

impl Identify for AuthorizerContext {
    async fn identify(&self, request: &Request) -> Result<Identity, AuthError> {
        let context = request.request_context_ref();
        let fields = match &context {
            Some(RequestContext::ApiGatewayV1(context)) => Some(&context.authorizer.fields),
            #[cfg(feature = "http-api")]
            Some(RequestContext::ApiGatewayV2(context)) => context.authorizer.as_ref().map(|given| &given.fields),
            _ => None,
        };
        let fields = fields.filter(|fields| !fields.is_empty()).ok_or(AuthError::NotAuthorized)?;
        let text = |name: &String| fields.get(name).and_then(Value::as_str);
        let names = &self.names;
        let label = names.label(text(&names.tenant_id), text(&names.tier), text(&names.user_id))?;
        let tenant = TenantContext::vouched_by("the Lambda authorizer", label);
        Ok(Identity { tenant, role: Role::of_claim(text(&names.role)) })
    }
}
