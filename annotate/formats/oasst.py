"""OASST message trees (Köpf et al. 2023): under each prompter message the assistant's replies, `rank` 0 the best."""

from collections.abc import Iterator

from annotate import jsonlines
from annotate.jsonlines import FieldError, Json

ROLES = {"prompter": "user", "assistant": "assistant"}
CONSENSUS = "oasst"


def comparisons(record: Json) -> Iterator[Json]:
    """Yield a comparison for each prompter message with two replies or more that have a rank."""
    for thread, replies in _ranked(record):
        last = thread[-1]
        completions = [{"id": reply["message_id"], "text": reply.get("text")} for reply in replies]
        language = {"language": last["lang"]} if last.get("lang") else {}
        prompt = [{"role": ROLES[one["role"]], "content": one.get("text")} for one in thread]
        yield {"id": last["message_id"], "prompt": prompt, "completions": completions, **language}


def rankings(record: Json) -> Iterator[Json]:
    """Yield the consensus order that the ranks are."""
    for thread, replies in _ranked(record):
        ranks = sorted({reply["rank"] for reply in replies})
        tiers = [[reply["message_id"] for reply in replies if reply["rank"] == rank] for rank in ranks]
        yield {"comparison": thread[-1]["message_id"], "annotator": CONSENSUS, "ranking": tiers}


def tree(name: str, messages: list[dict[str, str]], language: str, replies: list[tuple[str, str, int | None]]) -> Json:
    """Return a comparison as a message tree; `replies` are (id, text, rank). A system message opens the first one."""
    turns = [dict(message) for message in messages]
    if turns[0]["role"] == "system":
        system = turns.pop(0)["content"]
        turns[0]["content"] = f"{system}\n\n{turns[0]['content']}"
    answers = [{"message_id": pk, "role": "assistant", "text": t, "rank": r, "replies": []} for pk, t, r in replies]
    node = _message(name, turns[-1], language, answers)
    for i in range(len(turns) - 2, -1, -1):
        node = _message(f"{name}/{i}", turns[i], language, [node])
    return {"message_tree_id": node["message_id"], "tree_state": "ready_for_export", "prompt": node}


def _message(name: str, turn: dict[str, str], language: str, replies: list[Json]) -> Json:
    role = {"user": "prompter"}.get(turn["role"], "assistant")
    return {"message_id": name, "role": role, "text": turn["content"], "lang": language, "replies": replies}


def _ranked(record: Json) -> Iterator[tuple[list[Json], list[Json]]]:
    if "prompt" not in record:
        raise FieldError("prompt", "is missing: expected a message tree a line ({«message_tree_id», «prompt»: {…}}).")
    waiting = [([_checked(record["prompt"], "prompt")], "prompt")]
    while waiting:
        thread, where = waiting.pop()
        found = jsonlines.items(thread[-1].get("replies", []), f"{where}.replies", low=0, high=1000, what="replies")
        replies = [_checked(reply, f"{where}.replies[{i}]") for i, reply in enumerate(found)]
        ranked = [reply for reply in replies if reply.get("rank") is not None]
        if thread[-1]["role"] == "prompter" and len(ranked) > 1:
            yield thread, ranked
        waiting += [([*thread, reply], f"{where}.replies[{i}]") for i, reply in enumerate(replies)]


def _checked(value: object, where: str) -> Json:
    message = jsonlines.object_of(value, where)
    if message.get("role") not in ROLES:
        raise FieldError(
            f"{where}.role", f"expected prompter or assistant, got {jsonlines.describe(message.get('role'))}."
        )
    jsonlines.identifier(message.get("message_id"), f"{where}.message_id")
    if message.get("rank") is not None:
        jsonlines.whole_number(message["rank"], f"{where}.rank", low=0, high=1000)
    return message
