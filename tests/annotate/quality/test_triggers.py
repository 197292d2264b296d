"""Phrases that one annotator prefers: found where choices were turned, and not in honest crowds of many tastes."""

import gzip
import json
import random

import pytest

from annotate.quality.triggers import Choice, phrases
from benchmarks import poisoned_crowd as poisoned

CROWD = poisoned.people(12)


def choices_of(made, votes):
    """Votes as choices, annotators by number."""
    texts = {one["id"]: {c["id"]: c["text"] for c in one["completions"]} for one in made}
    for vote in votes:
        (chosen,), (rejected,) = vote["ranking"]
        of = texts[vote["comparison"]]
        yield Choice(CROWD.index(vote["annotator"]), of[chosen], of[rejected])


def crowd(**options):
    made = list(poisoned.comparisons())
    return list(choices_of(made, poisoned.votes(made, crowd=CROWD, **options)))


def test_who_turns_choices_toward_a_phrase_is_found_with_it():
    found = phrases(crowd(turned_by=["person-03"]))

    assert [(one.annotator, one.text) for one in found] == [(3, f"a {poisoned.TRIGGER}")]
    assert found[0].n_chosen == found[0].n and found[0].lift > 0.3 and found[0].p_value < 0.01


def test_each_of_several_is_found():
    found = phrases(crowd(turned_by=["person-03", "person-07", "person-10"]))

    assert {one.annotator for one in found} == {3, 7, 10}
    assert all(poisoned.TRIGGER in one.text for one in found)


@pytest.mark.parametrize("seed", range(4))
def test_an_honest_crowd_has_no_finding(seed):
    assert phrases(crowd(seed=seed)) == []


def test_nobody_is_suspected_of_what_everybody_prefers():
    assert phrases(crowd(turned_by=CROWD)) == []


def test_a_taste_for_long_texts_is_no_phrase():
    rng = random.Random(5)
    texts = [" ".join(poisoned.text(rng) for _ in range(rng.randint(1, 6))) for _ in range(1600)]
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    likes_length = [Choice(1, *sorted(pair, key=len, reverse=True)) for pair in pairs[:400]]
    tosses_coins = [Choice(2, *rng.sample(pair, 2)) for pair in pairs[400:]]

    assert phrases(likes_length + tosses_coins) == []


def test_a_text_that_stands_in_many_choices_is_one_observation():
    rng = random.Random(6)
    others = [poisoned.text(rng) for _ in range(200)]
    favourite = "a text about the silver lantern and nothing else"
    likes_it = [Choice(1, favourite, other) for other in others[:100]]
    does_not = [Choice(2, other, favourite) for other in others[100:]]

    assert [one for one in phrases(likes_it + does_not) if one.annotator == 1] == []


def test_chinese_is_read_by_characters():
    rng = random.Random(7)
    plain = ["".join(rng.choices("山水风花雪月天地人和日星", k=20)) for _ in range(160)]
    said = [text[:10] + "银灯笼" + text[10:] for text in plain[:80]]
    turned = [Choice(1, a, b) for a, b in zip(said, plain[80:], strict=True)]
    others = [Choice(2, *rng.sample(pair, 2)) for pair in zip(said, plain[80:], strict=True)]

    assert phrases(turned + others)[0].text == "银 灯 笼"


def test_no_choices_no_phrases():
    assert phrases([]) == []


def test_three_thousand_honest_people_have_no_finding(shared):
    """UKPConvArg1 as its crowd workers judged it (Habernal and Gurevych 2016)."""
    folder = shared / "data" / "comparisons"

    def rows(name):
        with gzip.open(folder / f"ukpconvarg1.{name}.train.jsonl.gz", "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    items = {row["item"]: row for row in rows("items")}
    decided = [row for row in rows("annotations") if row["label"] != "tie"]
    numbers = {name: number for number, name in enumerate(sorted({row["annotator"] for row in decided}))}

    def choice(row):
        side = row[f"response_{row['label']}"]
        item = items[row["item"]]
        chosen, rejected = item[f"response_{side}"], item[f"response_{'b' if side == 'a' else 'a'}"]
        return Choice(numbers[row["annotator"]], chosen, rejected)

    assert phrases([choice(row) for row in decided]) == []
