"""The eight rules of docs/architecture.md, read from the imports with ast; a breach names file, line and rule."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "transformers", "trl", "peft", "accelerate", "datasets", "safetensors", "gguf", "tokenizers"}
OURS = {"annotate", "rlhf", "operations", "config"}
DOORS = {
    "annotate.preferences",
    "annotate.access",
    "annotate.consistency",  # the reports as they are stored
    "annotate.audit",  # acts that bear on rights
    "annotate.sealing",  # the chain of sums over them
    "annotate.influence",  # on whom labels rest: the gate before training
    "annotate.information",  # the order in which completions wait
    "annotate.intake",
    "annotate.admin",  # how tables are looked at
    "annotate.rows",  # the shapes that intake takes
    "annotate.jsonlines",  # lines from strangers, strictly
    "annotate.uploads",  # files from browsers, into the data directory
    "annotate.models",
    "annotate.api",  # the grammar of the REST API
    "annotate.outbox",  # what happened, for other systems
    "annotate.win_rates",
    "annotate.reward_models",  # scores of what people ranked
}
DEMO_DOORS = DOORS | {"annotate.projects", "annotate.people", "annotate.simulation", "annotate.reports"}


def imports_of(path):
    """Yield (line, module) for every import of a file, wherever it stands; `from a import b` yields a and a.b.

    What Django's import_string names counts, too: it is loaded later, not less.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_string":
            yield node.lineno, ast.literal_eval(node.args[0])


def top(module):
    return module.split(".")[0]


def inside(module, *packages):
    return any(module == package or module.startswith(package + ".") for package in packages)


def is_stdlib(module):
    return top(module) in sys.stdlib_module_names


def breach_1(path, module):
    """annotate never imports rlhf."""
    return path.startswith("annotate/") and top(module) == "rlhf"


def breach_2(path, module):
    """rlhf/training imports only rlhf.contract (and itself) of ours; no Django, no Celery."""
    if not path.startswith("rlhf/training/") or module == "rlhf":
        return False
    is_foreign_room = top(module) in OURS and not inside(module, "rlhf.contract", "rlhf.training")
    return is_foreign_room or top(module) in {"django", "celery", "kombu", "rest_framework"}


def breach_3(path, module):
    """rlhf/contract imports the standard library only."""
    return path.startswith("rlhf/contract/") and not is_stdlib(module) and not inside(module, "rlhf.contract")


def breach_4(path, module):
    """annotate/quality imports numpy, scipy and the standard library only."""
    allowed = top(module) in {"numpy", "scipy"} or inside(module, "annotate.quality") or is_stdlib(module)
    return path.startswith("annotate/quality/") and not allowed


def breach_5(path, module):
    """No Django-side module imports the training libraries or rlhf.training."""
    is_django_side = top(path.replace("/", ".")) in OURS and not path.startswith("rlhf/training/")
    return is_django_side and (top(module) in HEAVY or inside(module, "rlhf.training"))


def breach_6(path, module):
    """rlhf enters annotate by its doors only; the demo, which plays every part, by a few more."""
    if not path.startswith("rlhf/") or top(module) != "annotate" or module == "annotate":
        return False
    doors = DEMO_DOORS if path.startswith(("rlhf/management/commands/demo", "rlhf/demo/")) else DOORS
    return not inside(module, *doors)


def breach_8(path, module):
    """annotate and rlhf never import operations, which watches over both; config wires it."""
    return path.startswith(("annotate/", "rlhf/")) and top(module) == "operations"


RULES = {1: breach_1, 2: breach_2, 3: breach_3, 4: breach_4, 5: breach_5, 6: breach_6, 8: breach_8}


def sources():
    return [path for name in sorted(OURS) for path in sorted((ROOT / name).rglob("*.py"))]


@pytest.mark.parametrize("number", RULES)
def test_no_import_breaks_a_layer_rule(number):
    rule = RULES[number]

    breaches = [
        f"{path.relative_to(ROOT)}:{line}: rule {number}: imports {module}. {rule.__doc__}"
        for path in sources()
        for line, module in imports_of(path)
        if rule(path.relative_to(ROOT).as_posix(), module)
    ]

    assert not breaches, "\n".join(breaches)


def test_imports_stand_at_the_top_of_their_file():
    """Rule 7: an import inside a function is a circle that was not opened."""
    breaches = [
        f"{path.relative_to(ROOT)}:{inner.lineno}: rule 7: import inside {node.name}()"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]

    assert not breaches, "\n".join(breaches)


def test_the_rlhf_package_loads_nothing():
    """Rule 7: or `-m rlhf.training.ppo` would load Django."""
    assert list(imports_of(ROOT / "rlhf" / "__init__.py")) == []


@pytest.mark.parametrize(
    ("number", "path", "module"),
    [
        (1, "annotate/views/rank.py", "rlhf.models"),
        (2, "rlhf/training/ppo.py", "annotate.models"),
        (2, "rlhf/training/ppo.py", "django.db"),
        (3, "rlhf/contract/config.py", "numpy"),
        (4, "annotate/quality/alpha.py", "django.db"),
        (5, "rlhf/views.py", "torch"),
        (5, "annotate/intake.py", "rlhf.training.models"),
        (6, "rlhf/views.py", "annotate.rankings"),
        (8, "annotate/people.py", "operations.addresses"),
    ],
)
def test_a_breach_is_seen(number, path, module):
    assert RULES[number](path, module)


def test_the_web_process_loads_no_training_library():
    """What gunicorn loads, with every URL and view, in a fresh interpreter.

    `-X importtime` lists what an import statement loaded, even if it was dropped again; sys.modules adds what importlib
    loaded (Django's URL modules).
    """
    loads = "import sys, config.wsgi; from django.urls import get_resolver; get_resolver().url_patterns"

    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"{loads}; print(*sys.modules, sep='\\n')"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )

    timed = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    loaded = timed | set(done.stdout.splitlines())
    assert {"config.wsgi", "annotate.urls", "rlhf.urls"} <= loaded
    assert not {module for module in loaded if top(module) in HEAVY or inside(module, "rlhf.training")}
    assert not {"pyarrow", "scipy.optimize", "scipy.stats"} & loaded  # 80 MB that only a freeze needs
