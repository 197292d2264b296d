"""What starts a stage on several machines: the commands, and that what ends one ends all."""

import signal
import subprocess
import sys
import time

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import reading
from rlhf import supervisor
from rlhf.contract import nodes, profiles
from tests.operations.test_worker_gone import is_there, wait_for

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


def start(*arguments, **options):
    command = [sys.executable, "-m", "rlhf.contract.nodes", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)


def test_each_machine_is_told_its_rank_and_all_the_same_place_to_meet(settings, tmp_path):
    settings.TRAINING_NODES = ["10.0.0.1", "10.0.0.2"]
    settings.TRAINING_NODE_PROCESSES = 8
    command = supervisor.command("ppo", tmp_path, profile="nodes")
    launch = command[command.index("--") + 1 :]

    second = nodes.placed(launch, rank=1, n=2, processes=8, address="10.0.0.1", port=4711)

    assert second[:4] == [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch"]
    assert second[4:9] == [
        "--num_machines=2",
        "--machine_rank=1",
        "--num_processes=16",
        "--main_process_ip=10.0.0.1",
        "--main_process_port=4711",
    ]
    assert second[-3:] == ["-m", "rlhf.training.ppo", str(tmp_path)]
    assert command[: command.index("--")][3:] == [
        *("--hosts", "10.0.0.2", "--shell", settings.TRAINING_NODE_SHELL),
        *("--address", "10.0.0.1", "--processes", "8"),
    ]


def test_a_command_for_elsewhere_survives_the_shell(monkeypatch, tmp_path, settings):
    monkeypatch.setenv("OMP_ODD", "a b; echo 'c' $HOME")
    monkeypatch.setenv("SECRET_KEY", "is-not-for-the-command-line")
    monkeypatch.setenv(profiles.SHARDED, "true")
    monkeypatch.chdir(tmp_path)
    say = [sys.executable, "-c", "import os, sys; print(os.getcwd(), os.environ['OMP_ODD'], sys.argv[1])", "it's; here"]

    *shell, command = nodes.remote("sh -c {command}", "b", say)
    ours = command.replace("exec env ", f"exec env PYTHONPATH={settings.BASE_DIR} ", 1)
    with subprocess.Popen([*shell, ours], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as done:
        said = done.stdout.readline().strip()

    assert shell == ["sh", "-c"]
    assert "is-not-for-the-command-line" not in command
    assert f"{profiles.SHARDED}=true" in command
    assert said == f"{tmp_path} a b; echo 'c' $HOME it's; here"


def test_whoever_holds_a_command_ends_it_when_the_lifeline_closes():
    tree = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    held = start("--hold", "--", sys.executable, "-c", tree)
    below = int(held.stdout.readline())
    assert is_there(below)

    held.stdin.close()

    assert held.wait(20) == 1
    wait_for(lambda: not is_there(below))


def test_whoever_holds_a_command_passes_on_how_it_ended():
    with start("--hold", "--", sys.executable, "-c", "raise SystemExit(7)") as held:
        assert held.wait(20) == 7
    with start("--hold", "--", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)") as held:
        assert held.wait(20) == 128 + signal.SIGKILL


def test_one_that_fails_ends_the_others():
    began = time.monotonic()

    assert nodes.run([SLEEPS, [sys.executable, "-c", "raise SystemExit(3)"]]) == 3

    assert time.monotonic() - began < 30


def test_all_must_end_well():
    assert nodes.run([[sys.executable, "-c", "pass"], [sys.executable, "-c", "import time; time.sleep(1)"]]) == 0


LEADS = """
import sys
from rlhf.contract import nodes
sys.argv[1:] = ["--shell", "sh -c {command}", "--hosts", "b", "--", "launch"]
says = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
nodes.placed = lambda launch, **where: [sys.executable, "-c", says]
sys.exit(nodes.main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_leader_that_ends_takes_all_along(number):
    leader = subprocess.Popen([sys.executable, "-c", LEADS], stdout=subprocess.PIPE, text=True)
    found = [int(leader.stdout.readline()) for _ in "ab"]
    assert all(map(is_there, found))

    leader.send_signal(number)

    assert leader.wait(20) in (-number, 128 + number)
    wait_for(lambda: not any(map(is_there, found)))


def test_a_leader_on_another_machine_than_the_settings_say_tells_what_to_do():
    done = subprocess.run(
        [sys.executable, "-m", "rlhf.contract.nodes", "--address", "192.0.2.1", "--", "launch"],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "192.0.2.1, the first of TRAINING_NODES, is no address of this machine" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TRAINING_NODES", "10.0.0.1", "expected at least two addresses"),
        ("TRAINING_NODES", "10.0.0.1,-oProxyCommand=sh", "expected at least two addresses"),
        ("TRAINING_NODES", "10.0.0.1,a b", "expected at least two addresses"),
        ("TRAINING_NODE_PROCESSES", "0", "say how many GPUs"),
        ("TRAINING_NODE_SHELL", "ssh {host}", "expected a command with {host} and {command}"),
        ("TRAINING_NODE_SHELL", "ssh {host} {command} {else}", "expected a command with {host} and {command}"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    read = {
        "TRAINING_NODES": reading.nodes,
        "TRAINING_NODE_PROCESSES": lambda name: reading.node_processes(name, nodes=["a", "b"]),
        "TRAINING_NODE_SHELL": reading.node_shell,
    }[name]

    with pytest.raises(ImproperlyConfigured, match=said.replace("{", r"\{")):
        read(name)


def test_a_run_on_several_machines_needs_them_named():
    assert profiles.problem("ppo", "nodes", given={"TRAINING_NODES"}) == ""
    assert "needs TRAINING_NODES" in profiles.problem("ppo", "nodes", given=())
    assert "expected one of one, cpu-2, gpus; got 'n'" in profiles.problem("ppo", "n", given=())
    assert profiles.names("ppo", given=()) == ("one", "cpu-2", "gpus")
