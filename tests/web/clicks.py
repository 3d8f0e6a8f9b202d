"""The way of a person through pages, who clicks four times at most."""

LEAST_PATIENT = 4


class Clicks:
    """From the page where the person is. What is typed and sent by Enter counts as a click."""

    def __init__(self, page, start: str):
        assert page.goto(start).ok
        self.page = page
        self.made = []

    def click(self, what):
        """Follows a link, or presses a button."""
        self._count(str(what))
        what.click()
        self.page.wait_for_load_state()

    def enter(self, field, text: str):
        """Types into a field, and sends it."""
        self._count(text)
        field.fill(text)
        field.press("Enter")
        self.page.wait_for_load_state()

    def _count(self, what: str):
        self.made.append(what)
        assert len(self.made) <= LEAST_PATIENT, f"more than {LEAST_PATIENT} clicks: {self.made}"
