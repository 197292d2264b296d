"""How an annotator did on comparisons of known order: pass, fail or unknown, with a sentence. Reads only.

`judge` decides, from shares alone. Too little evidence is «unknown», which bars nobody: it is for the staff to look at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from django.utils import translation
from django.utils.translation import gettext as _

from annotate.models import Annotator, Assignment, Membership, Project, Ranking
from annotate.quality.tiers import pair_agreement

Outcome = Membership.Qualification


@dataclass(frozen=True)
class Verdict:
    """How a qualification ended, and why in a sentence that the annotator reads."""

    outcome: Outcome
    note: str


def judge(shares: Sequence[float], *, needed_count: int, pass_rate: float) -> Verdict:
    """Return the verdict on shares of agreement with the known orders, one for each comparison that counts.

    >>> judge([1.0, 0.5], needed_count=2, pass_rate=0.75).outcome
    Membership.Qualification.PASSED
    """
    if len(shares) < max(1, needed_count):
        return Verdict(
            Outcome.UNKNOWN,
            _(
                "Only {count} of the {needed} comparisons can be counted, too few to say; you may work, and the staff "
                "look at your first rankings."
            ).format(count=len(shares), needed=needed_count),
        )
    share = fmean(shares)
    note = _(
        "You agreed with the known order on {share} of the pairs in {count} comparisons; {needed} were needed."
    ).format(share=_percent(share), count=len(shares), needed=_percent(pass_rate))
    is_passed = share >= pass_rate - 1e-9  # a mean of floats
    return Verdict(Outcome.PASSED if is_passed else Outcome.FAILED, note)


def verdict_of(annotator: Annotator, project: Project) -> Verdict:
    """Return the verdict on what an annotator ranked for their qualification so far."""
    shares = [share for one in rankings_of(annotator, project) if (share := _share(one)) is not None]
    return judge(shares, needed_count=project.qualification_count, pass_rate=project.qualification_pass_rate)


def note_of(member: Membership) -> str:
    """Return the sentence on an annotator's qualification in their language: what the staff wrote stays as it is."""
    verdict = verdict_of(member.annotator, member.project)
    with translation.override("en"):
        is_ours = verdict_of(member.annotator, member.project).note == member.qualification_note
    return verdict.note if is_ours else member.qualification_note


def rankings_of(annotator: Annotator, project: Project) -> list[Ranking]:
    """Return an annotator's current rankings of a project's qualification, in the order in which they were made."""
    found = Ranking.objects.filter(
        annotator=annotator,
        comparison__project=project,
        assignment__purpose=Assignment.Purpose.QUALIFICATION,
        superseded_at__isnull=True,
    )
    return list(found.select_related("comparison__key", "comparison__prompt", "assignment").order_by("pk"))


def _share(ranking: Ranking) -> float | None:
    """How far a ranking agrees with the key; None where the key was retired or no order was given."""
    key = ranking.comparison.key
    return None if key.is_retired else pair_agreement(ranking.tiers, key.tiers)


def _percent(rate: float) -> str:
    return f"{100 * rate:.0f}\u202f%"
