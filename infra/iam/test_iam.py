"""The policies of the templates let functions do what they do, and nobody anything else; no statement is there for nothing."""

import copy
import fnmatch
import json
import time
from collections import Counter

import pytest
from cloudformation import as_list
from deployed import DEPLOYMENTS, HERE, repository
from simulate import book, evaluate, mutants_of, needs, wrong

EXCUSED = json.loads((HERE / "uncaught.json").read_text())
# What the summary prints.
TABLE = []
FULL = "with every option"


@pytest.fixture(scope="session")
def books():
    """The cases of each deployment, in one run of the simulator with the mutants of all."""
    started = time.monotonic()
    made = {name: book(parameters) for name, parameters in DEPLOYMENTS.items()}
    # Documents that both deployments have alike are changed in one of them.
    known = {(mutant.policy, json.dumps(mutant.document, sort_keys=True)) for mutant in mutants_of(made[FULL].deployed)}
    answers = {}
    for name, one in made.items():
        changed = [m for m in mutants_of(one.deployed) if name == FULL or (m.policy, json.dumps(m.document, sort_keys=True)) not in known]
        decisions, caught = evaluate(one.deployed.policies, one.cases, changed)
        answers[name] = (one, decisions, changed, caught)
        allowed = sum(case.allowed for case in one.cases)
        excused = sum(by is None for by in caught)
        TABLE.append((name, len(one.cases), allowed, len(one.cases) - allowed, len(wrong(one.cases, decisions)), len(changed), len(changed) - excused, excused))
    TABLE.append(("seconds", round(time.monotonic() - started, 1), Counter(case.kind for case in made[FULL].cases), made[FULL].not_evaluated))
    return answers


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_what_must_be_allowed_is_and_nothing_else(books, deployment):
    one, decisions, _, _ = books[deployment]
    assert len(one.cases) > 1000
    assert wrong(one.cases, decisions) == []


def excuse(mutant):
    """Why nothing sees a mutant, if that is known: an index of EXCUSED."""
    for index, entry in enumerate(EXCUSED):
        parts = ((entry["policies"], mutant.policy), (entry["statements"], mutant.statement))
        if all(any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns) for patterns, name in parts) and mutant.change in entry["changes"]:
            return index
    return None


def test_a_change_of_any_statement_is_seen(books):
    used, unseen = set(), []
    for _, _, changed, caught in books.values():
        for mutant, by in zip(changed, caught):
            if by is None and excuse(mutant) is None:
                unseen.append(mutant.name)
            elif by is None:
                used.add(excuse(mutant))
    assert unseen == []
    assert [entry["why"] for index, entry in enumerate(EXCUSED) if index not in used] == [], "nothing needs this excuse any more"


# --- Deliberate mistakes ---------------------------------------------------------------------------------------------


def statement(deployed, policy, sid):
    """A statement of a deployed policy."""
    return next(s for s in deployed.policies[policy]["Statement"] if s.get("Sid") == sid)


def registration_may_change_users(deployed):
    adds = statement(deployed, "booking/RegistrationApiRole/RegistrationApiRolePolicy0", "AddUsers")
    adds["Action"] = ["cognito-idp:AdminCreateUser", "cognito-idp:AdminUpdateUserAttributes"]


def one_action_too_many(deployed):
    statement(deployed, "booking/BookingApiRole/BookingApiRolePolicy0", "AskForTenants")["Action"] = ["dynamodb:GetItem", "dynamodb:DeleteItem"]


def one_action_too_few(deployed):
    statement(deployed, "mileage/MileageAccrualRole/MileageAccrualRolePolicy0", "Receive")["Action"].remove("sqs:DeleteMessage")


def tenant_role_scans(deployed):
    tenants = statement(deployed, "booking/TenantRole/OneTenantsItems", "Book")
    tenants["Action"].append("dynamodb:Scan")
    # A scan has no leading keys: with this condition it would be of no use.
    del tenants["Condition"]["Null"]


def tenant_role_cannot_update(deployed):
    statement(deployed, "mileage/TenantRole/OneTenantsItems", "PostAndReadMiles")["Action"].remove("dynamodb:UpdateItem")


def tenant_role_of_another_table(deployed):
    statement(deployed, "booking/TenantRole/OneTenantsItems", "Book")["Resource"] = deployed.arn("booking", "Tenants")


def fence_without_the_last_hash(deployed):
    fence = statement(deployed, "booking/TenantRole/OneTenantsItems", "Book")["Condition"]["ForAllValues:StringLike"]
    fence["dynamodb:LeadingKeys"] = ["TENANT#${aws:PrincipalTag/tenant_id}*"]


def own_role_reads_reservations(deployed):
    own = deployed.policies["booking/BookingApiRole/BookingApiRolePolicy0"]["Statement"]
    own.append({"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": deployed.arn("booking", "Reservations")})


def nobody_may_send_spans(deployed):
    own = deployed.policies["booking/BookingApiRole/BookingApiRolePolicy0"]["Statement"]
    own.remove(statement(deployed, "booking/BookingApiRole/BookingApiRolePolicy0", "SendSpans"))


def rules_are_asked_for_their_account(deployed):
    statement(deployed, "observability/TopicKey", "RulesPublish")["Condition"] = {"StringEquals": {"aws:SourceAccount": "333333333333"}}


def isolated_function_is_not_known_to_the_api(deployed):
    deployed.policies["mileage/Api"]["Statement"][0]["Condition"]["ArnLike"]["aws:PrincipalArn"] = "arn:aws:iam::111111111111:role/*BookingApiRole*"


MISTAKES = [registration_may_change_users, one_action_too_many, one_action_too_few, tenant_role_scans, tenant_role_cannot_update,
            tenant_role_of_another_table, fence_without_the_last_hash, own_role_reads_reservations, nobody_may_send_spans,
            rules_are_asked_for_their_account, isolated_function_is_not_known_to_the_api]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_mistake(books, mistake):
    one = books[FULL][0]
    deployed = copy.copy(one.deployed)
    deployed.policies = copy.deepcopy(one.deployed.policies)
    mistake(deployed)
    changed = {policy for policy in deployed.policies if deployed.policies[policy] != one.deployed.policies[policy]}
    assert changed, "the mistake was not made"
    cases = [case for case in one.cases if changed & {*case.identity, case.resourcePolicy}]
    assert wrong(cases, evaluate(deployed.policies, cases)[0]), "no case sees it"


def recorded(function, action, resource, role="own", **more):
    return {"function": function, "role": role, "session_tags": [], "call": action, "action": action, "resource": resource, "leading_keys": [],
            "request_tags": [], **more}


@pytest.mark.parametrize(("call"), [
    recorded("booking-publisher", "sqs:ReceiveMessage", "arn:aws:sqs:<region>:<booking>:booking-parking-<stage>"),
    recorded("mileage-api", "dynamodb:Query", "arn:aws:dynamodb:<region>:<mileage>:table/mileage-ledger-<stage>", "arn:aws:iam::<mileage>:role/<TenantRole>",
             session_tags=["tenant_id=<tenant>"], leading_keys=["TENANT#<tenant>#USER#<value>"]),
    recorded("booking-api", "dynamodb:GetItem", "arn:aws:dynamodb:<region>:<booking>:table/reservations-<stage>", "arn:aws:iam::<booking>:role/<TenantRole>",
             session_tags=["tenant_id=<tenant>"], leading_keys=["TENANT#<value>#USER#<value>"]),
], ids=["something new", "another way for tenants", "the key of another tenant"])
def test_a_new_call_of_the_code_is_seen(call):
    calls = [call, *needs.CALLS]
    one = book(DEPLOYMENTS[FULL], calls)
    asked = [case for case in one.cases if case.allowed and case.action == call["action"]]
    assert wrong(asked, evaluate(one.deployed.policies, asked)[0]), "no policy was in its way"


def test_a_call_that_nobody_makes_any_more_is_seen():
    """Its permission is then one too many."""
    fewer = [call for call in needs.CALLS if call["action"] != "dynamodb:DeleteItem"]
    one = book(DEPLOYMENTS[FULL], fewer)
    cases = [case for case in one.cases if case.action == "dynamodb:DeleteItem"]
    assert wrong(cases, evaluate(one.deployed.policies, cases)[0]) == ["registration-api may not dynamodb:DeleteItem table/tenants-dev: Allowed"]


def test_a_registry_under_a_key_of_awss_is_seen():
    project = copy.deepcopy(repository())
    project.templates["booking"]["Resources"]["Tenants"]["Properties"]["SSESpecification"] = {"SSEEnabled": True}
    one = book(DEPLOYMENTS[FULL], project=project)
    cases = [case for case in one.cases if case.action == "kms:Decrypt"]
    assert any("the registry" in problem for problem in wrong(cases, evaluate(one.deployed.policies, cases)[0]))


def test_the_simulator_still_refuses_an_api_of_any_id():
    """On AWS `execute-api:…:*/stage/GET/miles` is any API. Once the simulator says so, the first step's parameters can be evaluated as well."""
    one = book({**DEPLOYMENTS["as deployed"], "MileageApiId": "*"})
    cases = [case for case in one.cases if case.allowed and case.action == "execute-api:Invoke"]
    assert wrong(cases, evaluate(one.deployed.policies, cases)[0]) == ["booking-api may execute-api:Invoke mileageApi0/dev/GET/miles: Denied"]


def test_no_function_has_a_policy_that_is_somebody_elses_list(books):
    """But for those that SAM adds: what they allow is in managed.json."""
    for one, *_ in books.values():
        assert {policy.split("/", 2)[2] for policy in one.deployed.managed} == {"AWSXrayWriteOnlyAccess", "service-role/AWSLambdaBasicExecutionRole",
                                                                               "service-role/AmazonAPIGatewayPushToCloudWatchLogs"}
        assert all(as_list(document["Statement"]) for document in one.deployed.policies.values())
