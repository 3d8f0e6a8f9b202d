"""Templates as AWS's own transform leaves them, by the translator that is pinned in uv.lock."""

import copy
import logging

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from cloudformation import PSEUDO, Stack

# What SAM attaches to functions by name; the service asks IAM for their ARNs.
MANAGED_POLICIES = {name: f"arn:aws:iam::aws:policy/{name}" for name in ("AWSXrayWriteOnlyAccess", "AWSXRayDaemonWriteAccess")}


def transformed(template, parameters, account=PSEUDO["AWS::AccountId"], code="code"):
    """The stack that CloudFormation makes of a SAM template and its parameters; `code` is where `sam package` put the functions."""
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://{code}/{resource['Properties']['CodeUri'].rstrip('/').rsplit('/', 1)[-1]}"
    given = Stack(template, parameters, account).parameters
    session = boto3.session.Session(region_name=PSEUDO["AWS::Region"], aws_access_key_id="none", aws_secret_access_key="none")
    made = Translator(MANAGED_POLICIES, Parser(), boto_session=session).translate(template, dict(given))
    return Stack({**template, **made}, given, account)
