"""The first half of a stage's life, which `make test` plays: planned, deployed, tried, deployed again, changed."""

import json

import tree

QUOTE = ("GET /quotes", "GET /miles")


def test_a_plan_changes_nothing(life):
    life.wants(link_delay_seconds=3)
    plan = life.deploy_py("plan").succeeded()
    assert life.journal() == [] and not life.stacks("dev")
    for stack in ("observability", "logs", "source-booking", "source-mileage", "booking", "mileage", "portal"):
        assert f"airline-dev-{stack}" in plan.output


def test_three_empty_accounts_become_a_stage(life):
    """Its smoke test is the last part of the deployment: sign-in, quote, booking, miles, suspension, one trace id, CORS."""
    life.deploy_py("deploy").succeeded()
    assert set(life.stacks("dev").values()) <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"} and len(life.stacks("dev")) == 7
    assert life.stops() == [], "nothing was refused, and nothing that AWS would take is wrong when it is used"
    assert life.journal(rule="alarms_need_a_working_link"), "the deployment asked CloudWatch whether the links work, before they did"
    assert life.behind() == {}, "every alias is at its function's last configuration"


def test_refused_requests_have_their_way_to_the_control_plane(life):
    """From each account by a stream of its own, with a key that the stage made."""
    for account in ("booking", "mileage"):
        stream = life.client(account, "firehose").describe_delivery_stream(DeliveryStreamName="access-logs-dev")["DeliveryStreamDescription"]
        filters = life.client(account, "logs").describe_subscription_filters(logGroupName=f"/aws/apigateway/{account}-dev")["subscriptionFilters"]
        assert {each["filterName"]: each["filterPattern"] for each in filters} == {"logs-at-rest-dev": "", "access-logs-dev": '{ $.status = "4*" }'}
        assert next(each for each in filters if each["filterName"] == "access-logs-dev")["destinationArn"] == stream["DeliveryStreamARN"]
        (destination,) = stream["Destinations"]
        assert destination["HttpEndpointDestinationDescription"]["EndpointConfiguration"]["Url"] == f"{tree.INTAKE}/v1/access-logs"
        key = json.loads(life.client(account, "secretsmanager").get_secret_value(SecretId="access-logs-key-dev")["SecretString"])
        assert key.keys() == {"api_key"} and len(key["api_key"]) == 40


def test_a_quote_is_one_trace(life):
    """Of booking-api and mileage-api, by the spans that reach X-Ray's endpoint."""
    served = {name: {trace for line in life.journal(kind="spans") if name in line["names"] for trace in line["traces"]} for name in QUOTE}
    assert served["GET /miles"] and served["GET /miles"] <= served["GET /quotes"]


def test_it_can_be_tried_again(life):
    life.deploy_py("smoke").succeeded()


def test_the_same_deployment_changes_nothing(life):
    before, mark = life.fingerprint("dev"), life.mark()
    life.deploy_py("deploy").succeeded()
    assert life.changes(mark) == [], "no resource was touched"
    assert life.fingerprint("dev") == before, "no version and no object is another"


def test_a_parameter_moves_the_functions_that_read_it(life):
    before = life.versions()
    tree.override(life.tree, "dev", {"booking": ["InvitationsPerTenantAndDay=7"]})
    life.deploy_py("deploy").succeeded()
    assert moved(before, life.versions()) == {"registration-api-dev"}
    assert life.behind() == {}


def test_changed_code_moves_its_function(life):
    before = life.versions()
    tree.write_code(life.tree, "mileage-api", version=2)
    life.deploy_py("deploy").succeeded()
    assert moved(before, life.versions()) == {"mileage-api-dev"}
    assert life.behind() == {} and life.stops() == []


def moved(before, after):
    """Functions whose `live` is at another version."""
    assert before.keys() == after.keys()
    return {function for function in before if before[function] != after[function]}
