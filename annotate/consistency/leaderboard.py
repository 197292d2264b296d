"""A project's votes → its systems by strength (consistency.systems). Heavy to load, so made in the background."""

import numpy as np

from annotate.consistency.systems import Board, System
from annotate.models import Project
from annotate.quality.leaderboard import Leaderboard, leaderboard, new_annotators_estimate, places
from annotate.quality.plackett_luce import Worths
from annotate.quality.ranking import PairVotes
from annotate.quality.system_orders import places_by_rule, whole_ranking_strengths
from annotate.reports import SEED
from annotate.win_rates import sources_of


def board(votes: PairVotes, *, project: Project) -> Board:
    """Rank the systems of a project by its votes; without two named systems on a pair the board is empty."""
    names, (i, j) = sources_of(project, votes.units)
    found = leaderboard(votes, i, j, seed=SEED)
    whole = whole_ranking_strengths(votes, i, j, seed=SEED)
    compared = np.flatnonzero(found.comparisons)
    by_part: dict[int, list[int]] = {}
    for k in sorted(compared.tolist(), key=lambda k: (-found.strengths.ability[k], names[k])):
        by_part.setdefault(int(found.strengths.part[k]), []).append(k)
    largest_first = sorted(by_part.values(), key=lambda members: (-len(members), names[members[0]]))
    return Board(
        systems=[
            one for part, members in enumerate(largest_first) for one in _part(found, whole, names, members, part)
        ],
        note=found.note if len(compared) else "",
        ranking_count=len(votes.ranking_ids),
        whole_count=round(whole.used) if whole else 0,
        whole_left_out=round(whole.left_out) if whole else 0,
    )


def _part(found: Leaderboard, whole: Worths | None, names: list[str], members: list[int], part: int) -> list[System]:
    preferences = (found.wins + found.ties / 2)[np.ix_(members, members)]
    by_rule, spans = places_by_rule(preferences), places(found)
    return [
        System(
            name=names[k],
            part=part,
            place=place,
            first=spans[k][0],
            last=spans[k][1],
            comparison_count=int(found.comparisons[k]),
            strength=found.estimate_of(k),
            new_annotators=new_annotators_estimate(found, k),
            whole=float(whole.log_worth[k]) if whole else None,
            places={rule: by_rule[rule][place - 1] for rule in by_rule},
        )
        for place, k in enumerate(members, start=1)
    ]
