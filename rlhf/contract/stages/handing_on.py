"""Config of the stage that hands a model on to other programs: export."""

from dataclasses import dataclass

from rlhf.contract.fields import StageConfig, option


@dataclass(frozen=True, kw_only=True)
class ExportConfig(StageConfig):
    """A plain Hugging Face folder: weights merged, a tokenizer, a generation config and a model card."""

    dtype: str = option(
        "bfloat16",
        help="How the weights are stored: half as large in the 16-bit formats, which most programs serve.",
        choices=("bfloat16", "float16", "float32"),
    )
    shard_megabytes: int = option(
        5000, help="A file of weights holds at most so much; a larger model has several.", minimum=1, maximum=1_000_000
    )
