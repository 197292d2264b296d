"""Who asks: a token in the Authorization header (scripts), or the browser's session with its CSRF token.

Tokens are kept as hashes by knox; a token never stands in a URL. It gives its account's roles and nothing more,
and where it was made to read only, nothing that changes anything.
"""

import re

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

SCHEMES = (b"bearer", b"token")
TOKEN = re.compile(rb"[0-9a-f]{64}")


class TokenAuthentication(KnoxAuthentication):
    """`Authorization: Bearer <token>`; the word Token is taken, too."""

    def authenticate(self, request: Request) -> tuple[object, object] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() not in SCHEMES:
            return None
        if not TOKEN.fullmatch(token):
            raise AuthenticationFailed("This is no token of ours: expected «Bearer» and 64 hexadecimal digits.")
        user, known = self.authenticate_credentials(token)
        if known.is_read_only and request.method not in SAFE_METHODS:
            raise PermissionDenied("This token only reads. Make one that may write under «API tokens».")
        return user, known

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class TokenScheme(OpenApiAuthenticationExtension):
    """How the schema describes it."""

    target_class = "annotate.api.authentication.TokenAuthentication"
    name = "token"
    priority = 1

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "Make a token under «API tokens»."}
