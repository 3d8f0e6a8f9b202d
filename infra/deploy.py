"""Deploys a stage into its accounts, in order; shows the plan of that; tries it as a user would; takes it down; purges what it kept.

    deploy.py deploy|plan|smoke|destroy|purge|outputs STAGE

PLAN=1 stops after the plan; YES=1 destroys; YES=1 PURGE=<stage> purges; ACCEPT_DRIFT=1 writes over what was changed by hand; ROLLOUT is AllAtOnce or
a preference of CodeDeploy; SKIP_PORTAL=1 leaves the portal out; POLL_SECONDS is how long a loop that waits sleeps. docs/deploy.md has it all.
"""

import argparse
import os
import sys

from deployment import packages, plan, preflight, purge, rollout, smoke, steps
from deployment.cloud import Cloud
from deployment.config import Config
from deployment.progress import say


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["deploy", "plan", "smoke", "destroy", "purge", "outputs"])
    parser.add_argument("stage")
    arguments = parser.parse_args()
    cloud = Cloud(Config(arguments.stage))
    action = {
        "deploy": deploy, "plan": show_plan, "smoke": smoke.smoke, "destroy": destroy, "purge": purge.purge, "outputs": show_outputs,
    }[arguments.action]  # fmt: skip
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        action(cloud)
    except (BotoCoreError, ClientError) as error:
        said = f"AWS answered otherwise than a deployment needs: {str(error)[:1000]}"
        sys.exit(f"{said}\nFix that and run the same command again: it continues where it stopped.")
    except KeyboardInterrupt:
        sys.exit("stopped. CloudFormation finishes what it has begun; run the same command again to continue.")


def deploy(cloud):
    found = show_plan(cloud)
    if os.environ.get("PLAN") == "1":
        return
    packages.ready(cloud.config, steps.wants_portal())
    rollout.deploy(cloud, found, accept_drift=os.environ.get("ACCEPT_DRIFT") == "1")
    smoke.smoke(cloud)
    show_outputs(cloud)


def show_plan(cloud):
    """What was found and what would be done; exits if something found makes it impossible."""
    found = preflight.look(cloud)
    say(plan.text(cloud, found))
    if found.stops:
        sys.exit("nothing was changed: fix what says STOP above, then run this again")
    return found


def destroy(cloud):
    if os.environ.get("YES") != "1":
        sys.exit(f"this deletes the stacks of {cloud.stage}; tables, buckets and the user pool stay. Add YES=1 to do so.")
    rollout.destroy(cloud)


def show_outputs(cloud):
    for name in cloud.config.stacks:
        for key, value in sorted(cloud.outputs(name).items()):
            say(f"{name + '.' + key:40} {value}")


if __name__ == "__main__":
    main()
