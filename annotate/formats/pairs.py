"""What data sets of chosen and rejected completions have in common: a name for a pair, and its verdict."""

import hashlib
import json

from annotate.jsonlines import Json


def pair_id(record: Json) -> str:
    """Return a name made of the content, for records that have none."""
    return f"pair-{hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).hexdigest()[:16]}"


def verdict(record: Json, *, annotator: str, is_tie: bool = False) -> Json:
    """Return the ranking that a pair stands for: «a» (chosen) over «b» (rejected), or a tie."""
    return {
        "comparison": pair_id(record),
        "annotator": annotator,
        "ranking": [["a", "b"]] if is_tie else [["a"], ["b"]],
    }
