"""Every field of every stage as a page of documentation: docs/training_fields.md.

    python -m rlhf.contract.reference > docs/training_fields.md

A test compares the page with what this prints, so that no field is without its explanation.
"""

import dataclasses
import sys
from typing import Any

from rlhf.contract.config import OPTIONAL, REQUIRED, STAGES

HEADING = """# Every field of every stage

Made by `python -m rlhf.contract.reference` from the configs in `rlhf/contract/stages/`: change a field there. Bounds
are inclusive. What the stages do with them is in [training.md](training.md).
"""


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join([HEADING, *(_stage(stage) for stage in STAGES)])


def _stage(stage: str) -> str:
    fields = dataclasses.fields(STAGES[stage])
    rows = [_row(f) for f in sorted(fields, key=lambda f: f.name == "seed")]
    reads = ", ".join([*REQUIRED[stage], *(f"{name} (optional)" for name in OPTIONAL[stage])])
    head = [f"## {stage}", "", f"Reads: {reads}.", "", "| field | default | what it is | may be |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _row(f: "dataclasses.Field[Any]") -> str:
    default = {True: "on", False: "off"}[f.default] if isinstance(f.default, bool) else f"{f.default}"
    return f"| `{f.name}` | {default} | {f.metadata['help'].replace('|', '/')} | {_bounds(f)} |"


def _bounds(f: "dataclasses.Field[Any]") -> str:
    low, high, choices = (f.metadata[name] for name in ("minimum", "maximum", "choices"))
    if choices:
        return ", ".join(choices)
    return "on, off" if low is None else f"{low:,} to {high:,}"


if __name__ == "__main__":
    sys.stdout.write(page())
