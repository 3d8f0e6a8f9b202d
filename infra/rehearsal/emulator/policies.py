"""IAM where the emulator does not decide as AWS does: variables in conditions, and calls to another account, to which both sides must
say yes."""

import re

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import sts

from state import as_account


def install():
    """Replaces variables such as `${aws:PrincipalTag/tenant_id}` in conditions, which the emulator takes as they are written."""
    met = iam_evaluator._conditions_met
    iam_evaluator._conditions_met = lambda conditions, context: met(_replaced(conditions, context), context)


def _replaced(value, context):
    if isinstance(value, dict):
        return {key: _replaced(each, context) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, context) for each in value]
    if not isinstance(value, str):
        return value
    # A variable without a value stays, and matches nothing.
    return re.sub(r"\$\{([^}]+)\}", lambda found: str(iam_evaluator._resolve_condition_key(found[1], context) or found[0]), value)


def account_of(key):
    """The account whose session this access key is of; none if the emulator did not give it out."""
    session = sts._sessions.get(key)
    return session["Arn"].split(":")[4] if session else iam_evaluator.find_iam_access_key_account(key)


def denial(key, action, resource, policy, **keys):
    """Why the caller may not, for a resource of another account with this policy; none if it may. `keys` are context keys of the service."""
    account = account_of(key) or key
    with as_account(account):
        principal = iam_evaluator.resolve_principal(key, account, None)
        if isinstance(principal, iam_evaluator.AuthError):
            return "The security token included in the request is invalid."
        context = iam_evaluator.EvalContext(
            principal_arn=principal.arn, principal_type=principal.type, principal_account=principal.account, action=action,
            resource_arn=resource, region=get_region(), principal_keys=principal.keys, service_context=keys,
        )  # fmt: skip
        said = f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource}"
        if principal.policies is not None and iam_evaluator.evaluate(context, principal.policies, *principal.limits).decision != "Allow":
            return f"{said} because no identity-based policy allows the {action} action"
        # A policy names roles, and aws:PrincipalArn is a role's ARN, not its session's.
        context.principal_arn = re.sub(r"^arn:aws:sts::(\d+):assumed-role/([^/]+)/.*", r"arn:aws:iam::\1:role/\2", principal.arn)
        if not policy or iam_evaluator.evaluate_resource_policy(policy, context).decision != "Allow":
            return f"{said} because no resource-based policy allows the {action} action"
    return None
