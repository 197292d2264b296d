"""UltraFeedback (Cui et al. 2023), both shapes: the original (`instruction`, `completions` with scores) and the
binarized one (`prompt`, `chosen`, `rejected` as messages, `score_chosen`, `score_rejected`)."""

from collections.abc import Iterator

from annotate import jsonlines
from annotate.formats.pairs import pair_id, verdict
from annotate.jsonlines import FieldError, Json

JUDGE = "ultrafeedback"


def comparisons(record: Json) -> Iterator[Json]:
    """Yield the record as a comparison."""
    yield _original(record) if "completions" in record else _binarized(record)


def rankings(record: Json) -> Iterator[Json]:
    """Yield the order of the scores; equal scores are ties."""
    if "completions" in record:
        names = [completion["id"] for completion in _original(record)["completions"]]
        scores = [_score(value, i) for i, value in enumerate(record["completions"])]
        tiers = [[n for n, s in zip(names, scores, strict=True) if s == best] for best in sorted(set(scores))[::-1]]
        yield {"comparison": pair_id(record), "annotator": JUDGE, "ranking": tiers}
        return
    is_tie = "score_chosen" in record and record["score_chosen"] == record.get("score_rejected")
    yield verdict(record, annotator=JUDGE, is_tie=is_tie)


def binarized(prompt_id: str, messages: list[dict[str, str]], chosen: str, rejected: str, q: float) -> Json:
    """Return a consensus pair in the binarized shape; the scores are the probabilities that each is better."""
    last = messages[-1]["content"]
    answers = {"chosen": chosen, "rejected": rejected}
    whole = {name: [*messages, {"role": "assistant", "content": text}] for name, text in answers.items()}
    return {
        "prompt": last,
        "prompt_id": prompt_id,
        **whole,
        "messages": whole["chosen"],
        "score_chosen": q,
        "score_rejected": 1 - q,
    }


def _original(record: Json) -> Json:
    found = jsonlines.items(record["completions"], "completions", low=2, high=9, what="completions")
    made = []
    for i, value in enumerate(found):
        completion = jsonlines.object_of(value, f"completions[{i}]")
        if "response" not in completion:
            raise FieldError(f"completions[{i}].response", "is missing.")
        model = {"model": completion["model"]} if completion.get("model") else {}
        made.append({"id": "abcdefghi"[i], "text": completion["response"], **model})
    if "instruction" not in record:
        raise FieldError("instruction", "is missing.")
    return {"id": pair_id(record), "prompt": record["instruction"], "completions": made}


def _binarized(record: Json) -> Json:
    prompts, answers = zip(*(_conversation(record, name) for name in ("chosen", "rejected")), strict=True)
    if prompts[0] != prompts[1]:
        raise FieldError("rejected", "its prompt differs from that of `chosen`.")
    return {"id": pair_id(record), "prompt": prompts[0], "completions": list(answers)}


def _conversation(record: Json, name: str) -> tuple[object, object]:
    """Return (prompt, completion) of a list of messages, or of a plain text beside `prompt`."""
    value = record.get(name)
    if isinstance(value, str) and "prompt" in record:
        return record["prompt"], value
    messages = jsonlines.items(value, name, low=1, high=200, what="messages")
    last = jsonlines.object_of(messages[-1], f"{name}[{len(messages) - 1}]")
    return messages[:-1] or record.get("prompt", ""), last.get("content")


def _score(value: object, index: int) -> float:
    score = jsonlines.object_of(value, f"completions[{index}]").get("overall_score")
    return jsonlines.number(score, f"completions[{index}].overall_score", low=-1e6, high=1e6)
