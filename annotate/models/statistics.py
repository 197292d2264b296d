"""Sums over the rankings that count, kept on write, and reports made from them.

Written by annotate.statistics (Tally, StatusCount, AnnotatorWeek, AnnotatorPair, PairCell) and annotate.report_store
(Report). A row of zeros says the same as no row. What is not stored, and why:
docs/decisions/0009-sums-by-recounting.md.
"""

from django.db import models

from annotate.models.people import Annotator
from annotate.models.projects import Project
from annotate.models.work import Comparison


class Tally(models.Model):
    """The votes on a comparison (S1). Its row exists exactly if its rankings are in the sums of the project."""

    class Status(models.IntegerChoices):
        """In the order of lists; the words are annotate.verdicts.Status, in the same order."""

        DISPUTED = 0
        SETTLED = 1
        SINGLE = 2
        ADJUDICATED = 3

    comparison = models.OneToOneField(Comparison, primary_key=True, on_delete=models.CASCADE, related_name="tally")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    counted = models.JSONField(help_text="The ids of the rankings that are in the sums.")
    pairs = models.JSONField(help_text="[[i, j, votes for i, ties, votes for j], …] with i < j.")
    ranking_count = models.PositiveSmallIntegerField()
    agreement = models.FloatField(null=True, help_text="Of two rankings on a pair, ties by half; null for one ranking.")
    status = models.PositiveSmallIntegerField(choices=Status)

    class Meta:
        indexes = [models.Index(fields=["project", "status", "agreement", "comparison"], name="tally_list")]

    def __str__(self) -> str:
        return f"tally of {self.comparison_id}"


class StatusCount(models.Model):
    """How many comparisons stand where; spread over shards by comparison, lest annotators wait for each other."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    shard = models.PositiveSmallIntegerField()
    status = models.PositiveSmallIntegerField(choices=Tally.Status)
    comparisons = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "shard", "status"], name="status_count_once")]

    def __str__(self) -> str:
        return f"{self.comparisons} × {self.status}"


class AnnotatorWeek(models.Model):
    """What an annotator did in a week under a version of the guidelines (S3): quality.contribution.WeekSums."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    annotator = models.ForeignKey(Annotator, on_delete=models.CASCADE, related_name="+", db_index=False)
    week = models.DateField(help_text="Its Monday.")
    guideline = models.PositiveIntegerField(help_text="The version's number; 0 where unknown.")
    rankings = models.IntegerField(default=0)
    pairs = models.IntegerField(default=0)
    ties = models.IntegerField(default=0)
    choices = models.IntegerField(default=0)
    first_chosen = models.IntegerField(default=0)
    compared = models.IntegerField(default=0)
    credit_quarters = models.IntegerField(default=0)
    compared_rankings = models.IntegerField(default=0)
    credit_squares = models.BigIntegerField(default=0)
    credit_products = models.BigIntegerField(default=0)
    compared_squares = models.BigIntegerField(default=0)
    timed = models.IntegerField(default=0)
    log_seconds = models.BigIntegerField(default=0, help_text="Thousandths of natural logarithms.")
    log_seconds_squares = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "annotator", "week", "guideline"], name="annotator_week_once")
        ]

    def __str__(self) -> str:
        return f"{self.annotator_id} from {self.week}"


class AnnotatorPair(models.Model):
    """What two annotators, a before b, said of the same pairs (S4): quality.contribution.MetSums."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    a = models.ForeignKey(Annotator, on_delete=models.CASCADE, related_name="+", db_index=False)
    b = models.ForeignKey(Annotator, on_delete=models.CASCADE, related_name="+", db_index=False)
    comparisons = models.IntegerField(default=0)
    pairs = models.IntegerField(default=0)
    agreed_halves = models.IntegerField(default=0)
    equal_rankings = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "a", "b"], name="annotator_pair_once")]

    def __str__(self) -> str:
        return f"{self.a_id} and {self.b_id}"


class PairCell(models.Model):
    """How many pairs of completions have just these votes: agreement, alpha and the tie rate follow from it alone.

    Every submission changes it, so it is spread over shards as StatusCount is.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    shard = models.PositiveSmallIntegerField()
    category = models.CharField(max_length=60, blank=True)
    plus = models.PositiveSmallIntegerField()
    tie = models.PositiveSmallIntegerField()
    minus = models.PositiveSmallIntegerField()
    pairs = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "shard", "category", "plus", "tie", "minus"], name="pair_cell_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pairs} × {self.plus}/{self.tie}/{self.minus}"


class Report(models.Model):
    """A report as it was made last: a pure function of the rankings up to a moment, parameters and a seed."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reports")
    kind = models.CharField(max_length=40)
    parameters = models.CharField(max_length=300, blank=True, help_text="Canonical JSON; empty for none.")
    content = models.JSONField(null=True, help_text="Null until it was made for the first time.")
    ranking_count = models.PositiveIntegerField(default=0, help_text="Rankings that it rests on.")
    last_ranking = models.BigIntegerField(default=0, help_text="The newest ranking's id when it was made.")
    made_at = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True, help_text="How long making it took.")
    claimed_at = models.DateTimeField(null=True, help_text="Being made since; null if it is not.")
    failure = models.CharField(max_length=300, blank=True, help_text="Why the last attempt failed.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind", "parameters"], name="one_report_of_a_kind_and_parameters"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.project_id}"
