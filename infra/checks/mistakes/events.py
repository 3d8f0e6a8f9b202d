"""Mistakes with events: not published, published twice, taken by who does not know them."""

from .made import properties


def _filter(project):
    return properties(project, "booking", "ReservationsStream")["FilterCriteria"]["Filters"][0]


def cancellations_left_in_the_table(project):
    pattern = _filter(project)
    pattern["Pattern"] = pattern["Pattern"].replace(',{"prefix":"CANCELLATION#"}', "")


def reservations_published_when_they_change(project):
    pattern = _filter(project)
    pattern["Pattern"] = pattern["Pattern"].replace('["INSERT"]', '["INSERT","MODIFY"]')


def subscription_to_bookings_alone(project):
    properties(project, "mileage", "Subscription")["FilterPolicy"]["event_type"].remove("booking.cancelled")


def subscription_to_every_event(project):
    del properties(project, "mileage", "Subscription")["FilterPolicy"]["event_type"]


MISTAKES = [
    (cancellations_left_in_the_table, "the_stream_hands_over_what_is_new_of_each_event"),
    (reservations_published_when_they_change, "the_stream_hands_over_what_is_new_of_each_event"),
    (subscription_to_bookings_alone, "a_subscription_takes_the_events_that_its_function_knows"),
    (subscription_to_every_event, "a_subscription_takes_the_events_that_its_function_knows"),
]
