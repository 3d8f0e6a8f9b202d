"""What users do in the portal."""

import datetime
import re

from playwright.sync_api import Page, expect

IN_A_MONTH = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)).date().isoformat()


def sign_in(page: Page, user: dict):
    """By the form."""
    page.goto("/")
    fill_sign_in(page, user["username"], user["password"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Book a flight")


def fill_sign_in(page: Page, username: str, password: str):
    """Whatever comes of it."""
    page.get_by_label("Email").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def choose_airport(page: Page, label: str, text: str, option: str):
    """From the list that typing opens."""
    page.get_by_role("combobox", name=label, exact=True).press_sequentially(text)
    page.get_by_role("option", name=re.compile(option)).first.click()


def fill_booking(page: Page, passenger: str = "Ada Lovelace", departure: str = IN_A_MONTH):
    """London to New York, in a month."""
    page.get_by_label("From", exact=True).fill("LHR")
    page.get_by_label("To", exact=True).fill("jfk")
    page.get_by_label("Departure").fill(departure)
    page.get_by_label("Passenger").fill(passenger)


def book(page: Page, passenger: str = "Ada Lovelace", departure: str = IN_A_MONTH) -> str:
    """A flight; its number."""
    fill_booking(page, passenger, departure)
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your flight is booked")
    return page.url.rsplit("/", 1)[1]


def cancel(page: Page):
    """The booking that is shown, after all."""
    page.get_by_role("button", name="Cancel this booking").click()
    page.get_by_role("dialog", name="Cancel this booking?").get_by_role("button", name="Yes, cancel it").click()


def bookings_of(page: Page, passenger: str) -> int:
    """How many this user has for that passenger."""
    page.get_by_role("link", name="My bookings").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("My bookings")
    expect(page.get_by_text("Loading…")).to_have_count(0)
    return page.get_by_role("listitem").filter(has_text=passenger).count()
