"""HH-RLHF: `chosen` and `rejected` transcripts that share all but the assistant's last turn (Bai et al. 2022).

github.com/anthropics/hh-rlhf: turns begin with «\\n\\nHuman:» or «\\n\\nAssistant:». The data has two turns of one
speaker in a row; they are read as one turn.
"""

import re
from collections.abc import Iterator, Sequence

from annotate import jsonlines
from annotate.formats.pairs import pair_id, verdict
from annotate.jsonlines import FieldError, Json

TURN = re.compile(r"(?:^|\n\n)(Human|Assistant):")
ROLES = {"Human": "user", "Assistant": "assistant"}
SPEAKERS = {"user": "Human", "assistant": "Assistant"}


def comparisons(record: Json) -> Iterator[Json]:
    """Yield the pair as a comparison; «a» is the chosen one."""
    jsonlines.only_keys(record, required=["chosen", "rejected"])
    prompt, chosen = _turns(record["chosen"], "chosen")
    other, rejected = _turns(record["rejected"], "rejected")
    if prompt != other:
        raise FieldError("rejected", "its prompt differs from that of `chosen`: they share all but the last turn.")
    yield {"id": pair_id(record), "prompt": prompt, "completions": [chosen, rejected]}


def rankings(record: Json) -> Iterator[Json]:
    """Yield what the pair says of it."""
    yield verdict(record, annotator="hh-rlhf")


def transcript(messages: Sequence[dict[str, str]], completion: str) -> str:
    """Return messages and the completion as a transcript; a system message opens the first human turn."""
    system = "".join(f"{m['content']}\n" for m in messages if m["role"] == "system")
    turns = [f"\n\n{SPEAKERS[m['role']]}: {m['content']}" for m in messages if m["role"] != "system"]
    turns[0] = turns[0].replace("Human: ", f"Human: {system}", 1)
    return "".join([*turns, f"\n\nAssistant: {completion}"])


def _turns(value: object, where: str) -> tuple[list[dict[str, str]], str]:
    text = jsonlines.text(value, where)
    parts = TURN.split(text)
    if len(parts) < 3 or parts[0].strip():
        raise FieldError(where, "expected a transcript that begins with «Human:».")
    turns: list[dict[str, str]] = []
    for speaker, said in zip(parts[1::2], parts[2::2], strict=True):
        role, content = ROLES[speaker], said.strip()
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n\n{content}"
        else:
            turns.append({"role": role, "content": content})
    if turns[-1]["role"] != "assistant" or len(turns) < 2:
        raise FieldError(where, "expected a transcript that ends with a turn of «Assistant:».")
    return turns[:-1], turns[-1]["content"]
