"""POST to an address that a person typed in, without letting it reach what only we can reach.

The name is resolved once; every address must be public (or in settings.WEBHOOK_NETWORKS, the only ones to which http
may go), and the connection goes to the address that was looked at: a name that changes its mind gains nothing.
Redirects are not followed; only the status line of the answer is read; everything has a time limit.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
MAX_LINE_BYTES = 1024
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """The address is not one that we send to; the message says why."""


class NotDelivered(Exception):
    """The other side did not take it; the message says what happened."""


def check_url(url: str) -> SplitResult:
    """Return a URL's parts. Raises Refused unless it is https (or http where a network of ours allows it) and plain."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise Refused(f"This is no address: {problem}.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Refused("Expected an address that begins with https://.")
    if parts.scheme == "http" and not settings.WEBHOOK_NETWORKS:
        raise Refused("Expected https: over http anyone on the way could read and change what is sent.")
    if parts.username is not None or parts.password is not None:
        raise Refused("An address with a name or password in it is not taken; the signature shows who sends.")
    if port == 0 or not url.isascii() or any(character.isspace() for character in url):
        raise Refused("Expected a plain address: ASCII, no blanks, a port from 1 to 65535.")
    return parts


def resolve(parts: SplitResult) -> str:
    """Return the IP address to send to. Raises Refused where any address of the name is not for webhooks."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise NotDelivered(f"The name {parts.hostname} was not found ({problem}).") from None
    addresses = [str(one[4][0]) for one in found]
    for address in addresses:
        if not is_allowed(address, scheme=parts.scheme):
            raise Refused(f"{parts.hostname} leads to {address}, which is not a public address; nothing was sent.")
    return addresses[0]


def is_allowed(address: str, *, scheme: str) -> bool:
    """Say whether a webhook may go to an IP address.

    >>> is_allowed("169.254.169.254", scheme="https")
    False
    """
    ip = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    if any(ip in ipaddress.ip_network(network) for network in settings.WEBHOOK_NETWORKS):
        return True
    return scheme == "https" and ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def post(url: str, body: bytes, *, headers: Mapping[str, str]) -> int:
    """Send a body and return the status of the answer. Raises Refused or NotDelivered."""
    parts = check_url(url)
    connection = _Pinned(parts, address=resolve(parts))
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {**headers, "Connection": "close"})
        return _status(connection.sock)
    except (OSError, http.client.HTTPException) as problem:
        raise NotDelivered(f"{type(problem).__name__}: {problem}") from problem
    finally:
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was looked at, under the name that was asked for."""

    def __init__(self, parts: SplitResult, *, address: str) -> None:
        self.is_tls = parts.scheme == "https"
        super().__init__(parts.hostname or "", parts.port or (443 if self.is_tls else 80), timeout=CONNECT_SECONDS)
        self.address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)
        if self.is_tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _status(sock: socket.socket) -> int:
    """Return the status of the answer from its first line; the rest is not read."""
    until, line = time.monotonic() + ANSWER_SECONDS, b""
    while b"\n" not in line and len(line) < MAX_LINE_BYTES:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer within {ANSWER_SECONDS:.0f} seconds")
        sock.settimeout(left)
        more = sock.recv(MAX_LINE_BYTES)
        if not more:
            break
        line += more
    words = line.split(b"\r", 1)[0].split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not (words[1].isdigit() and len(words[1]) == 3):
        raise http.client.BadStatusLine("the answer is not HTTP")
    return int(words[1])


def _unwrapped(ip: Address) -> Address:
    """Return the IPv4 address that an IPv6 one carries, if it carries one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip
