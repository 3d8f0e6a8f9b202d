"""Tenants and users that a deployment makes: the canary's, and the smoke test's."""

import datetime
import json

from project_file import CLAIMS


def canary(cloud, known):
    """The canary's tenant and user, with the password of the secret that observability's stack made. Before the canary first runs."""
    outputs = known.outputs["booking"]
    secrets = cloud.client("observability", "secretsmanager")
    sign_in = json.loads(secrets.get_secret_value(SecretId=known.outputs["observability"]["CanarySecretArn"])["SecretString"])
    # What objectives per tenant leave out is what the canary's user belongs to.
    tenant = cloud.parameters("observability").get("CanaryTenant") or "canary"
    add_tenant(cloud.client("booking", "dynamodb"), outputs["TenantsTable"], tenant, "Canary")
    add_user(cloud.client("booking", "cognito-idp"), outputs["UserPoolId"], sign_in["username"], sign_in["password"], tenant)


def add_tenant(dynamodb, table, tenant, company, tier="standard"):
    """An entry of the tenant registry as `operator tenant create` writes it, unless there is one. True if it was added."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entry = {"tenant_id": tenant, "tier": tier, "status": "active", "company_name": company, "created_at": now}
    try:
        dynamodb.put_item(
            TableName=table, Item={name: {"S": text} for name, text in entry.items()}, ConditionExpression="attribute_not_exists(tenant_id)"
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def add_user(cognito, pool, username, password, tenant, tier="standard"):
    """A user with that password and tenant, whether or not there was one; nobody is mailed."""
    attributes = {"email": username, "email_verified": "true", CLAIMS["tenant"]: tenant, CLAIMS["tier"]: tier}
    listed = [{"Name": name, "Value": text} for name, text in attributes.items()]
    try:
        cognito.admin_create_user(UserPoolId=pool, Username=username, MessageAction="SUPPRESS", UserAttributes=listed)
    except cognito.exceptions.UsernameExistsException:
        cognito.admin_update_user_attributes(UserPoolId=pool, Username=username, UserAttributes=listed)
    cognito.admin_set_user_password(UserPoolId=pool, Username=username, Password=password, Permanent=True)
