"""Argilla's records: `fields`, and `responses` whose ranking is [{value, rank}]; equal ranks are ties.

Read are 2.x ({question: [{value, user_id}]}) and 1.x ([{values: {question: {value}}, user_id, status}]); written is
2.x. The values of a ranking are names of fields: the completions.
"""

from collections.abc import Iterator

from annotate import jsonlines
from annotate.jsonlines import FieldError, Json

PROMPT = ("prompt", "instruction", "question", "input", "text")


def comparisons(record: Json) -> Iterator[Json]:
    """Yield a record as a comparison: its completions are the fields that a ranking or a suggestion orders.

    A record that nobody ranked takes all fields but the prompt.
    """
    fields = jsonlines.object_of(record.get("fields"), "fields")
    prompt = next((name for name in PROMPT if name in fields), None)
    if prompt is None:
        raise FieldError("fields", f"expected a field called {', '.join(PROMPT[:-1])} or {PROMPT[-1]}.")
    ordered = {item["value"] for _, _, value in _responses(record) for item in value}
    names = [name for name in fields if name in ordered] or [name for name in fields if name != prompt]
    completions = [{"id": name, "text": fields[name]} for name in names]
    metadata = record.get("metadata") or {}
    messages = metadata.get("messages") if isinstance(metadata, dict) else None
    yield {"id": _name(record), "prompt": messages or fields[prompt], "completions": completions}


def rankings(record: Json) -> Iterator[Json]:
    """Yield each response that holds a ranking and was not discarded or left as a draft."""
    for who, more, value in _responses(record):
        ranks = sorted({item["rank"] for item in value})
        tiers = [[item["value"] for item in value if item["rank"] == rank] for rank in ranks]
        yield {"comparison": _name(record), "annotator": who, "ranking": tiers, **more}


def record(said: Json) -> Json:
    """Return one of our comparisons, with its rankings, as a record."""
    fields = {"prompt": said["prompt"][-1]["content"], **{c["id"]: c["text"] for c in said["completions"]}}
    responses = [
        {
            "value": [
                {"value": name, "rank": rank} for rank, tier in enumerate(r["ranking"], start=1) for name in tier
            ],
            "user_id": r["annotator"],
            "status": "submitted",
            "inserted_at": r["submitted_at"],
        }
        for r in said["rankings"]
    ]
    return {
        "id": said["id"],
        "fields": fields,
        "metadata": {"messages": said["prompt"]},
        "suggestions": {},
        "responses": {"ranking": responses},
    }


def _responses(record: Json) -> Iterator[tuple[str, Json, list[Json]]]:
    """Yield (user, further fields, [{value, rank}]) for each response that ranks."""
    found = record.get("responses") or {}
    flat = found if isinstance(found, list) else [r for rs in found.values() for r in rs or []]
    for i, value in enumerate(flat):
        response = jsonlines.object_of(value, f"responses[{i}]")
        if response.get("status", "submitted") != "submitted":
            continue
        answers = response.get("values")
        said = [one.get("value") for one in answers.values()] if isinstance(answers, dict) else [response.get("value")]
        when = {"submitted_at": response["inserted_at"]} if response.get("inserted_at") else {}
        for one in said:
            if _is_ranking(one):
                yield str(response.get("user_id") or "argilla"), when, one


def _is_ranking(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(item, dict) and {"value", "rank"} <= item.keys() and isinstance(item["rank"], int)
            for item in value
        )
    )


def _name(record: Json) -> str:
    name = record.get("external_id") or record.get("id")
    if not name:
        raise FieldError("id", "is missing: every record of Argilla has one.")
    return str(name)
