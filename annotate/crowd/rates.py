"""By which rate work is paid: the one in force when it was handed out, as annotate.projects.set_pay left it."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Case, IntegerField, Value, When

from annotate.models import Project


@dataclass(frozen=True)
class Rates:
    """Rates by the hour: the first until the first start, then one from each start on; None where none is set."""

    starts: list[datetime]  # ascending
    per_hour: list[Decimal | None]  # one more than starts

    @classmethod
    def of(cls, project: Project) -> "Rates":
        """Return a project's rates, from all that were ever set."""
        rows = list(project.pay_rates.order_by("pk"))
        starts = sorted({row.since for row in rows if row.since is not None})

        def at(moment: datetime | None) -> Decimal | None:
            holding = [row for row in rows if row.since is None or (moment is not None and row.since <= moment)]
            return holding[-1].per_hour if holding else None

        return cls(starts, [at(None), *(at(start) for start in starts)])

    @property
    def is_unpaid(self) -> bool:
        """Whether no hour was ever paid."""
        return all(rate is None for rate in self.per_hour)

    def at(self, moment: datetime | None) -> Decimal | None:
        """Return the rate of work that was handed out at a moment."""
        return self.per_hour[bisect_right(self.starts, moment) if moment else 0]

    def number(self) -> Case:
        """Return, as SQL over what was said, the number in `per_hour` of the rate it is paid by."""
        later = [
            When(assignment__reserved_at__gte=start, then=Value(n))
            for n, start in reversed(list(enumerate(self.starts, start=1)))
        ]
        return Case(*later, default=Value(0), output_field=IntegerField())
