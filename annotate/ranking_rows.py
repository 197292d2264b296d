"""What a line of a file of rankings says, checked: a verdict made elsewhere and all that was said with it.

Lines in, frozen rows out; no database. A FieldError names the field that is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from annotate import jsonlines, row_parts
from annotate.answers import MAX_NOTE_CHARS, MAX_SPANS, STRONGEST
from annotate.jsonlines import FieldError, Json
from annotate.models import Origin
from annotate.questions import KEY, RATING_HIGH, RATING_LOW

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class RankingRow:
    """A ranking or pairwise vote made elsewhere."""

    comparison: str
    annotator: str
    tiers: tuple[tuple[str, ...], ...]  # completion ids of the file
    submitted_at: datetime
    seconds: float | None = None
    reason: str = ""
    order: tuple[str, ...] = ()  # as displayed; empty where unknown
    active_seconds: float | None = None
    revision: int = 1
    is_simulated: bool = False
    strength: int | None = None
    is_all_bad: bool = False
    unrankable: str = ""
    ratings: Mapping[str, int] = field(default_factory=dict)  # here and below by completion id of the file
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aspects: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    spans: tuple[tuple[str, int, int, str], ...] = ()  # (completion, start, end, note)

    @property
    def named(self) -> set[str]:
        """Every completion id that the row names."""
        by_completion = [self.ratings, self.flags, *self.aspects.values(), self.order, *self.tiers]
        return {name for names in by_completion for name in names} | {span[0] for span in self.spans}


def ranking(values: Json) -> RankingRow:
    """Return a line of a rankings file: {"comparison", "annotator"}, what was said and about it.

    What was said is `ranking` ([[id, …], …] best first, several in a tier are a tie), or `chosen` and `rejected`, or
    `tie` (two ids), or `unrankable` (why). Without `submitted_at` the time of the import counts; `guideline` is another
    project's number and is not kept.
    """
    about = ["submitted_at", "seconds", "active_seconds", "order", "origin", "revision", "guideline", "reason"]
    said = ["ranking", "chosen", "rejected", "tie", "unrankable", "strength", "is_all_bad"]
    optional = [*about, *said, "ratings", "flags", "aspects", "spans"]
    jsonlines.only_keys(values, required=["comparison", "annotator"], optional=optional)
    order = values.get("order", [])
    return RankingRow(
        comparison=jsonlines.identifier(values["comparison"], "comparison"),
        annotator=jsonlines.identifier(values["annotator"], "annotator"),
        tiers=_tiers(values),
        submitted_at=_time(values["submitted_at"], "submitted_at") if "submitted_at" in values else datetime.now(UTC),
        seconds=_seconds(values, "seconds"),
        reason=row_parts.text(values, "reason", max_chars=20_000),
        order=tuple(row_parts.ids(order, "order")) if order else (),
        active_seconds=_seconds(values, "active_seconds"),
        revision=row_parts.whole(values, "revision", low=1, high=1000) or 1,
        is_simulated=row_parts.one_of(values, "origin", Origin.values) == Origin.SIMULATED,
        strength=row_parts.whole(values, "strength", low=0, high=STRONGEST),
        is_all_bad=_yes(values, "is_all_bad"),
        unrankable=row_parts.text(values, "unrankable", max_chars=300),
        ratings=_scale(values.get("ratings", {}), "ratings"),
        flags=_flags(values.get("flags", {})),
        aspects=_aspects(values.get("aspects", {})),
        spans=_spans(values.get("spans", [])),
    )


def _tiers(values: Json) -> tuple[tuple[str, ...], ...]:
    has_pair, has_tie = "chosen" in values or "rejected" in values, "tie" in values
    has_ranking, is_unrankable = bool(values.get("ranking")) or "ranking" in values, bool(values.get("unrankable"))
    if is_unrankable and not (has_pair or has_tie or values.get("ranking")):
        return ()
    if has_pair + has_tie + has_ranking + is_unrankable != 1:
        raise FieldError("ranking", "expected exactly one of `ranking`, `chosen` with `rejected`, or `tie`.")
    if has_pair:
        jsonlines.only_keys({k: 0 for k in ("chosen", "rejected") if k in values}, required=["chosen", "rejected"])
        return tuple((jsonlines.identifier(values[key], key),) for key in ("chosen", "rejected"))
    if has_tie:
        return (tuple(row_parts.ids(values["tie"], "tie")),)
    return row_parts.tiers(values["ranking"], "ranking")


def _seconds(values: Json, name: str) -> float | None:
    return jsonlines.number(values[name], name, low=0.0, high=DAY_SECONDS) if name in values else None


def _yes(values: Json, name: str) -> bool:
    if not isinstance(values.get(name, False), bool):
        raise FieldError(name, f"expected true or false, got {jsonlines.describe(values[name])}.")
    return bool(values.get(name, False))


def _scale(value: object, where: str) -> dict[str, int]:
    given = jsonlines.object_of(value, where)
    return {
        jsonlines.identifier(name, where): jsonlines.whole_number(
            rating, f"{where}.{name[:60]}", low=RATING_LOW, high=RATING_HIGH
        )
        for name, rating in given.items()
        if rating is not None  # a struct column of Parquet has every name in every row
    }


def _flags(value: object) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, keys in jsonlines.object_of(value, "flags").items():
        where = f"flags.{name[:60]}"
        flags = jsonlines.items(keys, where, low=0, high=30, what="flags")
        found[jsonlines.identifier(name, "flags")] = tuple(_named_key(key, where) for key in flags)
    return found


def _aspects(value: object) -> dict[str, dict[str, int]]:
    given = jsonlines.object_of(value, "aspects")
    return {_named_key(key, "aspects"): _scale(values, f"aspects.{key[:40]}") for key, values in given.items()}


def _named_key(value: object, where: str) -> str:
    if not isinstance(value, str) or not KEY.fullmatch(value):
        raise FieldError(where, f"a key is 1-40 of a-z, 0-9 and _, a letter first; got {jsonlines.describe(value)}.")
    return value


def _spans(value: object) -> tuple[tuple[str, int, int, str], ...]:
    found = jsonlines.items(value, "spans", low=0, high=MAX_SPANS, what="marks")
    return tuple(_span(jsonlines.object_of(span, f"spans[{i}]"), f"spans[{i}]") for i, span in enumerate(found))


def _span(values: Json, where: str) -> tuple[str, int, int, str]:
    jsonlines.only_keys(values, required=["completion", "start", "end"], optional=["note"])
    start = jsonlines.whole_number(values["start"], f"{where}.start", low=0, high=jsonlines.MAX_TEXT_CHARS)
    end = jsonlines.whole_number(values["end"], f"{where}.end", low=start + 1, high=jsonlines.MAX_TEXT_CHARS)
    note = jsonlines.text(values["note"], f"{where}.note", max_chars=MAX_NOTE_CHARS) if values.get("note") else ""
    return jsonlines.identifier(values["completion"], f"{where}.completion"), start, end, note


def _time(value: object, where: str) -> datetime:
    """Return an ISO 8601 time; one without a zone counts as UTC."""
    said = jsonlines.text(value, where, max_chars=64)
    try:
        time = datetime.fromisoformat(said)
    except ValueError:
        raise FieldError(where, f"expected an ISO 8601 time such as 2026-11-24T09:30:00Z, got {said[:40]!r}.") from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if not EARLIEST <= time <= datetime.now(UTC):
        raise FieldError(where, f"expected a time from {EARLIEST:%Y} to now, got {said[:40]!r}.")
    return time
