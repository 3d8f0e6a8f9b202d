"""Mistakes by which one tenant's messages hold up the others'."""

from .made import properties


def queue_with_an_order(project):
    queue = properties(project, "mileage", "BookingQueue")
    queue["FifoQueue"] = True


def consumers_too_few_to_tell(project):
    properties(project, "mileage", "BookingQueueMapping")["ScalingConfig"]["MaximumConcurrency"] = 2


MISTAKES = [
    (queue_with_an_order, "queues_between_accounts_can_be_fair"),
    (consumers_too_few_to_tell, "queues_between_accounts_can_be_fair"),
]
