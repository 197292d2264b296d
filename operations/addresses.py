"""Where a request comes from: the address that limits, locks and logs are kept by.

Behind proxies the connection is the proxy's, and X-Forwarded-For is a list to which each proxy adds the address it was
called from. Only what our own proxies added is believed: with PROXY_COUNT = 1 the last entry. Whatever a client wrote
into the header itself stands further left and is never read.
"""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

NOWHERE = "0.0.0.0"  # noqa: S104  a Unix socket has no address


def client_address(request: HttpRequest) -> str:
    """Return the address of the client as the outermost of our own proxies saw it; of the connection without one."""
    connected = request.META.get("REMOTE_ADDR") or NOWHERE
    if not settings.PROXY_COUNT:
        return connected
    chain = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if len(chain) < settings.PROXY_COUNT:
        return connected
    return _plain(chain[-settings.PROXY_COUNT]) or connected


def is_within(address: str, networks: list[str]) -> bool:
    """Say whether an address lies in one of the networks (such as 10.0.0.0/8)."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in ip_network(network, strict=False) for network in networks)


def _plain(written: str) -> str:
    """Return an address in its one form; empty where it is none."""
    try:
        return str(ip_address(written.strip("[]")))
    except ValueError:
        return ""
