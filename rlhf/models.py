"""The tables of training: what was frozen, what ran, what it left.

Truth lives in constraints; snapshots.py writes Snapshot, freezing.py Freezing, corpora.py Corpus, artefacts.py
Checkpoint, runs.py Run and Metric. The moves of the state machine are in runs.py.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotate.models import Project


class Snapshot(models.Model):
    """An immutable export of a project's prompts, demonstrations and preferences; the files carry the sha256."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="snapshots")
    sha256 = models.CharField(max_length=64, help_text="Of manifest.json, which holds the sha256 of each file.")
    filters = models.JSONField(help_text="The parameters of the freeze; the same rows and filters give the same bytes.")
    counts = models.JSONField(
        help_text="prompts, demonstrations, rankings, pairs, ties, excluded … as in the manifest."
    )
    has_simulated = models.BooleanField(
        default=False, help_text="Whether any ranking in it is by a simulated annotator."
    )
    gate = models.JSONField(
        null=True,
        help_text="On whom its labels rest and what looks turned (annotate.influence); null: never looked at.",
    )
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True, help_text="When it was signed to be learned from all the same.")
    signed_reason = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(signed_at=None, signed_by=None, signed_reason="")
                | (Q(signed_at__isnull=False, signed_by__isnull=False) & ~Q(signed_reason="")),
                name="a_signature_has_a_name_and_a_reason",
            )
        ]

    def __str__(self) -> str:
        return f"snapshot {self.pk}"

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What its gate found; empty where nothing was, or nobody looked."""
        return self.gate["findings"] if self.gate else []

    @property
    def is_held_back(self) -> bool:
        """Whether nothing may learn from its preferences until somebody signs."""
        return bool(self.findings) and self.signed_at is None


class Freezing(models.Model):
    """An order to freeze a large project, which a worker carries out. Written by rlhf.freezing only."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="freezings")
    test_rate = models.FloatField()
    label = models.CharField(max_length=10, help_text="What q rests on: see annotate.preferences.")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    rung_at = models.DateTimeField(null=True, help_text="When a worker was last told.")
    begun_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True, help_text="When the worker last said that it lives.")
    doing = models.CharField(max_length=120, blank=True, help_text="What it was doing then.")
    ended_at = models.DateTimeField(null=True)
    snapshot = models.ForeignKey(Snapshot, null=True, on_delete=models.PROTECT, related_name="+")
    failure = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(ended_at=None), name="one_open_freezing_of_a_project"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, snapshot=None, failure="")
                | (Q(ended_at__isnull=False, snapshot__isnull=False, failure=""))
                | (Q(ended_at__isnull=False, snapshot=None) & ~Q(failure="")),
                name="a_freezing_ends_with_a_snapshot_or_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"freezing {self.pk}"

    @property
    def state(self) -> str:
        """Where it stands: waiting, working, done or failed."""
        if self.ended_at:
            return "failed" if self.failure else "done"
        return "working" if self.begun_at else "waiting"


class Corpus(models.Model):
    """Documents of plain text, brought in once; the file carries the sha256. Written by rlhf.corpora only."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="corpora")
    name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64, help_text="Of manifest.json, which holds the sha256 of the text.")
    counts = models.JSONField(help_text="documents, documents_test, characters; as in the manifest.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "corpora"
        constraints = [models.UniqueConstraint(fields=["project", "sha256"], name="corpus_once_per_project")]

    def __str__(self) -> str:
        return f"corpus {self.pk} ({self.name})"


class Checkpoint(models.Model):
    """Weights on disk with a verified manifest. Without a run it was brought in from outside (a base model)."""

    class Kind(models.TextChoices):
        BASE = "base", "base model"
        SFT = "sft", "SFT model"
        REWARD = "reward", "reward model"
        POLICY = "policy", "policy"

    project = models.ForeignKey(Project, null=True, on_delete=models.PROTECT, related_name="checkpoints")
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=120)
    run = models.OneToOneField("Run", null=True, on_delete=models.PROTECT, related_name="checkpoint")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    path = models.CharField(max_length=500, help_text="Relative to the data directory.")
    manifest_sha256 = models.CharField(max_length=64)
    tokenizer_sha256 = models.CharField(max_length=64, help_text="Of tokenizer.json and the chat template.")
    size_bytes = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    weights_removed_at = models.DateTimeField(null=True, help_text="By the rules of retention; the row stays.")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"checkpoint {self.pk} ({self.name})"


class Sweep(models.Model):
    """One order tried with several settings: the parent of its runs. Written by rlhf.sweeps only."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="sweeps")
    stage = models.CharField(max_length=10)
    search = models.TextField(help_text="What was to be tried, as it was written (rlhf/search.py).")
    fields = models.JSONField(help_text="The names of the fields that differ between its runs.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"sweep {self.pk} ({self.stage})"

    @property
    def heading(self) -> str:
        return f"Sweep {self.pk}: {Run.Stage(self.stage).label}"


class Run(models.Model):
    """One execution of a stage. The row is the truth, the Celery message a bell. Written by rlhf.runs only."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Stage(models.TextChoices):
        PRETRAIN = "pretrain", "pretraining"
        SFT = "sft", "SFT"
        REWARD = "reward", "reward model"
        PPO = "ppo", "PPO"
        DPO = "dpo", "DPO"
        RLOO = "rloo", "RLOO"
        GRPO = "grpo", "GRPO"
        SAMPLE = "sample", "sampling"
        EVALUATE = "evaluate", "evaluation"
        EXPORT = "export", "export"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="runs")
    stage = models.CharField(max_length=10, choices=Stage)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    config = models.JSONField(help_text="Every field of the stage's config, nothing filled in later.")
    sweep = models.ForeignKey(Sweep, null=True, on_delete=models.PROTECT, related_name="runs")
    snapshot = models.ForeignKey(Snapshot, null=True, on_delete=models.PROTECT, related_name="runs")
    corpus = models.ForeignKey(Corpus, null=True, on_delete=models.PROTECT, related_name="runs")
    base = models.ForeignKey(
        Checkpoint,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The model it starts from, samples or evaluates; pretraining needs none.",
    )
    reward_model = models.ForeignKey(Checkpoint, null=True, on_delete=models.PROTECT, related_name="+")
    baseline = models.ForeignKey(
        Checkpoint,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The model `base` is compared with.",
    )
    watcher = models.ForeignKey(
        Checkpoint,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="A reward model that learned from other comparisons; it only watches.",
    )
    profile = models.CharField(
        max_length=20, default="one", db_default="one", help_text="How it is launched: of rlhf.contract.profiles."
    )
    queue = models.CharField(
        max_length=40, default="gpu", db_default="gpu", help_text="Whose workers may take it: of RUN_QUEUES."
    )
    order_sha256 = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Of what was asked for: while one is active, no second one.",
    )
    order_key = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text="The Idempotency-Key it was asked for with, if any.",
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True, help_text="When a message was last sent for it.")
    fence = models.PositiveIntegerField(default=0, help_text="Rises with each claim; later writes must carry it.")
    attempt = models.PositiveSmallIntegerField(
        default=1, db_default=1, help_text="Later ones go on from the state that the one before left."
    )
    heartbeat_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    failure_reason = models.CharField(
        max_length=40, blank=True, help_text="A code of rlhf.contract.records.FailureReason."
    )
    failure_message = models.TextField(blank=True)
    result = models.JSONField(null=True, help_text="result.json as the trainer left it.")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "succeeded", "failed", "cancelled"]),
                name="run_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False), name="a_running_run_has_a_lease"
            ),
            models.CheckConstraint(
                condition=Q(state="failed") & ~Q(failure_reason="") | ~Q(state="failed") & Q(failure_reason=""),
                name="a_reason_exactly_if_failed",
            ),
            models.CheckConstraint(
                condition=Q(stage="pretrain", corpus__isnull=False)
                | Q(stage="export", base__isnull=False)
                | ~Q(stage__in=["pretrain", "export"]) & Q(snapshot__isnull=False, base__isnull=False),
                name="a_run_has_what_it_reads",
            ),
            models.UniqueConstraint(
                fields=["order_sha256"],
                condition=Q(state__in=["queued", "running"]) & ~Q(order_sha256=""),
                name="an_order_has_one_active_run",
            ),
            models.UniqueConstraint(
                fields=["project", "order_key"], condition=~Q(order_key=""), name="a_key_has_one_run_in_its_project"
            ),
        ]
        indexes = [models.Index(fields=["state", "lease_until"])]

    def __str__(self) -> str:
        return f"run {self.pk} ({self.stage})"

    @property
    def is_over(self) -> bool:
        return self.state in {self.State.SUCCEEDED, self.State.FAILED, self.State.CANCELLED}


class Metric(models.Model):
    """One line of metrics.jsonl: what a run measured at a step. Written by rlhf.runs only."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metrics")
    step = models.PositiveIntegerField()
    values = models.JSONField(help_text="{name: finite number}")

    class Meta:
        ordering = ["run", "step"]
        constraints = [models.UniqueConstraint(fields=["run", "step"], name="metric_step_once_per_run")]

    def __str__(self) -> str:
        return f"{self.run} step {self.step}"
