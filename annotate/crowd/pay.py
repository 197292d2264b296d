"""What people's work comes to: active hours by annotator, what is due, and what they effectively earn an hour.

Time is what the page measured (`active_seconds`). Where it measured nothing, the time from showing to submitting
counts, capped: an open tab is no work. That part is marked as estimated. Revisions, gold, repeats, training and
qualification are work like any other; skipped comparisons leave no time. Work is worth the rate that was in force when
it was handed out (rates.py), and nothing where its pay is withheld (ledger.py): all is reckoned from what is on record.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import IO, NamedTuple

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Least

from annotate.crowd import ledger
from annotate.crowd import settings as crowds
from annotate.crowd.rates import Rates
from annotate.models import Annotator, Demonstration, Membership, Origin, Participation, Project, Ranking

WALL_CAP_SECONDS = 600.0
CENT = Decimal("0.01")
NOTHING = Decimal("0.00")
PAID = (Participation.Status.SUBMITTED, Participation.Status.APPROVED)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    "pseudonym",
    "provider",
    "provider_id",
    "cohort",
    "submissions",
    "active_hours",
    "of_which_estimated_hours",
    "amount",
    "currency",
    "reward_paid",
    "top_up",
    "withheld_submissions",
)


class Times(NamedTuple):
    """What one person said of one kind under one rate, paid or withheld, and the seconds it took."""

    annotator: int
    rate: int
    is_withheld: bool
    count: int
    active: float
    estimated: float


@dataclass(frozen=True)
class Line:
    """One annotator's work, or a cohort's; `amount` is what the active time is worth by the hour."""

    name: str
    count: int
    seconds: float
    estimated_seconds: float
    amount: Decimal | None
    reward: Decimal | None
    top_up: Decimal | None  # what is due beyond the rewards, to reach the project's pay per hour
    withheld_count: int = 0
    cohort: str = ""
    annotator: Annotator | None = None

    @property
    def hours(self) -> float:
        return self.seconds / 3600

    @property
    def is_estimated(self) -> bool:
        return self.estimated_seconds > 0

    @property
    def per_hour(self) -> float | None:
        """The effective hourly pay: the rewards of finished stays over active hours; None where neither is known."""
        return float(self.reward) / self.hours if self.reward is not None and self.hours > 0 else None

    @property
    def is_underpaid(self) -> bool:
        """Whether the rewards come to less than the project's pay per hour."""
        return self.amount is not None and self.reward is not None and self.reward < self.amount


@dataclass(frozen=True)
class Report:
    """A project's pay, by annotator and by cohort; the total is the sum of the lines."""

    project: Project
    lines: list[Line]
    cohorts: list[Line]
    total: Line

    @property
    def sentence(self) -> str:
        """The totals in words, for whoever reconciles them."""
        worth = (
            "no pay per hour is set" if self.total.amount is None else f"{self.total.amount} {self.project.currency}"
        )
        return (
            f"Payment lines: {len(self.lines)}. Submissions: {self.total.count}. Active hours: {self.total.hours:.4f} "
            f"(estimated: {self.total.estimated_seconds / 3600:.4f}). Worth: {worth.strip()}."
        )


def report(project: Project) -> Report:
    """Return what each person's work in a project comes to, in a fixed number of queries."""
    lines = sorted(_lines(project), key=lambda line: line.name)
    cohorts = [
        _sum(cohort, [line for line in lines if line.cohort == cohort])
        for cohort in sorted({line.cohort for line in lines})
    ]
    return Report(project, lines, cohorts, _sum("", lines))


def line_of(annotator: Annotator, project: Project) -> Line | None:
    """Return what one person's work in a project comes to; None where they submitted nothing."""
    return next(iter(_lines(project, annotator)), None)


def write_csv(report: Report, file: IO[str]) -> None:
    """Write the payment lines; what a spreadsheet would take for a formula is quoted."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows(_row(line, report.project.currency) for line in report.lines)


def _lines(project: Project, annotator: Annotator | None = None) -> Iterable[Line]:
    ranked = Ranking.objects.filter(assignment__project=project)
    written = Demonstration.objects.filter(assignment__project=project, author__isnull=False)
    if annotator:
        ranked, written = ranked.filter(annotator=annotator), written.filter(author=annotator)
    rates = Rates.of(project)
    work: dict[int, list[Times]] = {}
    for times in (*_times(ranked, "annotator", rates), *_times(written, "author", rates)):
        work.setdefault(times.annotator, []).append(times)
    people = Annotator.objects.in_bulk(work)
    cohorts = dict(Membership.objects.filter(project=project).values_list("annotator", "cohort"))
    rewards = _rewards(project)
    for pk, parts in work.items():
        amount = _worth(parts, rates)
        reward = None if rewards is None else rewards.get(pk, NOTHING)
        estimated = sum(part.estimated for part in parts)
        yield Line(
            name=people[pk].pseudonym,
            count=sum(part.count for part in parts),
            seconds=sum(part.active for part in parts) + estimated,
            estimated_seconds=estimated,
            amount=amount,
            reward=reward,
            top_up=None if amount is None or reward is None else max(amount - reward, NOTHING),
            withheld_count=sum(part.count for part in parts if part.is_withheld),
            cohort=cohorts.get(pk, ""),
            annotator=people[pk],
        )


def _times(said: QuerySet, who: str, rates: Rates) -> list[Times]:
    """Return each person's times. What stands now carries the time of all its versions (annotate.evidence)."""
    unmeasured = Q(active_seconds__isnull=True)
    current = said.filter(superseded_at__isnull=True, **{f"{who}__origin": Origin.PERSON})
    is_withheld = Exists(ledger.withheld().filter(assignment=OuterRef("assignment")))
    rows = current.order_by().annotate(rate=rates.number(), is_withheld=is_withheld)
    summed = rows.values_list(who, "rate", "is_withheld").annotate(
        count=Count("assignment", distinct=True),
        active=Sum("active_seconds"),
        estimated=Sum(Least(F("seconds"), Value(WALL_CAP_SECONDS)), filter=unmeasured & Q(seconds__isnull=False)),
    )
    return [Times(*which, active or 0.0, estimated or 0.0) for *which, active, estimated in summed]


def _rewards(project: Project) -> dict[int, Decimal] | None:
    """Return what finished stays have earned each annotator; None where stays have no reward."""
    reward = crowds.parse(project.crowd).reward_amount
    if reward is None:
        return None
    paid = Participation.objects.filter(project=project, status__in=PAID).order_by()
    return {
        pk: (reward * n).quantize(CENT, ROUND_HALF_UP)
        for pk, n in paid.values_list("annotator").annotate(n=Count("pk"))
    }


def _worth(parts: Iterable[Times], rates: Rates) -> Decimal | None:
    """Return what is due for the parts that are not withheld; None where no hour was ever paid."""
    if rates.is_unpaid:
        return None
    paid = (part for part in parts if not part.is_withheld)
    return _cents(sum((worth_of(part.active + part.estimated, rates.per_hour[part.rate]) for part in paid), NOTHING))


def worth_of(seconds: float, per_hour: Decimal | None) -> Decimal:
    """Return what seconds of work are worth, unrounded; nothing where an hour is not paid."""
    return Decimal(repr(seconds)) / 3600 * (per_hour or NOTHING)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _sum(name: str, lines: list[Line]) -> Line:
    return Line(
        name=name,
        count=sum(line.count for line in lines),
        seconds=sum(line.seconds for line in lines),
        estimated_seconds=sum(line.estimated_seconds for line in lines),
        amount=_total(line.amount for line in lines),
        reward=_total(line.reward for line in lines),
        top_up=_total(line.top_up for line in lines),
        withheld_count=sum(line.withheld_count for line in lines),
    )


def _total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, NOTHING) if known else None


def _row(line: Line, currency: str) -> list[str]:
    source = (line.annotator.source, line.annotator.external_id)
    hours = (f"{line.hours:.4f}", f"{line.estimated_seconds / 3600:.4f}")
    money = ["" if one is None else str(one) for one in (line.amount, line.reward, line.top_up)]
    cells = [
        line.name,
        *source,
        line.cohort,
        str(line.count),
        *hours,
        money[0],
        currency,
        *money[1:],
        str(line.withheld_count),
    ]
    return [f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells]
