"""Published cases, human data and simulated crowds; tests that read them skip where `shared` is absent."""

import importlib.util
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

settings.register_profile("shared machine", deadline=None)  # others use the cores, too: time says nothing here
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """A division by zero that numpy only warns about is a number nobody measured."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="session")
def published(shared: Path) -> dict[str, dict]:
    """The reference cases by name."""
    cases = json.loads((shared / "references/reference_shared.json").read_text())["cases"]
    return {case["name"]: case for case in cases}


@pytest.fixture(scope="session")
def crowd_generator(shared: Path) -> ModuleType:
    """The generator of simulated crowds with known truth."""
    spec = importlib.util.spec_from_file_location("crowd_generator", shared / "bench/crowd/gen.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
