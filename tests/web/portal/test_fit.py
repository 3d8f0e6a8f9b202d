"""Fit for a phone, a tablet and a desk, by day and by night, and for everybody: axe-core finds nothing. Pictures are kept."""

import uuid

from playwright.sync_api import expect

from steps import book, cancel, choose_airport, fill_booking, sign_in

PASSWORD = "Chosen-by-me-2026"


def test_before_signing_in(page, check):
    """Signing in and registering, as they are and with an error."""
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    check("sign-in")
    page.goto("/#/register")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check("register")


def test_booking(page, cloud, check):
    """The form as it is filled in, what it complains about, and what came of it."""
    sign_in(page, cloud.user("oceanic"))
    page.get_by_role("combobox", name="From").press_sequentially("new york")
    expect(page.get_by_role("option").first).to_be_visible()
    check("airports")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    check("errors")
    page.get_by_label("From", exact=True).fill("")
    fill_booking(page)
    expect(page.get_by_text("Earns 3,452 miles")).to_be_visible()
    check("book")
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="have arrived")).to_be_visible()
    check("booked")
    page.get_by_role("button", name="Cancel this booking").click()
    check("cancel")
    page.get_by_role("button", name="Keep it").click()
    cancel(page)
    expect(page.get_by_role("status").filter(has_text="It earns no miles")).to_be_visible()
    check("cancelled")


def test_lists(page, cloud, check):
    """My bookings and miles, one of them cancelled, and the rest."""
    sign_in(page, cloud.user("oceanic"))
    book(page)
    cancel(page)
    expect(page.get_by_role("status").filter(has_text="It earns no miles")).to_be_visible()
    page.get_by_role("link", name="Book", exact=True).click()
    book(page)
    expect(page.get_by_role("status").filter(has_text="have arrived")).to_be_visible()
    for link, title in (("My bookings", "My bookings"), ("Miles", "Miles"), ("Invite", "Invite a colleague")):
        page.get_by_role("link", name=link, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.get_by_text("Loading…")).to_have_count(0)
        check(link.lower().replace(" ", "-"))


def test_long_names(page, cloud, check):
    """A company of a hundred letters without a space, and an address as long."""
    email = f"{'pilot-' * 10}x@{uuid.uuid4().hex}.example"
    claims = {"email": email, "custom:tenant-id": "acme", "custom:tier-level": "basic", "custom:role": "admin", "custom:company-name": "Luftfahrt" * 11 + "!"}
    attributes = [{"Name": name, "Value": value} for name, value in claims.items()]
    cloud.administer("AdminCreateUser", Username=email, UserAttributes=attributes, MessageAction="SUPPRESS")
    cloud.administer("AdminSetUserPassword", Username=email, Password=PASSWORD, Permanent=True)
    sign_in(page, {"username": email, "password": PASSWORD})
    page.get_by_role("link", name="Invite", exact=True).click()
    expect(page.get_by_text("They join Luftfahrt")).to_be_visible()
    check("long-names")


def test_a_route_over_the_date_line(page, cloud, check):
    """Drawn as one line."""
    sign_in(page, cloud.user("oceanic"))
    choose_airport(page, "From", "akl", "^AKL")
    choose_airport(page, "To", "lax", "^LAX")
    expect(page.get_by_role("img", name="Map of the route from Auckland to Los Angeles")).to_be_visible()
    check("date-line")
