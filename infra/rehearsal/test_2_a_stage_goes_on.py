"""The second half, for `make test-long` and `make rehearse`: steps that fail, a rollout that is taken back, a second stage, the end and
a new beginning."""

import tree

ALARM = "booking-server-errors-dev"
DEPLOYMENT = "d-4XKQ2M7PA"


def test_a_step_fails_and_the_next_run_goes_on(deployed):
    tree.write_code(deployed.tree, "mileage-accrual", version=2)
    error = "Resource handler returned message: \"Rate exceeded (Service: Lambda, Status Code: 429)\""
    deployed.wants(faults=[{"phase": "update", "logical": "MileageAccrual", "error": error}])
    deployed.deploy_py("deploy").failed("MileageAccrual", "Rate exceeded", "airline-dev-mileage")
    assert deployed.stacks("dev")["airline-dev-mileage"] == "UPDATE_ROLLBACK_COMPLETE"
    deployed.wants()
    deployed.deploy_py("deploy").succeeded()
    assert deployed.behind() == {}


def test_an_alarm_takes_a_rollout_back_and_is_named(deployed):
    """As CodeDeploy does: the update of the alias fails, CloudFormation takes the step back."""
    before = deployed.versions()["booking-api-dev"]
    tree.write_code(deployed.tree, "booking-api", version=2)
    error = f"CodeDeploy deployment {DEPLOYMENT} failed: the deployment was stopped and rolled back."
    deployed.wants(faults=[{"phase": "update", "logical": "BookingApiAliaslive", "error": error}], alarm=ALARM)
    deployed.deploy_py("deploy", ROLLOUT="Canary10Percent5Minutes").failed(ALARM, "BookingApiAliaslive")
    assert deployed.versions()["booking-api-dev"] == before, "users have the version before"
    deployed.wants()
    deployed.deploy_py("deploy", ROLLOUT="Canary10Percent5Minutes").succeeded()
    assert deployed.versions()["booking-api-dev"] != before and deployed.behind() == {}


def test_a_second_stage_stands_beside_the_first(deployed):
    before, mark = deployed.fingerprint("dev"), deployed.mark()
    deployed.deploy_py("deploy", "staging").succeeded()
    assert len(deployed.stacks("staging")) == 7
    touched = {line["stack"] for line in deployed.changes(mark) if line.get("stack")}
    assert touched and all(stack.startswith("airline-staging-") for stack in touched)
    assert deployed.fingerprint("dev") == before
    deployed.deploy_py("destroy", "staging", YES="1").succeeded()
    deployed.deploy_py("purge", "staging", YES="1", PURGE="staging").succeeded()
    assert not deployed.stacks("staging") and deployed.left("staging") == []
    assert len(deployed.stacks("dev")) == 7 and deployed.fingerprint("dev") == before


def test_a_destroyed_stage_keeps_its_data(deployed):
    deployed.deploy_py("destroy").failed("YES=1")
    assert len(deployed.stacks("dev")) == 7
    deployed.deploy_py("destroy", YES="1").succeeded()
    assert not deployed.stacks("dev")
    assert {"reservations-dev", "tenants-dev"} <= deployed.tables("booking") and "mileage-ledger-dev" in deployed.tables("mileage")


def test_a_stage_is_deployed_over_what_was_kept(deployed):
    """With its users and their items: the tables' keys hold what the pool calls its users."""
    pools, tenants = deployed.pools(), deployed.tenants()
    assert len(pools) == 1 and tenants
    deployed.deploy_py("deploy").succeeded()
    assert deployed.pools() == pools and tenants <= deployed.tenants()
    assert deployed.behind() == {}


def test_a_purge_leaves_nothing(deployed):
    deployed.deploy_py("destroy", YES="1").succeeded()
    listed = deployed.deploy_py("purge")
    for name in ("reservations-dev", "tenants-dev", "mileage-ledger-dev", "slo-state-dev", "portal-dev-111111111111", "logs-at-rest-dev-333333333333"):
        assert name in listed.output, f"the list has no {name}:\n{listed.tail()}"
    assert "reservations-dev" in deployed.tables("booking"), "a list deletes nothing"
    deployed.deploy_py("purge", YES="1", PURGE="dev").succeeded()
    assert deployed.left("dev") == []


def test_and_a_new_one_is_deployed(deployed):
    deployed.deploy_py("deploy").succeeded()
    assert deployed.behind() == {} and deployed.stops() == []
