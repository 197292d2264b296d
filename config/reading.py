"""Settings that are more than a word or a number, read from environment variables and checked."""

import importlib.util
import re
import secrets
from ipaddress import ip_network
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
FEWEST_CHARACTERS, FEWEST_DISTINCT = 32, 10
"""Of a secret key. Django warns of fewer than 50 and 5, in a check that nobody has to run."""


def secret_key(data_dir: Path) -> str:
    """Return SECRET_KEY, or one that is made once and kept in the data directory. Raises ImproperlyConfigured."""
    given = env.str("SECRET_KEY", default="")
    if not given:
        return kept_secret_key(data_dir)
    if len(given) < FEWEST_CHARACTERS or len(set(given)) < FEWEST_DISTINCT or given.startswith("django-insecure-"):
        raise ImproperlyConfigured(
            f"SECRET_KEY: expected at least {FEWEST_CHARACTERS} characters drawn at random. Make one with python3 -c "
            "'import secrets; print(secrets.token_urlsafe(50))', or leave it out: then one is made and kept."
        )
    return given


def kept_secret_key(data_dir: Path) -> str:
    """Return the key kept in the data directory, making it on first use (readable by the owner only)."""
    path = data_dir / "secret_key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text().strip()


def artifact_url(data_dir: Path) -> str:
    """Return ARTIFACT_URL without a slash at its end; "" is the data directory itself. Raises ImproperlyConfigured."""
    given = env.str("ARTIFACT_URL", default="").rstrip("/")
    if given and not given.startswith(("s3://", "file:///")):
        raise ImproperlyConfigured(f"ARTIFACT_URL: expected s3://bucket/prefix or file:///folder, got {given!r}.")
    if given.startswith("s3://") and importlib.util.find_spec("s3fs") is None:
        raise ImproperlyConfigured("ARTIFACT_URL: s3:// needs one more package: pip install 'concord[s3]'.")
    if given.removeprefix("file://") == str(data_dir):
        raise ImproperlyConfigured("ARTIFACT_URL: this is CONCORD_DATA_DIR, which needs no saying. Leave it out.")
    return given


def networks(name: str) -> list[str]:
    """Return networks such as 10.0.0.0/8 from a variable. Raises ImproperlyConfigured."""
    try:
        return [str(ip_network(network)) for network in env.list(name, default=[])]
    except ValueError as problem:
        raise ImproperlyConfigured(
            f"{name}: expected networks such as 10.0.0.0/8, separated by commas; {problem}."
        ) from None


def queues(name: str) -> list[str]:
    """Return the names of the queues in which runs wait, the default first. Raises ImproperlyConfigured."""
    found = env.list(name, default=["gpu"])
    if not found or any(not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,39}", one) or one == "default" for one in found):
        raise ImproperlyConfigured(
            f"{name}: expected names of queues in lower case, separated by commas, such as gpu,gpu-80g, none of them "
            f"default; got {','.join(found)!r}."
        )
    return found


def nodes(name: str) -> list[str]:
    """Return the addresses of machines, none or at least two. Raises ImproperlyConfigured."""
    found: list[str] = env.list(name, default=[])
    if len(found) == 1 or not all(HOST.fullmatch(one) for one in found):
        raise ImproperlyConfigured(
            f"{name}: expected at least two addresses, that of the worker's machine first, such as 10.0.0.1,10.0.0.2; "
            f"got {','.join(found)!r}."
        )
    return found


def node_processes(name: str, *, nodes: list[str]) -> int:
    """Return how many processes train on each of the machines. Raises ImproperlyConfigured where it is not said."""
    found: int = env.int(name, default=0)
    if nodes and found < 1:
        raise ImproperlyConfigured(f"{name}: with TRAINING_NODES, say how many GPUs (processes) each machine has.")
    return found


def node_shell(name: str) -> str:
    """Return how a command is run on another machine. Raises ImproperlyConfigured."""
    found: str = env.str(name, default="ssh -o BatchMode=yes -o ServerAliveInterval=15 {host} {command}")
    if "{command}" not in found or set(re.findall(r"{\w*}|[{}]", found)) - {"{host}", "{command}"}:
        raise ImproperlyConfigured(f"{name}: expected a command with {{host}} and {{command}} in it; got {found!r}.")
    return found
