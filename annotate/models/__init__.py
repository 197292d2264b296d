"""The tables of annotation: what is ranked, by whom, and what was said.

Truth lives in constraints. A comparison has `overlap` numbered places; each place is one open Assignment row, made with
the comparison, so over-assignment is impossible. Each table has one writing module (see docs/architecture.md); nothing
else creates or changes rows.
"""

from annotate.models.audit import AuditEntry, AuditSeal
from annotate.models.outbox import Delivery, Event, Webhook
from annotate.models.pay import PayDecision, PayRate
from annotate.models.people import Annotator, Origin, Role
from annotate.models.projects import (
    ConsentVersion,
    GuidelineVersion,
    Intervention,
    Invitation,
    Membership,
    OverlapPolicy,
    Participation,
    PolicyChange,
    Project,
    Task,
)
from annotate.models.said import Adjudication, Demonstration, Objection, Ranking
from annotate.models.scores import Reask, RewardModel, Score
from annotate.models.statistics import AnnotatorPair, AnnotatorWeek, PairCell, Report, StatusCount, Tally
from annotate.models.tokens import ApiToken
from annotate.models.work import Assignment, Comparison, Completion, Draft, GoldKey, Prompt, Use

__all__ = [
    "Adjudication",
    "Annotator",
    "AnnotatorWeek",
    "AnnotatorPair",
    "ApiToken",
    "Assignment",
    "AuditEntry",
    "AuditSeal",
    "Comparison",
    "Completion",
    "ConsentVersion",
    "Delivery",
    "Demonstration",
    "Draft",
    "Event",
    "GoldKey",
    "GuidelineVersion",
    "Intervention",
    "Invitation",
    "Membership",
    "Objection",
    "Origin",
    "OverlapPolicy",
    "PairCell",
    "Participation",
    "PayDecision",
    "PayRate",
    "PolicyChange",
    "Project",
    "Prompt",
    "Ranking",
    "Reask",
    "Report",
    "RewardModel",
    "Role",
    "Score",
    "StatusCount",
    "Tally",
    "Task",
    "Use",
    "Webhook",
]
