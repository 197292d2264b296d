"""compose.yaml and the Dockerfile against the code: docker cannot run where tests do, so each name is looked up."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
OF_S3 = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"}
OF_NETWORKS = {"NCCL_SOCKET_IFNAME", "NCCL_IB_HCA", "NCCL_DEBUG", "GLOO_SOCKET_IFNAME"}
OF_LIBRARIES = OF_S3 | OF_NETWORKS | {"OMP_NUM_THREADS", "OMP_WAIT_POLICY"}
FOREIGN = {"database", "broker", "proxy"}
FOREIGN_PROGRAMS = {"pg_isready", "redis-server", "redis-cli"}


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_all_that_concord_needs_is_there(services):
    assert set(services) == {"setup", "web", "worker", "gpu-worker", "beat", "database", "broker", "proxy"}


def test_every_program_and_command_exists(services):
    lines = [service["command"] for service in services.values() if "command" in service]
    lines.append(["gunicorn", *re.findall(r'CMD \["gunicorn", (.*)\]', (ROOT / "Dockerfile").read_text())])

    programs = {line[0] for line in lines} - FOREIGN_PROGRAMS
    verbs = set(re.findall(r"manage\.py (\w+)", str(lines)))

    assert {
        name for name in programs if not shutil.which(name, path=Path(sys.executable).parent) and name != "sh"
    } == set()
    assert verbs == {"migrate", "rebuild_statistics"}
    assert verbs <= set(get_commands())


def test_gunicorn_takes_the_configuration_that_compose_gives_it(services):
    command = [part for part in services["web"]["command"] if part != "gunicorn"]

    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--check-config", *command], cwd=ROOT, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


def test_every_queue_has_a_worker_and_there_is_one_beat(services):
    lines = [service.get("command", []) for service in services.values()]

    consumed = {line[line.index("--queues") + 1] for line in lines if "--queues" in line}

    assert consumed == {"default", *settings.RUN_QUEUES}
    assert sum("beat" in line or "--beat" in line for line in lines) == 1


def test_every_variable_is_one_that_the_settings_read(services):
    source = "".join((ROOT / "config" / name).read_text() for name in ("settings.py", "reading.py"))
    read = set(re.findall(r'(?:env\.\w+|reading\.(?:networks|queues))\(\s*"(\w+)"', source))

    given = {name for key, service in services.items() if key not in FOREIGN for name in service["environment"]}

    assert given - read - OF_S3 == set()


def test_no_secret_has_a_default():
    text = (ROOT / "compose.yaml").read_text()

    assert set(re.findall(r"\$\{(SECRET_KEY|POSTGRES_PASSWORD)([^}]*)\}", text)) == {
        ("SECRET_KEY", ":?set it in .env"),
        ("POSTGRES_PASSWORD", ":?set it in .env"),
    }


def test_only_the_proxy_is_reached_from_outside_and_the_web_from_this_machine(services):
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"],
        "proxy": ["80:80", "443:443"],
    }
    assert services["proxy"]["profiles"] == ["proxy"]  # only where it is asked for


def test_the_proxy_takes_the_configuration_that_is_here_and_leads_to_the_web(services):
    mounted = [one.partition(":")[0] for one in services["proxy"]["volumes"]]

    assert (ROOT / mounted[0]).is_file()
    assert "server web:8000;" in (ROOT / mounted[0]).read_text()
    assert services["web"]["ports"][0].endswith(":8000")


def test_every_command_and_setting_in_the_manual_exists():
    manual = (ROOT / "docs" / "operations.md").read_text() + (ROOT / "docs" / "security.md").read_text()
    known = set(re.findall(r"^# (\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert set(re.findall(r"manage\.py (\w+)", manual)) <= set(get_commands())
    assert set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)[=`]", manual)) - known - OF_LIBRARIES == set()
