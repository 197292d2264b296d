"""The worked examples in the docstrings of annotate/quality give what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

from annotate import quality

ROOT = Path(quality.__file__).parent
MODULES = sorted(
    ".".join(("annotate", "quality", *path.relative_to(ROOT).with_suffix("").parts))
    for path in ROOT.rglob("*.py")
    if path.name != "__init__.py"
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))

    assert failed == 0
