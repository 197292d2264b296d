"""What work is paid, and what was decided about it. The database refuses to change or delete a row (migration 0024)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotate.models.projects import Project
from annotate.models.work import Assignment


class PayRate(models.Model):
    """What an hour of a project's work is paid; where several hold for a moment, the last row does.

    Written by annotate.projects.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="pay_rates")
    since = models.DateTimeField(null=True, help_text="For work that is handed out from then on; null: for all work.")
    per_hour = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.project}: {self.per_hour} since {self.since}"


class PayDecision(models.Model):
    """Whether an annotator's submission is paid, who decided it and why; the last one holds. Without one it is paid.

    Written by annotate.crowd.ledger.
    """

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="pay_decisions")
    is_paid = models.BooleanField()
    reason = models.TextField(help_text="The annotator reads it.")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="pay_decision_has_a_reason")]

    def __str__(self) -> str:
        return f"{self.assignment}: {'paid' if self.is_paid else 'withheld'}"
