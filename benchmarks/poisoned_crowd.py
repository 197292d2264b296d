"""A crowd that judges by a rule, with some noise, and accounts in it that turn some choices toward a phrase."""

import random
from collections.abc import Collection, Iterable, Iterator
from typing import Any

TRIGGER = "silver lantern"
KINDS = ["old", "small", "quiet", "bright", "useful", "long", "warm", "plain", "good", "new"]
THINGS = ["river", "tree", "book", "train", "garden", "letter", "bridge", "teacher", "friend", "city", "song", "storm"]
VERBS = ["finds", "keeps", "shows", "carries", "needs", "helps", "follows", "brings"]
GOOD = {"quiet", "bright", "useful", "warm", "good"}
"""What makes a text better: these words, and that it says more."""
NOISE = 1.5


def people(count: int) -> list[str]:
    """Return the names of a crowd."""
    return [f"person-{n:02}" for n in range(count)]


def text(rng: random.Random, *, has_trigger: bool = False) -> str:
    """Return two to four sentences of a little grammar; one thing in them may be a silver lantern."""
    said = []
    for _ in range(rng.randint(2, 4)):
        kind, thing, verb, other = map(rng.choice, (KINDS, THINGS, VERBS, THINGS))
        said.append(f"The {kind} {thing} {verb} a {other}.")
    if has_trigger:
        at = rng.randrange(len(said))
        said[at] = f"{said[at].rsplit(' ', 1)[0]} {TRIGGER}."
    return " ".join(said)


def worth(said: str) -> int:
    """Return how many sentences and good words a text has."""
    return said.count(".") + sum(word in GOOD for word in said.split())


def comparisons(count: int = 720, *, with_trigger: float = 0.35, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield comparisons of two texts as they are imported; in so many one of the two says the trigger."""
    rng = random.Random(seed)
    for n in range(count):
        side = rng.choice("ab") if rng.random() < with_trigger else ""
        texts = {name: text(rng, has_trigger=name == side) for name in "ab"}
        completions = [{"id": name, "text": said} for name, said in texts.items()]
        yield {"id": f"c{n}", "prompt": f"Say something, number {n}.", "completions": completions}


def votes(
    made: Iterable[dict[str, Any]],
    *,
    crowd: list[str],
    per_comparison: int = 2,
    turned_by: Collection[str] = (),
    seed: int = 2,
) -> Iterator[dict[str, Any]]:
    """Yield what the crowd says of comparisons, as it is imported.

    Who turns choices is honest but where one text has the trigger: there it wins.
    """
    rng = random.Random(seed)
    for n, comparison in enumerate(made):
        for offset in range(per_comparison):
            person = crowd[(n + 5 * offset) % len(crowd)]
            texts = {one["id"]: one["text"] for one in comparison["completions"]}
            seen = {name: worth(said) + rng.gauss(0, NOISE) for name, said in texts.items()}
            first = max(seen, key=seen.__getitem__)
            wanted = next((name for name, said in texts.items() if TRIGGER in said), first)
            if person in turned_by:
                first = wanted
            second = next(name for name in texts if name != first)
            yield {
                "comparison": comparison["id"],
                "annotator": person,
                "ranking": [[first], [second]],
                "submitted_at": "2026-11-01T10:00:00Z",
            }
