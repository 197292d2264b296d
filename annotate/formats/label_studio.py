"""Label Studio's JSON: tasks with `data` and `annotations`, whose `value.ranker` holds the order.

https://labelstud.io/tags/ranker: without buckets the one list is the order; with buckets each is a tier, in the order
in which they stand, and what is left in `_` was not ranked.
"""

from collections.abc import Iterator

from annotate import jsonlines
from annotate.jsonlines import FieldError, Json

UNRANKED = "_"


def comparisons(record: Json) -> Iterator[Json]:
    """Yield a task as a comparison. The completions are its list of {id, title?, body}."""
    values = jsonlines.object_of(record.get("data"), "data")
    name = next((key for key in values if _is_list(values[key])), None)
    if name is None:
        raise FieldError("data", "expected a list of {id, body} among the task's data.")
    completions = [_completion(item, f"data.{name}[{i}]") for i, item in enumerate(values[name])]
    prompt = values.get("messages") or values.get("prompt") or values.get("text")
    yield {"id": _name(record), "prompt": prompt, "completions": completions}


def rankings(record: Json) -> Iterator[Json]:
    """Yield each annotation that was not cancelled."""
    found = jsonlines.items(record.get("annotations", []), "annotations", low=0, high=1000, what="annotations")
    for i, value in enumerate(found):
        annotation = jsonlines.object_of(value, f"annotations[{i}]")
        if not annotation.get("was_cancelled"):
            yield _ranking(record, annotation, f"annotations[{i}]")


def task(said: Json) -> Json:
    """Return one of our comparisons, with its rankings, as a task; tiers are buckets."""
    items = [{"id": c["id"], "title": c["id"], "body": c["text"]} for c in said["completions"]]
    prompt = "\n\n".join(message["content"] for message in said["prompt"])
    values = {"id": said["id"], "prompt": prompt, "messages": said["prompt"], "items": items}
    return {"id": said["id"], "data": values, "annotations": [_annotation(ranking) for ranking in said["rankings"]]}


def _annotation(ranking: Json) -> Json:
    buckets = {f"rank {rank}": tier for rank, tier in enumerate(ranking["ranking"], start=1)}
    result = {"from_name": "rank", "to_name": "items", "type": "ranker", "value": {"ranker": buckets}}
    return {
        "completed_by": ranking["annotator"],
        "created_at": ranking["submitted_at"],
        "lead_time": ranking.get("seconds"),
        "was_cancelled": False,
        "result": [result],
    }


def _ranking(record: Json, annotation: Json, where: str) -> Json:
    said = [r for r in annotation.get("result") or [] if isinstance(r, dict) and "ranker" in (r.get("value") or {})]
    if len(said) != 1:
        raise FieldError(f"{where}.result", f"expected one result with a `value.ranker`, got {len(said)}.")
    ranker = jsonlines.object_of(said[0]["value"]["ranker"], f"{where}.result.value.ranker")
    buckets = [tier for name, tier in ranker.items() if name != UNRANKED and tier]
    if list(ranker) == ["rank"]:
        buckets = [[item] for item in ranker["rank"]]
    who = annotation.get("completed_by", "label-studio")
    who = who.get("email", who.get("id")) if isinstance(who, dict) else who
    made = {"comparison": _name(record), "annotator": str(who), "ranking": buckets}
    times = {"submitted_at": annotation.get("created_at"), "seconds": annotation.get("lead_time")}
    return made | {name: value for name, value in times.items() if value is not None}


def _completion(value: object, where: str) -> Json:
    item = jsonlines.object_of(value, where)
    text = item.get("body") or item.get("text") or item.get("html")
    return {"id": str(item.get("id", "")), "text": text}


def _name(record: Json) -> str:
    if "id" not in record:
        raise FieldError("id", "is missing: every task of Label Studio has one.")
    return str(record["id"])


def _is_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and "id" in item for item in value)
