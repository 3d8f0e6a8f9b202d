"""What a person sees while it goes on: one line a step, with the time it took."""

import os
import sys
import time
from contextlib import contextmanager


def poll_seconds():
    """How long a loop that waits for AWS sleeps (POLL_SECONDS)."""
    return float(os.environ.get("POLL_SECONDS", "10"))


def pause():
    time.sleep(poll_seconds())


def clock(seconds):
    return f"{int(seconds) // 60:02}:{int(seconds) % 60:02}"


def say(text):
    print(text, flush=True)


class Line:
    """A line that is written again while it lasts on a terminal, and every minute elsewhere."""

    def __init__(self, text):
        self.text, self.started, self.said = text, time.monotonic(), 0.0

    @property
    def elapsed(self):
        return time.monotonic() - self.started

    def tick(self, more=""):
        if sys.stdout.isatty():
            print(f"\r\033[K{self.text}: {clock(self.elapsed)} {more}", end="", flush=True)
        elif self.elapsed - self.said >= 60:
            self.said = self.elapsed
            say(f"{self.text}: {clock(self.elapsed)} so far {more}".rstrip())

    def done(self, more=""):
        start = "\r\033[K" if sys.stdout.isatty() else ""
        say(f"{start}{self.text}: {clock(self.elapsed)}{more}")


@contextmanager
def timed(text):
    line = Line(text)
    line.tick()
    try:
        yield line
    except BaseException:
        line.done(", failed")
        raise
    line.done()
