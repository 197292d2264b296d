"""A world whose every outside text attacks: for the tests that open all pages with it.

`attack` overwrites rows directly: what is stored may be old, imported, or written by someone who got past a form.
"""

from collections.abc import Iterator
from html.parser import HTMLParser

from annotate.models import (
    Adjudication,
    Assignment,
    Comparison,
    Completion,
    Demonstration,
    GuidelineVersion,
    Objection,
    Project,
    Prompt,
    Ranking,
)
from rlhf.models import Checkpoint
from tests.annotate.test_access_table import TABLE, url
from tests.annotate.test_rendering import ATTACKS

LONG = "\n\n".join(ATTACKS).replace("\x00", "")  # which no database keeps and every door refuses
SHORTS = (
    "\"'><script>alert(1)</script>",
    "</title><svg onload=alert(1)>",
    "'\"><img src=x onerror=alert(1)>",
    "\u202ejavascript:alert(1)",
)
NEVER = {"applet", "base", "embed", "frame", "iframe", "img", "object", "style"}
DOWNLOADS = {"checkpoint_download", "pay_export"}
FRAGMENTS = {"run_live", "freezing_live"}
"""Pages for htmx; they are opened within theirs."""


def attack(world: object, short: str) -> None:
    """Put attacks into every field that comes from outside; `short` where no long text fits."""
    Project.objects.update(name=short)
    GuidelineVersion.objects.update(text=LONG)
    Prompt.objects.update(category=short, messages=_messages())
    Prompt.objects.filter(comparisons=world.comparison).update(external_id=short)
    Completion.objects.update(text=LONG, source=short)
    Comparison.objects.filter(pk=world.comparison).update(external_id=short, source=short)
    Ranking.objects.update(reason=LONG, unrankable=short)
    Adjudication.objects.update(reason=LONG)
    Assignment.objects.update(skip_reason=short)
    Checkpoint.objects.update(name=short)
    held = Assignment.objects.get(pk=world.assignment)
    Demonstration.objects.create(prompt=held.comparison.prompt, text=LONG, author=held.annotator)
    Objection.objects.create(
        assignment=held, comparison=held.comparison, annotator=held.annotator, kind="bad_item", text=LONG, answer=LONG
    )


def _messages() -> list[dict[str, str]]:
    return [{"role": role, "content": LONG} for role in ("system", "user", "assistant", "user")]


def pages(role: str, position: int, world: object) -> Iterator[tuple[str, str]]:
    """Yield name and path of each page that a role may open."""
    for (method, name), statuses in TABLE.items():
        if method == "GET" and statuses[position] == 200 and name not in FRAGMENTS:
            yield name, url(name, world)


class Found(HTMLParser):
    """Collects from a page what an attack would have left in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag in NEVER or (tag == "script" and not (values.get("src") or "").startswith("/static/")):
            self.faults.append(self.get_starttag_text())
        if any(name.startswith("on") or name in {"style", "srcdoc", "ping"} for name in values):
            self.faults.append(self.get_starttag_text())
        for name in ("href", "src", "action", "formaction", "hx-get", "hx-post"):
            if not _is_harmless(values.get(name), tag=tag):
                self.faults.append(self.get_starttag_text())


def _is_harmless(target: str | None, *, tag: str) -> bool:
    if target is None or target == "" or target[0] in "#?":
        return True
    if tag == "a" and target.startswith(("https://", "http://", "mailto:")):
        return True
    return target.startswith("/") and not target.startswith("//")
