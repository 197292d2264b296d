"""A49: two hundred connections that send nothing, or a byte a second, while others work: config/nginx.conf helps."""

import http.client
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings

from benchmarks.chaos_cluster import free_port

pytestmark = pytest.mark.security
SLOW, CLIENTS, SECONDS = 200, 20, 20
NOBODY = ssl._create_unverified_context()  # noqa: S323  a certificate of the test's own
HALF_A_HEAD = b"GET /login/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
A_HEAD = b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """Concord under gunicorn with the threads of compose.yaml, on a database of its own; its port."""
    place = tmp_path_factory.mktemp("web")
    env = os.environ | {
        "CONCORD_DATA_DIR": str(place), "DATABASE_URL": f"sqlite:///{place / 'db.sqlite3'}", "OMP_NUM_THREADS": "1",
        "HTTPS": "true", "BEHIND_PROXY": "true", "ALLOWED_HOSTS": "localhost",
    }  # fmt: skip
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=env, cwd=settings.BASE_DIR, check=True)
    port = free_port()
    given = ["config.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4"]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *given], env=env, cwd=settings.BASE_DIR, stderr=log
        )
    wait_for(port)
    yield port
    process.terminate()
    process.wait()


@pytest.fixture
def proxy(web, tmp_path):
    """nginx with the configuration that we ship: only ports, names and paths are the test's; its port."""
    if not (nginx := shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")):
        pytest.skip("nginx is not installed here (apt-get install nginx-light)")
    subject = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made = ["-keyout", str(tmp_path / "privkey.pem"), "-out", str(tmp_path / "fullchain.pem")]
    subprocess.run(["openssl", "req", *subject, *made], check=True, capture_output=True)
    port, plain = free_port(), free_port()
    text = (settings.BASE_DIR / "config" / "nginx.conf").read_text()
    changes = {
        "/etc/nginx/tls": str(tmp_path), "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "web:8000": f"127.0.0.1:{web}",
        "listen 80": f"listen 127.0.0.1:{plain}", "pid /tmp": f"pid {tmp_path}", " /tmp/nginx": f" {tmp_path}/nginx",
    }  # fmt: skip
    for ours, here in changes.items():
        assert ours in text, f"config/nginx.conf has no «{ours}» any more"
        text = text.replace(ours, here)
    (tmp_path / "nginx.conf").write_text(text)
    process = subprocess.Popen([nginx, "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path), "-g", "daemon off;"])
    wait_for(port)
    yield port
    process.terminate()
    process.wait()


def wait_for(port):
    until = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.2)


def be_slow(port, number, over):
    """Hold a connection: each third sends nothing; the others half a head or a form's, and a byte a second."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5, source_address=(f"127.0.1.{number % 10 + 1}", 0)) as raw:
            if number % 3 == 0:
                over.wait()
                return
            with NOBODY.wrap_socket(raw, server_hostname="localhost") as connection:
                connection.sendall(A_HEAD if number % 3 == 1 else HALF_A_HEAD)
                while not over.wait(1):
                    connection.sendall(b"x")
    except OSError:
        over.wait()  # thrown out: as good as gone


def be_quick(port, number, until):
    """Ask for the sign-in page again and again; return (status, seconds) of each time."""
    found = []
    while time.monotonic() < until:
        began = time.monotonic()
        client = http.client.HTTPSConnection(
            "localhost", port, timeout=10, context=NOBODY, source_address=(f"127.0.2.{number + 1}", 0)
        )
        try:
            client.request("GET", "/login/")
            answer = client.getresponse()
            answer.read()
            found.append((answer.status, time.monotonic() - began))
        except OSError as problem:
            found.append((repr(problem), time.monotonic() - began))
        finally:
            client.close()
        time.sleep(0.5)
    return found


def test_a49_slow_clients_do_not_stop_the_others(proxy):
    over = threading.Event()
    slow = [threading.Thread(target=be_slow, args=(proxy, n, over), daemon=True) for n in range(SLOW)]
    for one in slow:
        one.start()
    time.sleep(2)
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            until = time.monotonic() + SECONDS
            found = [one for rows in pool.map(lambda n: be_quick(proxy, n, until), range(CLIENTS)) for one in rows]
    finally:
        over.set()

    assert {status for status, _ in found} == {200}
    assert len(found) > CLIENTS * SECONDS / 4
    assert statistics.quantiles([seconds for _, seconds in found], n=20)[-1] < 1.0


def test_the_proxy_keeps_the_metrics_within_the_house_and_says_who_asks(proxy):
    client = http.client.HTTPSConnection("localhost", proxy, timeout=10, context=NOBODY)

    client.request("GET", "/metrics")
    closed = client.getresponse()
    closed.read()
    client.request("GET", "/login/")
    page = client.getresponse()

    assert closed.status == 404
    assert page.status == 200  # not redirected to https: Concord knows that it was
    assert "__Host-csrftoken" in page.getheader("Set-Cookie")
    assert page.getheader("Server") == "nginx"
