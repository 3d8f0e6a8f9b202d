"""Events: what the reservations' stream hands to the publisher, and what a subscription lets through."""

import re

from project import EVENTS

from .reading import as_json
from .registered import check

EVENT_TYPE = re.compile(r'const EVENT_TYPE: &\'static str = "([^"]+)"')


def _events(project):
    """The events that accounts tell each other, as their one crate names them."""
    return {event for text in project.sources[EVENTS].values() for event in EVENT_TYPE.findall(text)}


@check
def the_stream_hands_over_what_is_new_of_each_event(project):
    """A reservation that is marked as cancelled is no second booking, and what is left out of the filter is never published."""
    label, stack = next((label, stack) for label, stack in project.stacks() if label == "booking")
    taken = set()
    for pattern in dict(stack.resources())["ReservationsStream"]["FilterCriteria"]["Filters"]:
        asked = as_json(pattern["Pattern"]) or {}
        if asked.get("eventName") != ["INSERT"]:
            yield f"{label} ReservationsStream: takes {asked.get('eventName')}, not what is new alone"
        taken |= {each.get("prefix") for each in asked.get("dynamodb", {}).get("Keys", {}).get("sk", {}).get("S", [])}
    # What their keys begin with, as booking forms them.
    stored = {"BOOKING#", "CANCELLATION#"}
    if taken != stored:
        yield f"{label} ReservationsStream: takes {sorted(taken, key=str)}, not {sorted(stored)}"
    if len(stored) != len(_events(project)):
        yield f"{label} ReservationsStream: {sorted(_events(project))} are told, and {sorted(stored)} stored"


@check
def a_subscription_takes_the_events_that_its_function_knows(project):
    """A function that gets an event it does not know refuses it, so a new event of the topic would fill its dead-letter queue."""
    for label, _, name, properties in project.resources("AWS::SNS::Subscription"):
        if properties["Protocol"] != "sqs":
            continue
        taken = set(properties.get("FilterPolicy", {}).get("event_type", []))
        if taken != _events(project):
            yield f"{label} {name}: takes {sorted(taken) or 'every event'}, not {sorted(_events(project))}"
