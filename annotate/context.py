"""What base.html needs on every page: the account's roles, for the navigation, and the scripts' words."""

import json

from django.http import HttpRequest

from annotate import access, script_words


def navigation(request: HttpRequest) -> dict[str, object]:
    """Return the role names and whether the account is staff."""
    roles = access.roles_of(request.user) if hasattr(request, "user") else frozenset()
    words = script_words.catalogue()
    return {
        "roles": roles,
        "is_staff_role": not roles.isdisjoint(access.STAFF),
        "script_words": json.dumps(words, ensure_ascii=False) if words else "",
    }
