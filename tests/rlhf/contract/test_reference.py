"""The page of fields is that of the configs, and the recipes are configs."""

import json
import re
from pathlib import Path

from rlhf.contract import config as configs
from rlhf.contract import reference

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_of_fields_is_what_the_configs_say():
    written = (DOCS / "training_fields.md").read_text("utf-8")

    assert written == reference.page()  # else: python -m rlhf.contract.reference > docs/training_fields.md


def test_the_recipes_are_configs_that_are_taken():
    recipes = re.findall(r"```json (\w+)\n(.*?)```", (DOCS / "training.md").read_text("utf-8"), re.DOTALL)

    parsed = [configs.parse(stage, json.loads(text)) for stage, text in recipes]

    assert len(parsed) == 3
