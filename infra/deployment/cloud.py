"""CloudFormation in a stage's accounts: one stack at a time, found, waited for, deployed, deleted."""

import os
import subprocess
import sys
from pathlib import Path

from .config import CONFIG, ROOT
from .progress import pause, poll_seconds, say

# A creation that failed leaves a stack that can only be deleted.
NEVER_CAME_TO_BE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS", "DELETE_FAILED")


class Cloud:
    """Finds each account by its profile, which is the only place that knows credentials and region."""

    def __init__(self, config):
        self.config, self.stage = config, config.stage
        self._sessions, self._clients = {}, {}

    def session(self, name):
        import boto3

        section = self.config.sections[name]
        key = (section["profile"], section.get("region"))
        if key not in self._sessions:
            self._sessions[key] = boto3.Session(profile_name=key[0], region_name=key[1])
        return self._sessions[key]

    def client(self, name, service):
        """A client in the account of a stack (or of an account, which is named like its first stack)."""
        from botocore.config import Config

        key = (self.config.sections[name]["profile"], self.config.sections[name].get("region"), service)
        if key not in self._clients:
            retries = Config(retries={"mode": "standard", "max_attempts": 6}, user_agent_extra="airline-deploy")
            self._clients[key] = self.session(name).client(service, config=retries)
        return self._clients[key]

    def region(self, name):
        return self.session(name).region_name

    # --- What there is ----------------------------------------------------------------------------------------------
    def find(self, name):
        """The stack as CloudFormation describes it, or None."""
        client = self.client(name, "cloudformation")
        try:
            return client.describe_stacks(StackName=self.config.stack_name(name))["Stacks"][0]
        except client.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def outputs(self, name):
        stack = self.find(name)
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])} if stack else {}

    def parameters(self, name):
        stack = self.find(name)
        return {each["ParameterKey"]: each.get("ParameterValue", "") for each in stack.get("Parameters", [])} if stack else {}

    def wait(self, name):
        """Waits for what is under way, and gives the stack as it then is."""
        said = None
        while (stack := self.find(name)) and stack["StackStatus"].endswith("_IN_PROGRESS") and "REVIEW" not in stack["StackStatus"]:
            if said != stack["StackStatus"]:
                said = stack["StackStatus"]
                say(f"  {self.config.stack_name(name)} is {said}: waiting")
            pause()
        return stack

    def settle(self, name):
        """Waits for what is under way; takes away a stack that never came to be. True if there is a stack."""
        stack = self.wait(name)
        if stack and stack["StackStatus"] in NEVER_CAME_TO_BE:
            say(f"  {self.config.stack_name(name)} is {stack['StackStatus']}: deleting it, to create it again")
            self.delete(name)
            return False
        if stack and stack["StackStatus"].endswith("_FAILED"):
            sys.exit(
                f"{self.config.stack_name(name)} is {stack['StackStatus']}. See why in its events, fix that, and continue its rollback:\n"
                f"  aws cloudformation continue-update-rollback --stack-name {self.config.stack_name(name)}"
                f" --profile {self.config.sections[name]['profile']}\nThen run this again."
            )
        return stack is not None

    # --- What is done -----------------------------------------------------------------------------------------------
    def deploy(self, name, parameters, line=None):
        """One `sam deploy`. What it prints goes to a file, which is shown if it fails (subprocess.CalledProcessError)."""
        command = [
            "sam", "deploy", "--config-file", str(CONFIG), "--config-env", f"{self.stage}-{name}",
            "--template-file", str(self.config.template_file(name)), "--no-confirm-changeset", "--no-fail-on-empty-changeset",
            "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--tags", f"stage={self.stage}", *self.artifacts(name),
            "--parameter-overrides", *(f"{key}={quoted(value)}" for key, value in parameters.items()),
        ]  # fmt: skip
        environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        log = ROOT / f"target/deploy/{self.config.stack_name(name)}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as out:
            process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
            try:
                while process.poll() is None:
                    if line:
                        line.tick()
                    try:
                        process.wait(min(1.0, poll_seconds()))
                    except subprocess.TimeoutExpired:
                        pass
            except BaseException:
                # CloudFormation goes on by itself; the next run waits for it.
                process.terminate()
                raise
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command, output=log.read_text())

    def artifacts(self, name):
        """Where `sam deploy` puts packages: the bootstrap's bucket, or one that it makes itself where there is none."""
        bucket = self.bootstrap_bucket(name)
        return ["--s3-bucket", bucket, "--s3-prefix", self.config.stack_name(name)] if bucket else ["--resolve-s3"]

    def bootstrap_bucket(self, name):
        """The bucket of infra/bootstrap/template.yaml in a stack's account, or None."""
        from botocore.exceptions import ClientError

        account = self.client(name, "sts").get_caller_identity()["Account"]
        bucket = f"airline-artifacts-{account}-{self.region(name)}"
        try:
            self.client(name, "s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
        except ClientError:
            return None
        return bucket

    def redeploy(self, name, api_id):
        """Gateway responses take effect with the next deployment of their API, and a stack's own may come before them."""
        self.client(name, "apigateway").create_deployment(restApiId=api_id, stageName=self.stage)

    def delete(self, name):
        """Deletes a stack and waits until it is gone; exits with CloudFormation's reason if it cannot be."""
        client, stack_name = self.client(name, "cloudformation"), self.config.stack_name(name)
        client.delete_stack(StackName=stack_name)
        stack = self.wait(name)
        if stack and stack["StackStatus"] != "DELETE_COMPLETE":
            sys.exit(f"{stack_name} could not be deleted: {stack['StackStatus']}: {stack.get('StackStatusReason', 'see its events')}")


def quoted(value):
    """As `sam deploy` reads an override: in quotes, so that spaces and commas stay part of it."""
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
