"""What goes wrong on a page while a test uses it."""

from types import SimpleNamespace


def watch(page, answers_may_fail=False):
    """Keeps errors of the page's console and scripts in `page.troubles`; with `answers_may_fail` not those of answers that a test provokes, which it may also say later."""
    page.troubles = SimpleNamespace(errors=[], failed_requests=[], answers_may_fail=answers_may_fail)

    def note(message):
        provoked = page.troubles.answers_may_fail and message.text.startswith("Failed to load resource")
        if message.type == "error" and not provoked:
            page.troubles.errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: page.troubles.errors.append(str(error)))
    page.on("requestfailed", lambda request: page.troubles.failed_requests.append(f"{request.url} {request.failure}"))
    return page
