"""A PostgreSQL server of a chaos run's own, made by initdb in its temporary directory, to be killed as one likes.

Never the machine's: it has a port and a data directory of its own, and only its own processes are ended.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psycopg

START_TRIES = 40
DATABASE = "bench_chaos"


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def binary(name: str) -> str:
    """Return the path of a program of PostgreSQL's; Debian keeps them out of PATH."""
    found = shutil.which(name) or next(iter(sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))), "")
    if not found:
        raise SystemExit(f"--database postgres needs {name}: install PostgreSQL's server programs (postgresql).")
    return found


class Cluster:
    """A server that may die and is started again; as root it runs as the user postgres, as PostgreSQL demands."""

    def __init__(self, directory: Path, *, options: dict[str, str]) -> None:
        self.home, self.port = directory / "postgres", free_port()
        self.home.mkdir()
        self.data = self.home / "data"
        self.settings = {"port": str(self.port), "listen_addresses": "127.0.0.1", "max_connections": "60"}
        self.settings |= {"unix_socket_directories": str(self.home)} | options
        self.as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.as_owner:
            directory.chmod(0o755)
            shutil.chown(self.home, "postgres")
        made = [*self.as_owner, binary("initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*made, "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Start the server and wait until it answers; what the last one left running is ended first."""
        given = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        for _ in range(START_TRIES):
            self._end_all()
            with (self.home / "log").open("ab") as log:
                self.server = subprocess.Popen(
                    [*self.as_owner, binary("postgres"), "-D", str(self.data), *given], stdout=log, stderr=log, cwd="/"
                )
            if self._answers():
                return
        raise SystemExit(f"PostgreSQL did not start again:\n{(self.home / 'log').read_text()[-2000:]}")

    def kill(self) -> int:
        """kill -9 the postmaster and, as a supervisor must, what it leaves behind. Return its process id."""
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        self._end_all()
        return postmaster

    def forget(self) -> None:
        """Freeze the process that writes the log of changes behind asynchronous commits, which else is quick."""
        with self.connect() as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'").fetchall()
        for (pid,) in found:
            os.kill(pid, signal.SIGSTOP)

    def backends(self) -> list[int]:
        """Return the process ids of the connections to our database."""
        with self.connect() as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid() ORDER BY pid",
                [DATABASE],
            )
            return [row[0] for row in found.fetchall()]

    def terminate(self, backend: int) -> None:
        with self.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", [backend])

    def connect(self) -> psycopg.Connection:
        """Connect to the database beside ours, which is there from the beginning."""
        return psycopg.connect(self.url.replace(DATABASE, "postgres"), autocommit=True, connect_timeout=3)

    def stop(self) -> None:
        self._end_all()

    def _answers(self) -> bool:
        until = time.monotonic() + 15
        while time.monotonic() < until and self.server.poll() is None:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                time.sleep(0.1)
                continue
            return True
        return False

    def _end_all(self) -> None:
        """kill -9 every process that works in the data directory: backends stuck in COMMIT stay otherwise."""
        for process in Path("/proc").iterdir():
            if process.name.isdecimal() and _works_in(process, self.data):
                os.kill(int(process.name), signal.SIGKILL)
        if self.server is not None:
            self.server.kill()
            self.server.wait()
            self.server = None


def _works_in(process: Path, directory: Path) -> bool:
    try:
        return (process / "cwd").resolve(strict=True) == directory
    except OSError:
        return False
