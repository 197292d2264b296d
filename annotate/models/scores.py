"""Reward models beside the people: what they scored, and which comparisons were asked again because of it."""

from django.conf import settings
from django.db import models

from annotate.models.projects import Project
from annotate.models.work import Comparison, Completion


class RewardModel(models.Model):
    """A reward model that has scored completions which people ranked. Written by annotate.reward_models."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="reward_models")
    source = models.CharField(max_length=120, help_text="Where its weights are, e.g. checkpoint/7.")
    name = models.CharField(max_length=120)
    learning_curve = models.JSONField(
        default=list,
        help_text="Held-out accuracy by training set: [{n_prompts, n_pairs, accuracy, n_held_out}].",
    )
    scored_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-scored_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["project", "source"], name="reward_model_once_per_project")]

    def __str__(self) -> str:
        return self.name


class Score(models.Model):
    """What a reward model gives a completion: a number without unit; differences count. By annotate.reward_models."""

    reward_model = models.ForeignKey(RewardModel, on_delete=models.CASCADE, related_name="scores")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="+")
    value = models.FloatField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["reward_model", "completion"], name="one_score_per_model_and_completion")
        ]

    def __str__(self) -> str:
        return f"{self.value:.3g} for {self.completion}"


class Reask(models.Model):
    """A pair on which the people were sure and a reward model was sure of the opposite, given to more annotators.

    They cannot tell it from other work. What came of it is read from their rankings. Written by annotate.reasking.
    """

    reward_model = models.ForeignKey(RewardModel, on_delete=models.PROTECT, related_name="reasks")
    comparison = models.OneToOneField(Comparison, on_delete=models.PROTECT, related_name="reask")
    people_chose = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="+")
    model_chose = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="+")
    q = models.FloatField(help_text="P(people_chose is better) by the votes there were.")
    model_q = models.FloatField(help_text="P(model_chose is better) by the model.")
    place_count = models.PositiveSmallIntegerField(help_text="How many more annotators were asked.")
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.comparison} asked again"
