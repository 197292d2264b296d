"""Which model's completions are ranked above which: «policy against SFT», judged blind."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from annotate import current
from annotate.models import Completion, Project
from annotate.quality.arrays import Ints, tally
from annotate.quality.estimate import Estimate
from annotate.quality.ranking import PairUnits, PairVotes
from annotate.quality.shares import clustered_shares, share_estimate


@dataclass(frozen=True)
class WinRate:
    """How often completions of one source were ranked above those of another on the same prompt; ties count half."""

    source: str
    against: str
    wins: int
    ties: int
    losses: int
    rate: Estimate

    @property
    def turned(self) -> "WinRate":
        """The same, seen from the other side."""
        rate = self.rate
        if rate.value is not None and rate.low is not None and rate.high is not None:
            rate = Estimate(1 - rate.value, n=rate.n, low=1 - rate.high, high=1 - rate.low)
        return WinRate(self.against, self.source, self.losses, self.ties, self.wins, rate)


def win_rates(project: Project, *, origins: Collection[str] | None = None) -> list[WinRate]:
    """Return one row for each two sources that were ranked against each other, seen from the first by name."""
    rankings = current.rankings_of(project, origins=origins)
    return win_rates_in(current.read(rankings).votes, project=project)


def win_rates_in(votes: PairVotes, *, project: Project) -> list[WinRate]:
    """The same for votes that were read already; the intervals allow for several votes on one prompt."""
    names, source = sources_of(project, votes.units)
    i, j = source[0][votes.unit], source[1][votes.unit]
    met = (i != j) & (i >= 0) & (j >= 0)
    relation = np.where(i < j, votes.relation, -votes.relation)[met]
    sides = np.stack([np.minimum(i, j)[met], np.maximum(i, j)[met]])
    pairs, code = np.unique(sides, axis=1, return_inverse=True)
    group, n = code.reshape(-1), pairs.shape[1]
    shares = clustered_shares((1 + relation) / 2, group=group, cluster=votes.prompt[met], n_groups=n)
    answers = [tally(group[relation == answer], n=n).tolist() for answer in (1, 0, -1)]
    rates = [share_estimate(shares, k, min_votes=1, min_clusters=1, of="votes") for k in range(n)]
    return [
        WinRate(names[first], names[second], *(answer[k] for answer in answers), rates[k])
        for k, (first, second) in enumerate(pairs.T.tolist())
    ]


def sources_of(project: Project, units: PairUnits) -> tuple[list[str], tuple[Ints, Ints]]:
    """Return the names of the sources, and the code of each pair's two completions; -1 where the source is unknown."""
    rows = Completion.objects.filter(comparison__project=project).exclude(source="").order_by("pk")
    stored = list(rows.values_list("pk", "source"))
    names, codes = np.unique(np.array([name for _, name in stored], dtype=str), return_inverse=True)
    known = np.append(np.array([pk for pk, _ in stored], dtype=np.int64), np.iinfo(np.int64).max)
    code = np.append(codes.reshape(-1), -1)

    def look_up(ids: Ints) -> Ints:
        place = np.searchsorted(known, ids)
        return np.where(known[place] == ids, code[place], -1)

    return names.tolist(), (look_up(units.i), look_up(units.j))
