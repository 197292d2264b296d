"""Each published attack has tests that exist, or stands in one place with what it waits for."""

import ast
import json
from pathlib import Path

import pytest

from tests.security.attack_index import PARTLY, TESTS, WAITING

ROOT = Path(__file__).resolve().parents[2]


def functions(path):
    return {node.name for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("attack", TESTS)
def test_the_tests_of_an_attack_exist(attack):
    named = [test.split("::") for test in TESTS[attack]]

    assert named
    assert [f"{path}::{name}" for path, name in named if name not in functions(path)] == []


def test_every_published_attack_is_tested_or_waits(shared):
    published = {one["id"] for one in json.loads((shared / "references" / "attacks.json").read_text())}

    assert published == TESTS.keys() | WAITING.keys()
    assert not TESTS.keys() & WAITING.keys()
    assert PARTLY.keys() <= TESTS.keys()
