"""Simulated annotators for the demo: a common taste with a known rule, and people of different care.

They stand in for a crowd where there is none, are marked `simulated` in the database and on every page, and work
through the product's own doors. Because their taste is a rule, the demo can also say how good a completion truly is.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from annotate import assignments, people, rankings
from annotate.answers import Answer
from annotate.models import Annotator, Completion, Origin, Project

SOURCE = "simulation"
CJK = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-zÀ-ÿ]")
END = re.compile(r"[.!?。！？…][\"'”’」)）]*$")
CJK_PER_WORD = 1.6
"""Chinese characters that say about as much as one English word."""

Message = dict[str, str]


@dataclass(frozen=True)
class Taste:
    """The weights of the rule. A score lies between -offset and the sum of the weights - offset: -3 to 3."""

    language: float = 2.0
    no_repeat: float = 1.0
    finish: float = 2.0
    length: float = 1.0
    offset: float = 3.0
    fewest_words: int = 4
    most_words: int = 40


TASTE = Taste()


@dataclass(frozen=True)
class Person:
    """A simulated annotator: how much noise is in their judgement, and what else moves it."""

    name: str
    noise: float  # standard deviation added to the true score
    tie_width: float  # neighbours closer than this are a tie
    position_pull: float = 0.0  # score lost with each place further down the page
    length_pull: float = 0.0  # score won with each word


CROWD = (
    Person("careful-1", noise=0.3, tie_width=0.15),
    Person("careful-2", noise=0.35, tie_width=0.2),
    Person("average-1", noise=0.6, tie_width=0.2),
    Person("average-2", noise=0.7, tie_width=0.3),
    Person("average-3", noise=0.8, tie_width=0.1),
    Person("careless", noise=4.0, tie_width=0.1),
    Person("follows-position", noise=0.5, tie_width=0.1, position_pull=1.5),
    Person("prefers-length", noise=0.5, tie_width=0.1, length_pull=0.06),
)


def true_score(messages: Sequence[Message], text: str) -> float:
    """Return how good a completion is by the rule, -3 to 3: right language, no repeats, an end, a fair length."""
    return (
        TASTE.language * language_match(messages[-1]["content"], text)
        + TASTE.no_repeat * (1 - repeat_rate(text))
        + TASTE.finish * float(bool(END.search(text.strip())))
        + TASTE.length * length_fit(text)
        - TASTE.offset
    )


def language_match(prompt: str, text: str) -> float:
    """Return the share (0..1) of a text's letters that are in the prompt's script, Chinese or Latin."""
    cjk, latin = len(CJK.findall(text)), len(LATIN.findall(text))
    if not cjk + latin:
        return 0.0
    is_chinese = len(CJK.findall(prompt)) > len(LATIN.findall(prompt)) / 4
    return (cjk if is_chinese else latin) / (cjk + latin)


def repeat_rate(text: str) -> float:
    """Return the share (0..1) of a text's trigrams that were there before: words, or characters in Chinese."""
    tokens = [*text] if len(CJK.findall(text)) > len(LATIN.findall(text)) else text.casefold().split()
    grams = [tuple(tokens[i : i + 3]) for i in range(len(tokens) - 2)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def word_count(text: str) -> float:
    """Return the length of a text in words, Chinese characters counted by what they say."""
    cjk = len(CJK.findall(text))
    return len(CJK.sub(" ", text).split()) + cjk / CJK_PER_WORD


def length_fit(text: str) -> float:
    """Return 1 for a sensible length, falling to 0 at no words and at twice the most."""
    words = word_count(text)
    if words < TASTE.fewest_words:
        return words / TASTE.fewest_words
    return max(0.0, min(1.0, 2 - words / TASTE.most_words))


def rank(person: Person, messages: Sequence[Message], texts: Sequence[str], *, rng: random.Random) -> list[list[int]]:
    """Return a person's tiers of indices into `texts`, which are in the order of the page."""
    felt = [
        true_score(messages, text)
        + rng.gauss(0, person.noise)
        - person.position_pull * position
        + person.length_pull * word_count(text)
        for position, text in enumerate(texts)
    ]
    order = sorted(range(len(texts)), key=lambda i: -felt[i])
    tiers = [[order[0]]]
    for better, worse in zip(order, order[1:], strict=False):
        if felt[better] - felt[worse] < person.tie_width:
            tiers[-1].append(worse)
        else:
            tiers.append([worse])
    return tiers


def crowd() -> list[tuple[Person, Annotator]]:
    """Return the simulated people with their annotator rows, made at first use."""
    rows = people.without_account(Origin.SIMULATED, source=SOURCE, external_ids=[person.name for person in CROWD])
    return [(person, rows[person.name]) for person in CROWD]


def work(project: Project, *, ranking_count: int, seed: int) -> int:
    """Let the crowd make so many rankings from a project's queue; return how many they found work for.

    They take turns in a random order, so that each comparison meets a random few of them.
    """
    rng = random.Random(f"simulation {seed}")  # noqa: S311  reproducible, not secret
    at_work, count = crowd(), 0
    while at_work and count < ranking_count:
        person, annotator = rng.choice(at_work)
        if _rank_next(person, annotator, project, rng):
            count += 1
        else:
            at_work.remove((person, annotator))
    return count


def _rank_next(person: Person, annotator: Annotator, project: Project, rng: random.Random) -> bool:
    """Rank the next comparison of the queue for one person; False where it has nothing for them."""
    place = assignments.reserve_next(annotator, project)
    if place is None:
        return False
    texts = dict(Completion.objects.filter(pk__in=place.order).values_list("pk", "text"))
    tiers = rank(person, place.comparison.prompt.messages, [texts[pk] for pk in place.order], rng=rng)
    rankings.submit(place, Answer([[place.order[i] for i in tier] for tier in tiers]), submission=uuid4())
    return True
