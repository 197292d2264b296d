"""Which curves a run's page draws, stage by stage; the names are those of docs/training.md."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chart:
    """A drawing with one or more metrics over the steps of a run, and what to look for in it."""

    title: str
    metrics: tuple[str, ...]
    meaning: str

    @property
    def names(self) -> str:
        """The metrics as curves.js reads them."""
        return " ".join(self.metrics)


LOSS = Chart("Loss", ("loss",), "Falls, then flattens. Rising for good: lower the learning rate.")
GRADIENT = Chart("Gradient norm", ("grad_norm",), "Before clipping. Spikes that grow are the first sign of trouble.")
WATCHED = Chart(
    "Over-optimisation",
    ("scaled_score", "watched_score"),
    "In deviations; the second is by a reward model that only watches. Where they part, the first is being gamed.",
)
"""Only where somebody watches."""
UNCERTAINTY = Chart(
    "Uncertainty", ("uncertainty",), "How far the heads of the reward model differ, in deviations of its scores."
)
"""Only where the reward model has an ensemble."""

SCORE = Chart("Score", ("score",), "Mean of the reward model over a rollout, before the KL penalty. Should rise.")
ENTROPY = Chart("Entropy", ("entropy",), "Nats per token. A fall to zero means that all completions become one.")
LENGTH = Chart("Length", ("length",), "Tokens per completion. Watch that the score is not bought with length.")
FINISHED = Chart("Finished", ("eos_rate",), "Share of completions that end by themselves.")
CLIPPED = Chart("Clipped", ("clip_fraction",), "Share of ratios that were clipped; above 0.3 steps are too large.")

IN_GROUPS = (
    SCORE,
    Chart("KL", ("kl_per_token",), "Nats per token from the starting policy."),
    Chart("Equal", ("equal_rate",), "Share of prompts whose completions scored the same: nothing is learned there."),
    ENTROPY,
    LENGTH,
    FINISHED,
    CLIPPED,
    GRADIENT,
)

CHARTS: dict[str, tuple[Chart, ...]] = {
    "pretrain": (
        LOSS,
        Chart(
            "Held-out perplexity", ("held_out_perplexity",), "Of documents kept from training. Rising: too many passes."
        ),
        GRADIENT,
    ),
    "sft": (LOSS, GRADIENT),
    "reward": (
        LOSS,
        Chart(
            "Accuracy",
            ("accuracy",),
            "On the training pairs of each step; the held-out accuracy stands above. Of a head alone: on folds "
            "kept out, a penalty a step.",
        ),
        GRADIENT,
    ),
    "ppo": (
        SCORE,
        WATCHED,
        UNCERTAINTY,
        Chart(
            "KL", ("kl", "kl_k3"), "Nats per completion from the starting policy, by two estimators that should agree."
        ),
        Chart("KL coefficient", ("kl_coef",), "Moves only where there is a target: up while the KL is above it."),
        ENTROPY,
        Chart(
            "Diversity",
            ("distinct_2", "self_bleu", "repetition"),
            "Distinct word pairs; likeness of completions to each other; repetition within one.",
        ),
        Chart("Surprise", ("ngram_perplexity",), "Under a small model of the demonstrations. A sharp rise: bad text."),
        LENGTH,
        FINISHED,
        Chart(
            "Losses", ("policy_loss", "value_loss", "lm_loss"), "Of the clipped objectives, and of the text mixed in."
        ),
        CLIPPED,
        Chart(
            "Sampler gap", ("sampler_gap",), "Nats a token between what wrote the completions and the policy itself."
        ),
        Chart("Explained variance", ("explained_variance",), "Of the returns by the critic; 1 is perfect."),
        GRADIENT,
    ),
    "dpo": (
        LOSS,
        Chart(
            "Accuracy", ("accuracy",), "Share of each step's pairs in the right order; the held-out one stands above."
        ),
        Chart("Margin", ("margin",), "Of the implicit rewards of the chosen and the rejected completion."),
        GRADIENT,
    ),
    "rloo": IN_GROUPS,
    "grpo": IN_GROUPS,
    "sample": (),
    "evaluate": (),
    "export": (),
}
