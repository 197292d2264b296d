"""Read a snapshot's files, verified, as the stages need them; what does not fit is left out and counted."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq
from transformers import PreTrainedTokenizerBase

from rlhf.contract import records, rundir
from rlhf.contract.records import DemonstrationRecord, FailureReason, PreferenceRecord, PromptRecord
from rlhf.training import models
from rlhf.training.run import StageError

TIE = 1e-9


@dataclass(frozen=True)
class TokenisedPrompt:
    """A prompt ready for generation."""

    record: PromptRecord
    ids: list[int]


@dataclass(frozen=True)
class TokenisedPair:
    """A preference as two sequences that share their prompt."""

    record: PreferenceRecord
    chosen: list[int]
    rejected: list[int]
    chosen_length: int  # tokens of the completion alone
    rejected_length: int


@dataclass(frozen=True)
class TokenisedDemonstration:
    """A demonstration; the loss is on `completion` only."""

    prompt: list[int]
    completion: list[int]


def prompts(
    snapshot: Path, tokenizer: PreTrainedTokenizerBase, *, split: str, max_tokens: int
) -> tuple[list[TokenisedPrompt], int]:
    """Return the prompts of a split ("all", "train", "test") that fit, and how many did not."""
    rundir.verify_manifest(snapshot)
    found = records.read_jsonl(snapshot / "prompts.jsonl", PromptRecord)
    wanted = [record for record in found if split in ("all", record.split)]
    tokenised = [TokenisedPrompt(record, models.prompt_ids(tokenizer, record.messages)) for record in wanted]
    kept = [prompt for prompt in tokenised if len(prompt.ids) <= max_tokens]
    return kept, len(tokenised) - len(kept)


def pairs(
    snapshot: Path, tokenizer: PreTrainedTokenizerBase, *, split: str, max_length: int
) -> tuple[list[TokenisedPair], int]:
    """Return the preference pairs of a split that fit into `max_length` tokens, and how many did not."""
    rundir.verify_manifest(snapshot)
    rows = pq.read_table(snapshot / "preferences.parquet", filters=[("split", "=", split)]).to_pylist()
    cut = _Cutter(tokenizer)
    tokenised = [cut.pair(PreferenceRecord(**row)) for row in rows]
    kept = [pair for pair in tokenised if max(len(pair.chosen), len(pair.rejected)) <= max_length]
    return kept, len(tokenised) - len(kept)


def demonstrations(
    snapshot: Path, tokenizer: PreTrainedTokenizerBase, *, split: str, max_length: int
) -> tuple[list[TokenisedDemonstration], int]:
    """Return the demonstrations of a split that fit into `max_length` tokens, and how many did not."""
    rundir.verify_manifest(snapshot)
    found = records.read_jsonl(snapshot / "demonstrations.jsonl", DemonstrationRecord)
    tokenised = [
        TokenisedDemonstration(
            models.prompt_ids(tokenizer, record.messages), models.completion_ids(tokenizer, record.completion)
        )
        for record in found
        if record.split == split
    ]
    kept = [shown for shown in tokenised if len(shown.prompt) + len(shown.completion) <= max_length]
    return kept, len(tokenised) - len(kept)


def of_half(pairs: Sequence[TokenisedPair], half: str) -> list[TokenisedPair]:
    """Return the pairs of one half of the prompts, "a" or "b", or "all"; a hash of the prompt's text decides."""
    return [pair for pair in pairs if half in ("all", _half_of(pair.record.prompt))]


def _half_of(prompt: str) -> str:
    return "ab"[hashlib.sha256(f"half {prompt}".encode()).digest()[0] % 2]


def labelled(pairs: Sequence[TokenisedPair], labels: str) -> list[TokenisedPair]:
    """Return pairs as a loss takes them: "soft" as they are, "hard" and "margin" with q = 1 and those that decide.

    The margin is what the winner must be ahead by: 0 unless the labels are "margin".
    """
    if labels == "soft":
        return [replace(pair, record=replace(pair.record, margin=0.0)) for pair in pairs]
    kept = (pair for pair in pairs if pair.record.hard_weight > 0)
    return [_as_won(pair, margin=pair.record.margin if labels == "margin" else 0.0) for pair in kept]


def _as_won(pair: TokenisedPair, *, margin: float) -> TokenisedPair:
    return replace(pair, record=replace(pair.record, q=1.0, weight=pair.record.hard_weight, margin=margin))


def require(found: Sequence[object], *, what: str, left_out: int) -> None:
    """Raise StageError where nothing is left to work on."""
    if not found:
        too_long = f" {left_out} were left out as too long." if left_out else ""
        raise StageError(FailureReason.EMPTY_DATA, f"the snapshot has no {what} to work on.{too_long}")


def is_decided(pair: TokenisedPair) -> bool:
    """Say whether the consensus prefers one completion: an exact tie counts neither for nor against a model."""
    return abs(pair.record.q - 0.5) > TIE


class _Cutter:
    """Tokenises pairs, each prompt and completion once: a ranking of K names each completion K - 1 times."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.prompts: dict[str, list[int]] = {}
        self.completions: dict[str, list[int]] = {}

    def pair(self, record: PreferenceRecord) -> TokenisedPair:
        prompt = self._prompt(record.prompt)
        chosen, rejected = self._completion(record.chosen), self._completion(record.rejected)
        return TokenisedPair(record, prompt + chosen, prompt + rejected, len(chosen), len(rejected))

    def _prompt(self, text: str) -> list[int]:
        if text not in self.prompts:
            self.prompts[text] = models.prompt_ids(self.tokenizer, json.loads(text))
        return self.prompts[text]

    def _completion(self, text: str) -> list[int]:
        if text not in self.completions:
            self.completions[text] = models.completion_ids(self.tokenizer, text)
        return self.completions[text]
