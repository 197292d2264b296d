"""The rows that cross between the web side and the GPU side, and the reasons a run may fail for."""

import enum
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Message = dict[str, str]  # {"role": "system" | "user" | "assistant", "content": text}


class FailureReason(enum.StrEnum):
    """Why a run failed; stored in Run.failure_reason, shown on its page with `failure_message`."""

    BAD_CONFIG = "bad_config"  # config.json cannot be read or is out of bounds
    BAD_ARTEFACT = "bad_artefact"  # a checkpoint or snapshot does not verify against its manifest
    TOKENIZER_MISMATCH = "tokenizer_mismatch"  # reward model and policy do not share tokenizer and template
    EMPTY_DATA = "empty_data"  # nothing is left to train on
    NON_FINITE = "non_finite"  # a loss, gradient or score is NaN or infinite
    NO_SIGNAL = "no_signal"  # every completion is worth the same: there is nothing to learn from
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    NO_STORE = "no_store"  # the artefact store did not answer; what the trainer left is on its machine
    CRASHED = "crashed"  # the trainer raised or died; the message has the end of the log
    NO_RESULT = "no_result"  # exit 0 without result.json
    HUNG = "hung"  # the trainer showed no sign of life for RUN_HUNG_SECONDS
    LOST = "lost"  # its worker went silent and the attempts are used up


@dataclass(frozen=True, kw_only=True)
class PreferenceRecord:
    """A consensus pair: one row of preferences.parquet (the columns, in this order)."""

    prompt_id: str
    prompt: str  # JSON list of messages: Parquet holds text, the trainer decodes it
    chosen: str
    rejected: str
    q: float  # P(chosen is better), 0.5..1
    margin: float  # mean strength where annotators gave one, else the logit of q; -3..3
    p_tie: float
    n_votes: int
    n_eff: float = 0.0  # equally good annotators that the votes are worth; 0 in snapshots from before it was kept
    weight: float  # the weights of a prompt's pairs sum to 1
    category: str
    guideline: int  # version number; 0 where unknown
    split: str  # "train" or "test", by the prompt's text

    @property
    def hard_weight(self) -> float:
        """The weight where the label is «chosen is better» and nothing else: certainty counts, ties and doubts do not.

        0 where a tie is likelier than not or q is within 0.1 of 1/2, else the weight times |2q - 1|. A loss with soft
        labels knows q and takes the weight as it is, or certainty would count twice.
        """
        is_open = self.p_tie > 0.5 or self.q - 0.5 < 0.1
        return 0.0 if is_open else self.weight * (2 * self.q - 1)


@dataclass(frozen=True)
class PromptRecord:
    """One line of prompts.jsonl."""

    prompt_id: str
    messages: list[Message]
    category: str
    language: str
    split: str  # "train" or "test"


@dataclass(frozen=True)
class DemonstrationRecord:
    """One line of demonstrations.jsonl."""

    prompt_id: str
    messages: list[Message]
    completion: str
    split: str


@dataclass(frozen=True)
class DocumentRecord:
    """One line of text.jsonl, a corpus: a document of plain text."""

    text: str
    split: str  # "train" or "test", by a hash of the text


@dataclass(frozen=True)
class CompletionRecord:
    """One line of completions.jsonl, left by a `sample` run: one completion by one model."""

    prompt_id: str
    text: str
    model: str  # "base" or "baseline": which input of the run wrote it
    is_finished: bool  # ended by EOS rather than by max_new_tokens


@dataclass(frozen=True)
class ScoreRecord:
    """One line of scores.jsonl: what a reward model gives a completion that people ranked."""

    prompt_id: str
    completion: str
    score: float


Record = PreferenceRecord | PromptRecord | DemonstrationRecord | DocumentRecord | CompletionRecord | ScoreRecord


def write_jsonl(path: Path, records: Iterator[Record] | list[Any]) -> int:
    """Write one JSON object a line (UTF-8, keys in field order) and return how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        for record in records:
            lines.write(json.dumps(asdict(record), ensure_ascii=False) + "\n")
            count += 1
    return count


def read_jsonl(path: Path, kind: type[Any]) -> Iterator[Any]:
    """Yield records of `kind` (PromptRecord, …) from a file written by write_jsonl."""
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield kind(**json.loads(line))
