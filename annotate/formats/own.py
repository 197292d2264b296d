"""Concord's own shape: comparisons, each with the `rankings` made on it; an export of it is lossless."""

from collections.abc import Iterator

from annotate import jsonlines
from annotate.jsonlines import FieldError, Json


def comparisons(record: Json) -> Iterator[Json]:
    """Yield the comparison of a record, without its rankings."""
    yield {name: value for name, value in record.items() if name != "rankings"}


def rankings(record: Json) -> Iterator[Json]:
    """Yield the rankings of a record, each with the comparison it is of."""
    found = jsonlines.items(record.get("rankings", []), "rankings", low=0, high=1000, what="rankings")
    if found and "id" not in record:
        raise FieldError("id", "is missing: the rankings need a comparison to belong to.")
    for i, ranking in enumerate(found):
        yield {"comparison": record["id"], **jsonlines.object_of(ranking, f"rankings[{i}]")}
