"""Where a webhook may go: public addresses over https, and what the operator names; nothing is sent elsewhere."""

import socket
import threading

import pytest

from annotate import posting

ONLY_US = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  an address to refuse
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]


@pytest.fixture
def listener():
    """A port on this machine that counts who connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def connection_count(server):
    try:
        server.accept()
    except TimeoutError:
        return 0
    return 1


@pytest.mark.parametrize("address", ONLY_US)
def test_an_address_that_only_we_can_reach_is_refused(address):
    assert not posting.is_allowed(address, scheme="https")


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_a_public_address_is_for_https_only(address):
    assert posting.is_allowed(address, scheme="https")
    assert not posting.is_allowed(address, scheme="http")


def test_a_network_that_the_operator_names_is_open_to_both(settings):
    settings.WEBHOOK_NETWORKS = ["10.0.0.0/8"]

    assert posting.is_allowed("10.1.2.3", scheme="http")
    assert not posting.is_allowed("192.168.1.1", scheme="http")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0", "2130706433", "0x7f.1", "[::ffff:7f00:1]"])
def test_no_spelling_of_this_machine_is_connected_to(listener, host):
    with pytest.raises((posting.Refused, posting.NotDelivered)):
        posting.post(f"https://{host}:{listener.getsockname()[1]}/", b"{}", headers={})

    assert connection_count(listener) == 0


def test_a_name_that_also_leads_inside_is_refused(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)

    with pytest.raises(posting.Refused, match=r"10\.0\.0\.1, which is not a public address"):
        posting.resolve(posting.check_url("https://example.org/"))


def test_the_connection_goes_to_the_address_that_was_looked_at(settings, monkeypatch, listener):
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    answers = iter(["127.0.0.1", "169.254.169.254"])
    real, port = socket.getaddrinfo, listener.getsockname()[1]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: real(next(answers) if host == "rebind.test" else host, *a, **k)
    )
    monkeypatch.setattr(posting, "ANSWER_SECONDS", 0.1)

    with pytest.raises(posting.NotDelivered):
        posting.post(f"http://rebind.test:{port}/", b"{}", headers={})

    assert connection_count(listener) == 1
    assert next(answers) == "169.254.169.254"  # nobody asked a second time


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://example.org/",
        "ftp://example.org/",
        "http://example.org/",
        "https://",
        "https://user:secret@example.org/",
        "https://example.org:99999/",
        "https://example.org/a b",
        "https://example.org/\r\nX: y",
        "https://exämple.org/",
        "//example.org/",
        "",
    ],
)
def test_an_address_of_another_kind_is_refused(url):
    with pytest.raises(posting.Refused):
        posting.check_url(url)


def test_an_answer_that_trickles_ends_at_the_time_limit(settings, monkeypatch):
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(posting, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_trickle, args=[server], daemon=True).start()

        with pytest.raises(posting.NotDelivered, match="no answer within|timed out"):
            posting.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", headers={})


def _trickle(server):
    connection, _ = server.accept()
    with connection:
        over = threading.Event()
        while not over.wait(0.05):
            try:
                connection.send(b"H")
            except OSError:
                return
