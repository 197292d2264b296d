"""A stage in processes on several machines, started from one of them; what ends anywhere ends everywhere.

    python -m rlhf.contract.nodes --shell 'ssh {host} {command}' --hosts b c --address a --processes 8 -- \\
        python -m accelerate.commands.accelerate_cli launch --multi_gpu … -m rlhf.training.ppo RUN_DIR

Here the launcher is a child; on each other machine it is held by `--hold`, this module again, at the far end of a
remote shell. The pipe into the shell is the lifeline: it closes when this process ends, however it ends, and then the
holder ends its launcher. Machines need the same program and the same data directory at the same paths.
"""

import argparse
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from rlhf.contract import lifeline

POLL_SECONDS = 0.2
GRACE_SECONDS = 10.0
"""A launcher that was asked to end has so long; the supervisor gives this process a little more."""
OF_THE_RUN = (
    "ACCELERATE_",
    "CUDA_",
    "GLOO_",
    "HF_HUB_",
    "MALLOC_",
    "NCCL_",
    "OMP_",
    "PYTHONUNBUFFERED",
    "RLHF_",
    "TOKENIZERS_",
)
"""Beginnings of the variables that go along; the rest is each machine's own, or a secret that a command would show."""


def main() -> int:
    """Start a launcher on every machine, or hold one; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hold", action="store_true", help="run COMMAND until standard input closes")
    parser.add_argument("--hosts", nargs="+", default=[], help="the other machines")
    parser.add_argument("--shell", default="", help="how a command is run there; {host} and {command} are filled in")
    parser.add_argument("--address", default="127.0.0.1", help="of this machine, as the others reach it")
    parser.add_argument("--processes", type=int, default=1, help="on each machine")
    parser.add_argument("command", nargs="+", help="what accelerate launch is told, without the machines")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    if options.hold:
        return hold(options.command)
    try:
        port = free_port(options.address)
    except OSError as problem:
        sys.exit(
            f"{options.address}, the first of TRAINING_NODES, is no address of this machine ({problem}). Let a worker "
            "there take such runs, from a queue to which no other listens."
        )
    n = len(options.hosts) + 1
    ranked = [
        placed(options.command, rank=rank, n=n, processes=options.processes, address=options.address, port=port)
        for rank in range(n)
    ]
    return run([ranked[0], *(remote(options.shell, *one) for one in zip(options.hosts, ranked[1:], strict=True))])


def placed(launch: Sequence[str], *, rank: int, n: int, processes: int, address: str, port: int) -> list[str]:
    """Return accelerate's command for the machine `rank` of `n`, with so many processes on each."""
    where = (
        f"--num_machines={n}",
        f"--machine_rank={rank}",
        f"--num_processes={n * processes}",
        f"--main_process_ip={address}",
        f"--main_process_port={port}",
    )
    at = launch.index("launch") + 1
    return [*launch[:at], *where, *launch[at:]]


def remote(shell: str, host: str, launch: Sequence[str]) -> list[str]:
    """Return the command that has `launch` held on another machine.

    >>> remote("ssh {host} {command}", "b", ["launch"])[:2]
    ['ssh', 'b']
    """
    kept = {name: value for name, value in os.environ.items() if name.startswith(OF_THE_RUN)}
    there = [sys.executable, "-m", "rlhf.contract.nodes", "--hold", "--", *launch]
    command = f"cd {shlex.quote(os.getcwd())} && exec env {shlex.join(f'{k}={v}' for k, v in kept.items())} "
    command += shlex.join(there)
    return [part.format(host=host, command=command) for part in shlex.split(shell)]


def run(commands: Sequence[Sequence[str]]) -> int:
    """Run the commands side by side; when one fails end the others, and return its exit code."""
    tied = partial(lifeline.die_with_parent, os.getpid())
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            running.append(subprocess.Popen(command, stdin=subprocess.PIPE, preexec_fn=tied))
        while True:
            codes = [process.poll() for process in running]
            if failed := [code for code in codes if code]:
                return failed[0] if failed[0] > 0 else 128 - failed[0]
            if None not in codes:
                return 0
            time.sleep(POLL_SECONDS)
    finally:
        for process in running:
            process.stdin.close()  # type: ignore[union-attr]  # the lifeline of those elsewhere
        end(running)


def hold(command: Sequence[str]) -> int:
    """Run a command in a session of its own until it ends or standard input closes; end the whole session then."""
    held = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=partial(lifeline.die_with_parent, os.getpid()),
    )
    try:
        while (code := held.poll()) is None:
            readable, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
            if readable and not os.read(sys.stdin.fileno(), 4096):
                print(f"{socket.gethostname()}: the machine that leads has gone; this part ends", flush=True)
                return 1
        return code if code >= 0 else 128 - code
    finally:
        end([held])
        with suppress(ProcessLookupError):
            os.killpg(held.pid, signal.SIGKILL)


def end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask processes to end, wait, kill."""
    for process in running:
        process.terminate()
    until = time.monotonic() + GRACE_SECONDS
    for process in running:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))
        process.kill()
        process.wait()


def free_port(address: str) -> int:
    """Return a port of this machine that nobody listens on. Raises OSError where the address is another machine's."""
    with socket.socket() as free:
        free.bind((address, 0))
        port: int = free.getsockname()[1]
    return port


if __name__ == "__main__":
    sys.exit(main())
