"""What base.html needs on every page: the account's roles, for the navigation."""

from django.http import HttpRequest

from annotate import access


def navigation(request: HttpRequest) -> dict[str, object]:
    """Return the role names and whether the account is staff."""
    roles = access.roles_of(request.user) if hasattr(request, "user") else frozenset()
    return {"roles": roles, "is_staff_role": not roles.isdisjoint(access.STAFF)}
