"""A function's version moves when its code, or a parameter that it reads, is another; and no other function's does."""

import pytest

from deployment import versions
from deployment.config import read
from project import ROOT

BOOKING = {"Stage": "dev", "MileageAccountId": "2" * 12, "Exporter": "direct"}
MILEAGE = {"Stage": "dev", "BookingAccountId": "1" * 12, "UserPoolArn": "arn", "UserPoolId": "id", "UserPoolClientId": "client"}


def of(kind, more=None, code=None, template=None):
    given = {**(BOOKING if kind == "booking" else MILEAGE), **(more or {})}
    return versions.hashes(kind, given, "1" * 12, template, lambda function: (code or {}).get(function, function))


def moved(kind, more=None, **how):
    before, after = of(kind), of(kind, more, **how)
    return {name.removesuffix("VersionHash") for name in before if before[name] != after[name]}


@pytest.mark.parametrize(("kind", "more", "functions"), [
    ("booking", {"MileageApiUrl": "https://b.example"}, {"BookingApi"}),
    ("booking", {"AllowedOrigin": "https://portal.example"}, {"BookingApi", "RegistrationApi"}),
    ("booking", {"InvitationsPerTenantAndDay": "7"}, {"RegistrationApi"}),
    ("booking", {"MemorySize": "512"}, {"BookingApi", "RegistrationApi"}),
    ("booking", {"Exporter": "udp"}, {"BookingApi", "RegistrationApi"}),
    ("booking", {"LogRetentionDays": "7"}, set()),
    ("booking", {"AlarmTopicArn": "arn:aws:sns:eu-west-1:333333333333:notices-dev"}, set()),
    ("booking", {"MileageApiId": "abc"}, set()),
    ("booking", {"ShiftTraffic": "true", "Rollout": "Canary10Percent5Minutes"}, set()),
    ("booking", {"WebAcl": "false"}, set()),
    ("mileage", {"UserPoolClientId": "another"}, {"MileageApi"}),
    ("mileage", {"Tiers": "basic"}, set()),
])  # fmt: skip
def test_a_parameter_moves_the_functions_that_read_it(kind, more, functions):
    assert moved(kind, more) == functions


def test_code_moves_its_own_function():
    assert moved("booking", code={"booking-api": "another"}) == {"BookingApi"}
    assert moved("booking", code={"registration-api": "another"}) == {"RegistrationApi"}


def test_the_same_again_moves_nothing():
    assert of("booking") == of("booking") and of("mileage") == of("mileage")


def test_the_hash_of_a_version_does_not_hang_on_the_last_one():
    first = of("booking")
    assert of("booking", first) == first


def test_every_function_with_an_alias_has_its_hash():
    for kind, hashes in versions.HASHES.items():
        template = read(ROOT / f"infra/{kind}/template.yaml")
        published = {
            logical: each["Properties"]["AutoPublishCodeSha256"] for logical, each in template["Resources"].items()
            if "AutoPublishAlias" in each.get("Properties", {})
        }  # fmt: skip
        assert {logical for logical, _ in hashes.values()} == published.keys()
        for parameter, (logical, _) in hashes.items():
            assert parameter in str(published[logical])


def test_the_code_is_every_file_of_the_package(monkeypatch, tmp_path):
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    folder = tmp_path / "target/lambda/booking-api"
    folder.mkdir(parents=True)
    (folder / "bootstrap").write_text("one")
    first = versions.code_digest("booking-api")
    (folder / "collector.yaml").write_text("receivers:")
    second = versions.code_digest("booking-api")
    (folder / "bootstrap").write_text("two")
    assert len({first, second, versions.code_digest("booking-api")}) == 3


class Lambda:
    """A function with versions, whose alias is at one."""

    class exceptions:
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self, live, published, weights=()):
        self.live, self.published, self.weights, self.deleted = live, published, weights, []

    def get_alias(self, FunctionName, Name):
        if not self.live:
            raise self.exceptions.ResourceNotFoundException
        return {"FunctionVersion": self.live, "RoutingConfig": {"AdditionalVersionWeights": dict.fromkeys(self.weights, 0.1)}}

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        return [{"Versions": [{"Version": version} for version in ("$LATEST", *self.published)]}]

    def delete_function(self, FunctionName, Qualifier):
        self.deleted.append(Qualifier)


@pytest.mark.parametrize(("live", "published", "weights", "deleted"), [
    ("3", ["1", "2", "3", "4"], [], ["4"]),
    ("3", ["1", "2", "3"], [], []),
    ("3", ["3", "4"], ["4"], []),
    ("9", ["9", "10"], [], ["10"]),
    (None, [], [], []),
])  # fmt: skip
def test_a_version_that_a_rolled_back_step_left_is_forgotten(live, published, weights, deleted):
    function = Lambda(live, published, weights)
    versions.forget_after_live(function, "booking-api-dev")
    assert function.deleted == deleted
