"""An operator changes a tenant from its page in a real browser, and its access lists by a command at a terminal too."""

import contextlib
import os
import pty
import re
import subprocess

import pytest
from playwright.sync_api import expect

from local_cloud import PROJECT
from troubles import watch

OPERATOR, ADMIN = "operator@airline.example", "pilot@globex.example"
REASON = 'unpaid since May <script>alert("x")</script>'


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def context(request, browser, cloud):
    """A phone of its own, at the control plane."""
    context = browser.new_context(
        base_url=cloud.outputs["control_plane_url"], viewport={"width": 390, "height": 844}, java_script_enabled=request.param
    )
    yield context
    context.close()


@pytest.fixture
def page(context):
    """An empty page. An error in its console fails the test."""
    return watch(context.new_page())


def open_tenant(page, who: str):
    """The page of globex, signed in."""
    page.goto("/tenant?id=globex")
    page.get_by_role("link", name="I work for a customer" if who == ADMIN else "I run the system").click()
    page.get_by_role("button", name=who).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tenant globex")


def test_suspended_and_resumed_from_its_page(page, browser, cloud):
    """What happens is said before, the confirmation needs no script, and what was done is on the page and in the audit."""
    open_tenant(page, OPERATOR)
    registry = page.get_by_role("region", name="Registry")
    expect(registry).to_contain_text("active")
    suspend = registry.get_by_role("button", name="Suspend")
    expect(suspend).to_be_hidden()
    registry.get_by_text("Suspend…").click()
    expect(registry).to_contain_text("All its requests are refused from now on")
    # Neither without a reason nor without saying yes.
    suspend.click()
    expect(page).to_have_url(re.compile(r"/tenant\?id=globex$"))
    registry.get_by_label("Reason (kept in the audit)").first.fill(REASON)
    suspend.click()
    expect(page).to_have_url(re.compile(r"/tenant\?id=globex$"))
    registry.get_by_label("Refuse the requests of").check()
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room
    suspend.click()
    expect(page).to_have_url(re.compile("#registry$"))
    expect(registry).to_contain_text("suspended")
    expect(registry).to_contain_text(f"by {OPERATOR}: {REASON}")

    registry.get_by_role("link", name="Its audit records").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit")
    suspended = page.get_by_role("row").filter(has_text="tenant.suspend")
    # That it began, and that it was done.
    for row in (suspended.filter(has_text="begun").first, suspended.filter(has_not_text="begun").first):
        for said in (OPERATOR, "globex", REASON, "active", "suspended"):
            expect(row).to_contain_text(said)
    page.go_back()

    admins = browser.new_context(base_url=cloud.outputs["control_plane_url"])
    admin = admins.new_page()
    open_tenant(admin, ADMIN)
    expect(admin.get_by_role("region", name="Registry")).to_contain_text("suspended")
    expect(admin.locator("main")).not_to_contain_text("unpaid")
    expect(admin.get_by_text("Resume…")).to_have_count(0)
    admins.close()

    registry.get_by_text("Resume…").click()
    registry.get_by_label("Reason (kept in the audit)").first.fill("paid")
    registry.get_by_role("button", name="Resume").click()
    expect(registry).to_contain_text("active")
    expect(registry).to_contain_text(f"by {OPERATOR}: paid")


def test_another_tier_from_its_page(page):
    """Tiers that it does not have are there to choose."""
    open_tenant(page, OPERATOR)
    registry = page.get_by_role("region", name="Registry")
    for tier in ("premium", "standard"):
        registry.get_by_text("Set tier…").click()
        registry.get_by_role("combobox").select_option(tier)
        registry.locator("details", has_text="Set tier…").get_by_label("Reason (kept in the audit)").fill("the contract says so")
        registry.get_by_role("button", name="Set tier").click()
        expect(registry.locator(f"option[value={tier}]")).to_have_count(0)
        expect(registry).to_contain_text(f"by {OPERATOR}: the contract says so")


def test_a_quota_of_its_own_from_its_page(page):
    open_tenant(page, OPERATOR)
    registry = page.get_by_role("region", name="Registry")
    form = registry.locator("details", has_text="Set quota…")
    for numbers, shown in ((("20", "50", "1000"), "20 requests a second, 50 at once, 1000 bookings a day"), (None, "what its tier gives")):
        form.get_by_text("Set quota…").click()
        for label, number in zip(("Requests a second", "Requests at once", "Bookings a day (UTC)"), numbers or ()):
            form.get_by_label(label).fill(number)
        form.get_by_label("Rather what its tier gives").set_checked(numbers is None)
        form.get_by_label("Reason (kept in the audit)").fill("asked for it")
        form.get_by_role("button", name="Set quota").click()
        expect(registry).to_contain_text(shown)
        expect(registry).to_contain_text(f"by {OPERATOR}: asked for it")


def test_a_list_that_may_refuse_everybody_is_confirmed_on_a_page_of_its_own(context):
    """What was filled in is kept, nothing is changed until it is confirmed, and leaving it changes nothing."""
    page = watch(context.new_page(), answers_may_fail=True)
    open_tenant(page, OPERATOR)
    registry = page.get_by_role("region", name="Registry")
    everybody = "block network 127.0.0.0/8"

    def block_everybody():
        form = registry.locator("details", has_text="Block…")
        form.get_by_text("Block…").click()
        form.get_by_label("Network, such as").fill("127.0.0.1/8")
        form.get_by_label("For").select_option("An hour")
        form.get_by_label("Reason (kept in the audit)").fill(REASON)
        form.get_by_role("button", name="Block").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Refuse that many?")

    block_everybody()
    # All of its requests came from there, or nobody knows of any.
    expect(page.get_by_role("alert")).to_contain_text(re.compile("would have refused 100 %|No request of this tenant is known"))
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room
    # Not without saying yes.
    page.get_by_role("button", name="Change the lists").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Refuse that many?")
    page.get_by_role("link", name="Leave them as they are").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tenant globex")
    expect(registry).not_to_contain_text(everybody)

    block_everybody()
    page.get_by_label("Change the lists of globex all the same").check()
    page.get_by_role("button", name="Change the lists").click()
    expect(registry).to_contain_text(f"{everybody} until 2")
    expect(registry).to_contain_text(f"by {OPERATOR}: {REASON}")
    entry = registry.get_by_role("listitem").filter(has_text=everybody)
    entry.get_by_text("Take off the list…").click()
    entry.get_by_label("Reason (kept in the audit)").fill("it was a mistake")
    entry.get_by_role("button", name="Take off the list").click()
    expect(registry).not_to_contain_text(everybody)


def at_a_terminal(cloud, command: list, answer: str) -> tuple[int, str]:
    """The exit code of `operator tenant …` and what it shows to somebody at a terminal who gives this answer."""
    environment = {
        "AWS_ENDPOINT_URL": cloud.outputs["aws_endpoint_url"], "AWS_REGION": cloud.outputs["region"],
        "AWS_ACCESS_KEY_ID": cloud.outputs["booking_account"], "AWS_SECRET_ACCESS_KEY": "local",
        "CONTROL_PLANE_URL": cloud.outputs["control_plane_url"], "CONTROL_PLANE_TOKEN": cloud.outputs["control_plane_key"],
        "TENANTS_TABLE": cloud.outputs["tenants_table"],
    }
    ours, its = pty.openpty()
    program = [PROJECT / "target/debug/operator", "tenant", *command, "--reason", "guesses booking numbers"]
    process = subprocess.Popen(program, stdin=its, stdout=subprocess.PIPE, stderr=its, env=environment)
    os.write(ours, f"{answer}\n".encode())
    shown = process.communicate(timeout=120)[0]
    os.close(its)
    # The terminal is at its end when reading fails.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 4_096):
            shown += part
    os.close(ours)
    return process.returncode, shown.decode()


def test_at_a_terminal_a_command_asks_before_it_may_refuse_everybody(cloud):
    everybody = ["globex", "--network", "127.0.0.0/8"]
    code, shown = at_a_terminal(cloud, ["block", *everybody], "n")
    assert code == 2 and "Change them all the same? [y/N]" in shown and "nothing was changed" in shown, shown
    code, shown = at_a_terminal(cloud, ["block", *everybody], "y")
    assert code == 0 and "nothing → block network 127.0.0.0/8" in shown, shown
    code, shown = at_a_terminal(cloud, ["unblock", *everybody], "")
    assert code == 0 and "block network 127.0.0.0/8 → nothing" in shown, shown
