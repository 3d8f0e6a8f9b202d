"""infra/portal/template.yaml: what AWS is told to serve, so that the tests hold the portal against the same."""

import re

import yaml

from local_cloud import PROJECT


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, each as `{name: value}`."""


def short_form(loader, name, node):
    construct = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
    more = {"deep": True} if isinstance(node, yaml.SequenceNode) else {}
    return {name: construct[type(node)](node, **more)}


Loader.add_multi_constructor("!", short_form)
TEMPLATE = yaml.load((PROJECT / "infra/portal/template.yaml").read_text(), Loader)


def substituted(text: str, values: dict) -> str:
    """As `Fn::Sub` does; what has no value is left out."""
    return re.sub(r"\$\{([\w:]+)\}", lambda name: values.get(name[1], ""), text)


def security_policy(values: dict | None = None, control_plane_url: str = "") -> str:
    """The page's content security policy: with these values, or as the local cloud has it."""
    headers = TEMPLATE["Resources"]["PageHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    text = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Sub"][0]
    if values is None:
        # One origin serves all but the control plane.
        text = re.sub(r"connect-src [^;]+;", f"connect-src 'self' {control_plane_url}/;", text)
    return substituted(text, values or {})


def response_headers(policy: str, control_plane_url: str = "") -> dict:
    """What a response headers policy adds in the local cloud; without what browsers heed over TLS alone."""
    config = TEMPLATE["Resources"][policy]["Properties"]["ResponseHeadersPolicyConfig"]
    security = {
        "ContentSecurityPolicy": lambda _: {"content-security-policy": security_policy(None, control_plane_url)},
        "ContentTypeOptions": lambda _: {"x-content-type-options": "nosniff"},
        "FrameOptions": lambda given: {"x-frame-options": given["FrameOption"]},
        "ReferrerPolicy": lambda given: {"referrer-policy": given["ReferrerPolicy"]},
        "StrictTransportSecurity": lambda _: {},
    }
    added = {item["Header"].lower(): item["Value"] for item in config["CustomHeadersConfig"]["Items"]}
    for name, given in config["SecurityHeadersConfig"].items():
        added |= security[name](given)
    return added


def configuration_function(values: dict) -> str:
    """What answers /config.json."""
    return substituted(TEMPLATE["Resources"]["Configuration"]["Properties"]["FunctionCode"]["Sub"][0], values)
