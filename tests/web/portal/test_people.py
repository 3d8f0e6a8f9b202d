"""A company registers, its first person signs in and invites a colleague; nobody chooses a tenant."""

import json
import re
import uuid

from playwright.sync_api import expect

from steps import book, fill_sign_in

PASSWORD = "Chosen-by-me-2026"


def first_sign_in(page, cloud, email):
    """With the password from the mail, and then one's own."""
    page.goto("/")
    fill_sign_in(page, email, cloud.temporary_password(email))
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose your password")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD + "x")
    page.get_by_role("button", name="Save and sign in").click()
    expect(page.get_by_label("Once more")).to_have_accessible_description("is not the same")
    page.get_by_label("Once more").fill(PASSWORD)
    page.get_by_role("button", name="Save and sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Book a flight")
    return " ".join(page.locator(".tenant").inner_text().split())


def test_from_registration_to_a_colleagues_booking(page, cloud):
    """Both have the tenant that the service made up, at the basic tier."""
    company = uuid.uuid4().hex[:8]
    founder, colleague = f"founder@{company}.example", f"colleague@{company}.example"
    page.goto("/")
    page.get_by_role("link", name="Register your company").click()
    page.get_by_label("Company").fill("Wright & Sons")
    page.get_by_label("Your work email").fill(founder)
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("status")).to_contain_text(f"Mail is on its way to {founder}")
    with page.expect_popup() as mailbox:
        page.get_by_role("link", name="its mailbox").click()
    expect(mailbox.value.locator("body")).to_contain_text("Subject: Your account at Wright & Sons")
    sign_in = f"You have an account at Wright & Sons. Sign in at {cloud.outputs['portal_url']} as"
    expect(mailbox.value.locator("body")).to_contain_text(f"{sign_in} {founder} with the password")

    tenant = first_sign_in(page, cloud, founder)
    assert tenant == "Company Wright & Sons basic"
    page.get_by_role("link", name="Invite").click()
    expect(page.get_by_text("They join Wright & Sons and book for themselves.")).to_be_visible()
    page.get_by_label("Their work email").fill(colleague)
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("status")).to_contain_text(f"Mail is on its way to {colleague}")
    mailbox.value.reload()
    expect(mailbox.value.locator("body")).to_contain_text(f"{sign_in} {colleague} with the password")

    assert first_sign_in(page, cloud, colleague) == tenant
    page.goto("/#/invite")
    expect(page.get_by_role("heading", level=1)).to_have_text("Invite a colleague")
    expect(page.get_by_text("Only an admin of your company can invite colleagues.")).to_be_visible()
    expect(page.get_by_label("Their work email")).to_have_count(0)
    page.get_by_role("link", name="Book", exact=True).click()
    book(page)


def test_fields_that_are_wrong(page):
    """Each is named beside its field, in the words of the form."""
    page.goto("/#/register")
    page.get_by_label("Your work email").fill("nonsense")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_label("Company")).to_have_accessible_description("must be filled in")
    expect(page.get_by_label("Your work email")).to_have_accessible_description("must be an email address")
    expect(page.get_by_label("Company")).to_be_focused()


def test_a_password_that_is_too_weak(page, cloud):
    """The form says what it lacks before anything is sent. What the pool alone knows, it tells; the emulator takes any password, so its answer
    is AWS's here."""
    email = f"weak@{uuid.uuid4().hex[:8]}.example"
    claims = {"email": email, "custom:tenant-id": "acme", "custom:tier-level": "basic"}
    attributes = [{"Name": name, "Value": value} for name, value in claims.items()]
    cloud.administer("AdminCreateUser", Username=email, UserAttributes=attributes, DesiredDeliveryMediums=["EMAIL"])
    page.goto("/")
    fill_sign_in(page, email, cloud.temporary_password(email))
    for label in ("New password", "Once more"):
        page.get_by_label(label).fill("short")
    page.get_by_role("button", name="Save and sign in").click()
    new = page.get_by_label("New password")
    expect(new).to_have_accessible_description(re.compile("needs at least 12 characters, an upper-case letter and a digit"))
    expect(new).to_be_focused()
    for label in ("New password", "Once more"):
        page.get_by_label(label).fill(PASSWORD)
    rule = "Password has previously been used"
    refusal = json.dumps({"__type": "InvalidPasswordException", "message": rule})
    page.route("**/_local/cognito", lambda route: route.fulfill(status=400, body=refusal))
    page.get_by_role("button", name="Save and sign in").click()
    expect(page.get_by_role("alert")).to_contain_text(rule)
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose your password")
