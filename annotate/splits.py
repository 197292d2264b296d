"""Which prompts are held out: decided by their text alone, for ever; near-duplicates share a split.

Of prompts that say nearly the same the earliest decides, so a later one never moves it. Reads only.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from annotate.models import Project, Prompt
from annotate.quality.near_duplicates import first_alike

TEST_RATE = 0.25
BATCH = 2000


@dataclass(frozen=True)
class Splits:
    """The splits of a project's prompts; `decided_by` has the hash that decides where it is not the prompt's own."""

    test_rate: float
    decided_by: dict[int, str]  # prompt → text_sha256 of the first prompt that says nearly the same

    def of(self, prompt: Prompt) -> str:
        """Return "test" or "train": all pairs of a prompt stay together."""
        decisive = self.decided_by.get(prompt.pk, prompt.text_sha256)
        return "test" if int(decisive[:12], 16) / 16**12 < self.test_rate else "train"


def splits(project: Project, *, test_rate: float = TEST_RATE) -> Splits:
    """Return the splits of a project as it stands; the prompts' texts are read once, a batch at a time."""
    ids = array("q")
    leaders = first_alike(_texts(project, ids)).tolist()
    moved = {ids[n]: ids[leader] for n, leader in enumerate(leaders) if leader != n}
    hashes = dict(Prompt.objects.filter(project=project).values_list("pk", "text_sha256")) if moved else {}
    return Splits(test_rate, {prompt: hashes[leader] for prompt, leader in moved.items()})


def _texts(project: Project, ids: array) -> Iterator[str]:
    found = Prompt.objects.filter(project=project).order_by("pk").values_list("pk", "messages")
    for pk, messages in found.iterator(chunk_size=BATCH):
        ids.append(pk)
        yield "\n".join(message["content"] for message in messages)
