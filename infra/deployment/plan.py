"""What a deployment will do, in the order in which it does it, how long that takes and what it will cost."""

from project_file import SERVICES

from .steps import order, wants_portal

# US dollars a month whatever the traffic, list prices of us-east-1 from memory: README.md has the arithmetic.
COSTS = [
    ("canary, every five minutes", 10.37, lambda given: given["observability"].get("CanaryState", "true") == "true"),
    ("41 metrics in alarms, three composite alarms, a custom metric", 5.90, lambda given: True),
    ("logs at rest, an object for each service every quarter of an hour", 0.26, lambda given: True),
    ("refused requests on the control plane: four metrics in alarms, two secrets", 1.20, lambda given: any(each.get("ControlPlaneIntakeUrl") for each in given.values())),
    ("Contributor Insights, three rules", 1.50, lambda given: True),
    ("keys and a secret", 3.40, lambda given: True),
    ("AWS WAF before the booking API: an ACL of 5.00 and four rules", 9.00, lambda given: given["booking"].get("WebAcl", "true") == "true"),
    ("AWS WAF before the mileage API: an ACL of 5.00 and three rules", 8.00, lambda given: given["mileage"].get("WebAcl", "true") == "true"),
    *((f"{name}: an ACL of AWS WAF and three rules, six metrics in alarms", 8.60, lambda given, name=name: given[name].get("WebAcl", "true") == "true") for name in SERVICES),
]


def text(cloud, found):
    config = cloud.config
    lines = [f"Stage {cloud.stage} in {found.region}: " + ", ".join(f"{name} {account}" for name, account in found.accounts.items()), ""]
    lines += [f"STOP  {each}" for each in found.stops]
    lines += [f"note  {each}" for each in found.notes]
    for left in found.taken_over:
        lines.append(f"note  {left.name} is there from before: it is taken over with what is in it ({config.stack_name(left.stack)})")
    steps, seen, minutes = order(config, wants_portal()), set(found.stacks), 0
    lines += ["", "Steps, with what each may take:"]
    for number, step in enumerate(steps, 1):
        how, about = ("update", 1) if step.name in seen else ("create", step.minutes)
        if "wait_for_links" in step.before and "observability" not in found.stacks:
            how, about = "update, once the links work", about + 15
        seen.add(step.name)
        minutes += about
        account = found.accounts[config.stacks[step.name][0]]
        lines.append(f"  {number:2}/{len(steps)} {how:28} {config.stack_name(step.name):32} {account}  {about:3} min")
    lines.append(f"  then the smoke test{'':48}    3 min")
    lines += ["", f"About {minutes + 3} minutes at most, by estimate; a ROLLOUT adds its own time to booking and mileage.", ""]
    given = {name: config.given(name) for name in config.stacks}
    wanted = [(what, dollars) for what, dollars, applies in COSTS if applies(given)]
    lines.append("Each month, whatever the traffic, in US dollars by list price (check it; requests, spans and logs cost extra):")
    lines += [f"  {dollars:6.2f}  {what}" for what, dollars in wanted]
    lines.append(f"  {sum(dollars for _, dollars in wanted):6.2f}  together")
    return "\n".join(lines)
