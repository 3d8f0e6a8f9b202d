"""Around the emulator's handler of each resource type: schema, refusals, injected faults, the journal."""

from ministack.services.cloudformation import provisioners

from refusals import Resource, enforce
from state import note, resources, wanted


def install():
    """Wraps every handler."""
    for kind, handler in list(provisioners._RESOURCE_HANDLERS.items()):
        if {"create", "delete"} <= handler.keys():
            provisioners._RESOURCE_HANDLERS[kind] = _around(kind, handler)


def _around(kind, handler):
    create, update, delete = handler["create"], handler.get("update"), handler["delete"]
    with_logical, delete_with_logical = handler.get("update_with_logical_id"), handler.get("delete_with_logical_id")

    def created(logical, properties, stack):
        _before(Resource(kind, "create", logical, properties, stack=stack))
        physical, attributes = create(logical, properties, stack)
        resources(kind)[physical] = properties
        note("created", type=kind, logical=logical, stack=stack, physical=physical)
        return physical, attributes

    def updated(physical, old, new, stack, logical=None):
        _before(Resource(kind, "update", logical, new, physical, stack))
        answer = update(physical, old, new, stack, logical) if with_logical else update(physical, old, new, stack)
        resources(kind)[answer[0]] = new
        note("updated", type=kind, logical=logical, stack=stack, physical=answer[0], before=physical)
        return answer

    def deleted(physical, properties, logical=None):
        _before(Resource(kind, "delete", logical, properties, physical))
        if delete_with_logical:
            delete(physical, properties, logical)
        else:
            delete(physical, properties)
        resources(kind).pop(physical, None)
        note("deleted", type=kind, logical=logical, physical=physical)

    def imported(identifier):
        physical, attributes = handler["import"](identifier)
        resources(kind).setdefault(physical, {})
        note("imported", type=kind, physical=physical)
        return physical, attributes

    wrapped = {**handler, "create": created, "delete": deleted, "delete_with_logical_id": True}
    if update:
        wrapped |= {"update": updated, "update_with_logical_id": True}
    if "import" in handler:
        wrapped["import"] = imported
    return wrapped


def _before(resource):
    for fault in wanted("faults", []):
        if all(getattr(resource, name) == value for name, value in fault.items() if name != "error"):
            note("injected", type=resource.kind, logical=resource.logical, error=fault["error"])
            raise ValueError(fault["error"])
    enforce(resource)
