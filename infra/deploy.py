"""Deploys a stage into its three accounts, in order; takes it down; prints its outputs.

Every step can be repeated. A stack that is as it should be is left alone; one that is still changing is waited for; one whose creation
failed is taken away first; one that was changed by hand stops the deployment until somebody has looked.
"""

import argparse
import mimetypes
import os
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "infra/samconfig.toml"
PORTAL = ROOT / "portal/dist"
FUNCTIONS = {
    "observability": ["slo-evaluator"],
    "booking": ["booking-api", "registration-api", "booking-publisher"],
    "mileage": ["mileage-accrual", "mileage-api"],
}


@dataclass
class Step:
    """A stack to deploy, and what it gets of the accounts and of the stacks before it."""

    name: str
    account: str
    template: str
    parameters: Callable[[dict, dict], dict]


def observability(accounts, _):
    return {
        "BookingAccountId": accounts["booking"],
        "MileageAccountId": accounts["mileage"],
        "SourceAccountIds": f"{accounts['booking']},{accounts['mileage']}",
    }


def canary(accounts, outputs):
    return {**observability(accounts, outputs), **where_things_are(outputs)}


def booking(accounts, outputs):
    parameters = {"MileageAccountId": accounts["mileage"], "AlarmTopicArn": outputs["observability"]["NoticesTopicArn"], **rollout()}
    if "mileage" in outputs:
        parameters |= {"MileageApiUrl": outputs["mileage"]["ApiUrl"], "MileageApiId": outputs["mileage"]["ApiId"]}
    if "portal" in outputs:
        parameters["PortalUrl"] = outputs["portal"]["PortalUrl"]
    return parameters | allowed_origin(outputs)


def mileage(accounts, outputs):
    pool = {name: outputs["booking"][name] for name in ("UserPoolArn", "UserPoolId", "UserPoolClientId")}
    parameters = {"BookingAccountId": accounts["booking"], "AlarmTopicArn": outputs["observability"]["NoticesTopicArn"], **pool, **rollout()}
    return parameters | allowed_origin(outputs)


def allowed_origin(outputs):
    return {"AllowedOrigin": outputs["portal"]["PortalUrl"]} if "portal" in outputs else {}


def portal(_, outputs):
    # Only if the booking stack has one.
    hosted = {name: url for name, url in outputs["booking"].items() if name == "HostedLoginUrl"}
    return {**where_things_are(outputs), **hosted}


def where_things_are(outputs):
    booking, mileage = outputs["booking"], outputs["mileage"]
    return {
        "BookingApiUrl": booking["ApiUrl"],
        "MileageApiUrl": mileage["ApiUrl"],
        "UserPoolId": booking["UserPoolId"],
        "UserPoolClientId": booking["UserPoolClientId"],
    }


def source(name):
    return lambda _, outputs: {"ApiName": name, "SinkArn": outputs["observability"]["SinkArn"]}


def rollout():
    how = os.environ.get("ROLLOUT", "")
    return {"ShiftTraffic": "true", "Rollout": how} if how not in ("", "AllAtOnce") else {}


STEPS = [
    Step("observability", "observability", "observability/template.yaml", observability),
    Step("booking", "booking", "booking/template.yaml", booking),
    Step("mileage", "mileage", "mileage/template.yaml", mileage),
    Step("portal", "booking", "portal/template.yaml", portal),
    # Again, now that account B's API and the portal's origin are known.
    Step("booking", "booking", "booking/template.yaml", booking),
    Step("mileage", "mileage", "mileage/template.yaml", mileage),
    Step("source-booking", "booking", "source-account/template.yaml", source("booking")),
    Step("source-mileage", "mileage", "source-account/template.yaml", source("mileage")),
    # Again, with the canary.
    Step("observability", "observability", "observability/template.yaml", canary),
]


class Cloud:
    """CloudFormation in the stage's accounts."""

    def __init__(self, stage):
        import boto3

        self.boto3 = boto3
        self.stage = stage
        sections = tomllib.loads(CONFIG.read_text())
        self.config = {
            step.name: section["deploy"]["parameters"]
            for step in STEPS
            if (section := sections.get(f"{stage}-{step.name}"))
        }
        missing = {step.name for step in STEPS} - self.config.keys()
        if missing:
            sys.exit(f"{CONFIG.relative_to(ROOT)} has no [{stage}-{missing.pop()}]")

    def client(self, name, service):
        config = self.config[name]
        return self.boto3.Session(profile_name=config["profile"], region_name=config.get("region")).client(service)

    def accounts(self):
        found = {name: self.client(name, "sts").get_caller_identity()["Account"] for name in ("observability", "booking", "mileage")}
        if len(set(found.values())) < 3:
            print(f"note: the accounts are not three: {found}", file=sys.stderr)
        return found

    def find(self, name):
        client = self.client(name, "cloudformation")
        try:
            return client.describe_stacks(StackName=self.config[name]["stack_name"])["Stacks"][0]
        except client.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def outputs(self, name):
        stack = self.find(name)
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])} if stack else {}

    def settle(self, name):
        """Waits for what is under way; takes away a stack that never came to be. True if there is a stack."""
        while (stack := self.find(name)) and stack["StackStatus"].endswith("_IN_PROGRESS") and "REVIEW" not in stack["StackStatus"]:
            print(f"  {self.config[name]['stack_name']} is {stack['StackStatus']}: waiting")
            time.sleep(10)
        if stack and stack["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS"):
            self.delete(name)
            return False
        if stack and stack["StackStatus"].endswith("_FAILED"):
            sys.exit(f"{self.config[name]['stack_name']} is {stack['StackStatus']}: continue its rollback in the console, then try again")
        return stack is not None

    def drifted(self, name):
        """Resources that somebody changed by hand."""
        client, stack = self.client(name, "cloudformation"), self.config[name]["stack_name"]
        detection = client.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
        while True:
            status = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                break
            time.sleep(3)
        filters = ["MODIFIED", "DELETED"]
        drifts = client.describe_stack_resource_drifts(StackName=stack, StackResourceDriftStatusFilters=filters)
        return [drift["LogicalResourceId"] for drift in drifts["StackResourceDrifts"] if not is_redeployment(drift)]

    def deploy(self, step, parameters):
        given = dict(pair.split("=", 1) for pair in self.config[step.name].get("parameter_overrides", []))
        overrides = {"Stage": self.stage, **given, **parameters}
        command = [
            "sam", "deploy", "--config-file", str(CONFIG), "--config-env", f"{self.stage}-{step.name}",
            "--template-file", str(ROOT / "infra" / step.template), "--resolve-s3", "--no-confirm-changeset",
            "--no-fail-on-empty-changeset", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND",
            "--tags", f"stage={self.stage}", "--parameter-overrides", *(f"{name}={value}" for name, value in overrides.items()),
        ]  # fmt: skip
        environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        subprocess.run(command, check=True, env=environment)

    def redeploy(self, name, api_id):
        """Gateway responses take effect with the next deployment of their API, and a stack's own may come before them."""
        self.client(name, "apigateway").create_deployment(restApiId=api_id, stageName=self.stage)

    def upload(self, name, bucket):
        """The portal's files; the page, which names the others, last. CloudFront keeps no page, and a changed asset has another name.
        Old assets stay for pages that are open."""
        client = self.client(name, "s3")
        files = sorted((path for path in PORTAL.rglob("*") if path.is_file()), key=lambda path: path.name == "index.html")
        for path in files:
            content_type = {"ContentType": mimetypes.guess_type(path.name)[0] or "application/octet-stream"}
            client.upload_file(str(path), bucket, path.relative_to(PORTAL).as_posix(), ExtraArgs=content_type)
        print(f"  {len(files)} files in {bucket}")

    def delete(self, name):
        client, stack = self.client(name, "cloudformation"), self.config[name]["stack_name"]
        client.delete_stack(StackName=stack)
        client.get_waiter("stack_delete_complete").wait(StackName=stack)


def is_redeployment(drift):
    """Whether nothing but an API's deployment is another: `Cloud.redeploy` made it."""
    return [each["PropertyPath"] for each in drift.get("PropertyDifferences", [])] == ["/DeploymentId"]


def with_collectors(config):
    """Puts the chosen collector's configuration beside each binary, where its layer looks for it."""
    for account, functions in FUNCTIONS.items():
        given = dict(pair.split("=", 1) for pair in config[account].get("parameter_overrides", []))
        for function in functions:
            folder = ROOT / "target/lambda" / function
            if not (folder / "bootstrap").exists():
                sys.exit(f"{folder.relative_to(ROOT)} has no bootstrap: run `make package`")
            target = folder / "collector.yaml"
            target.unlink(missing_ok=True)
            if given.get("Exporter") in ("adot", "community"):
                shutil.copy(ROOT / f"infra/collector/{given['Exporter']}.yaml", target)


def deploy(cloud, accept_drift=False):
    accounts, outputs = cloud.accounts(), {}
    for number, step in enumerate(STEPS, 1):
        print(f"{number}/{len(STEPS)} {cloud.config[step.name]['stack_name']} in {accounts[step.account]}")
        first = step.name not in outputs
        if cloud.settle(step.name):
            if first and not accept_drift and (changed := cloud.drifted(step.name)):
                sys.exit(f"changed by hand: {', '.join(changed)}. Put it into the template, or say ACCEPT_DRIFT=1.")
            # What is there already, so that a repeated first step does not take back what a later one added.
            if first:
                outputs |= {name: found for name in ("booking", "mileage", "portal") if name not in outputs and (found := cloud.outputs(name))}
        parameters = step.parameters
        if step.name == "observability" and {"booking", "mileage"} <= outputs.keys():
            parameters = canary
        cloud.deploy(step, parameters(accounts, outputs))
        outputs[step.name] = cloud.outputs(step.name)
        if "ApiId" in outputs[step.name]:
            cloud.redeploy(step.name, outputs[step.name]["ApiId"])
        if "FilesBucket" in outputs[step.name]:
            cloud.upload(step.name, outputs[step.name]["FilesBucket"])
    return outputs


def destroy(cloud):
    for name in ["source-mileage", "source-booking", "portal", "mileage", "booking", "observability"]:
        print(f"{cloud.config[name]['stack_name']}")
        if cloud.settle(name):
            cloud.delete(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["deploy", "destroy", "outputs"])
    parser.add_argument("stage")
    arguments = parser.parse_args()
    cloud = Cloud(arguments.stage)
    if arguments.action == "deploy":
        if not (PORTAL / "index.html").exists():
            sys.exit("the portal is not built: run `make portal`")
        with_collectors(cloud.config)
        deploy(cloud, accept_drift=os.environ.get("ACCEPT_DRIFT") == "1")
    elif arguments.action == "destroy":
        if os.environ.get("YES") != "1":
            sys.exit(f"this takes the stacks of {arguments.stage} away; tables and buckets stay. Say YES=1.")
        destroy(cloud)
    if arguments.action != "destroy":
        for name in dict.fromkeys(step.name for step in STEPS):
            for key, value in sorted(cloud.outputs(name).items()):
                print(f"{name + '.' + key:40} {value}")


if __name__ == "__main__":
    main()
