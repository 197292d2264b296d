"""The strength of systems from pairs: Bradley and Terry (1952) with Davidson's ties (1970), by Newton's method.

P(i) : P(tie) : P(j) = exp(u) : nu : exp(-u) with u = (lambda_i - lambda_j) / 2, on the counts of each two systems. The
likelihood is concave. Strengths are log abilities with mean 0 in each connected part: between parts nothing compares.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from annotate.quality.arrays import Floats, Ints, tally

GRADIENT = 1e-9
MAX_STEPS = 100
RIDGE = 0.01
"""Where some systems only ever won or lost against the others, no finite strength is the likeliest: then this pull."""

CENTRE = 1.0


class Strengths(NamedTuple):
    """Log abilities (S,), the log of Davidson's nu (-inf without ties), and to which connected part each belongs (S,).

    `ridge` is 0 where the likelihood has a maximum, else the pull towards 0 that was needed. `gradient` is what is left
    of it, the largest in absolute value.
    """

    ability: Floats
    log_tie: float
    part: Ints
    ridge: float
    gradient: float


def fit_counts(wins: Floats, ties: Floats) -> Strengths:
    """The strengths from how often each system beat each other (S, S) and tied with it (S, S, symmetric).

    >>> fit_counts(np.array([[0.0, 3.0], [1.0, 0.0]]), np.zeros((2, 2))).ability.round(4).tolist()  # log 3 apart
    [0.5493, -0.5493]
    """
    games = wins + wins.T + ties
    _, part = connected_components(csr_matrix(games > 0), directed=False)
    n_strong, _ = connected_components(csr_matrix((wins + ties) > 0), directed=True, connection="strong")
    ridge = RIDGE if n_strong > int(part.max(initial=-1)) + 1 else 0.0
    return newton(wins, ties, start=_start(wins, ties, part, ridge))


def newton(wins: Floats, ties: Floats, *, start: Strengths, steps: int = MAX_STEPS) -> Strengths:
    """Newton's steps from a start, until the gradient is below 1e-9 or they are used up."""
    state = start
    for _ in range(steps):
        slope, information = derivatives(wins, ties, state)
        if np.abs(slope).max(initial=0.0) < GRADIENT:
            break
        step = np.linalg.solve(information, slope)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max(initial=0.0)), 1e-300))
        state = state._replace(ability=state.ability + step[:-1], log_tie=state.log_tie + float(step[-1]))
    slope, _ = derivatives(wins, ties, state)
    return state._replace(ability=_centred(state.ability, state.part), gradient=float(np.abs(slope).max(initial=0.0)))


def derivatives(wins: Floats, ties: Floats, state: Strengths) -> tuple[Floats, Floats]:
    """Gradient (S + 1,) and information (S + 1, S + 1) of the log-likelihood in the abilities and log nu.

    The information has the means of the parts added, which the likelihood leaves open.
    """
    games = wins + wins.T + ties
    lead, tie = chances(state.ability[:, np.newaxis] - state.ability, state.log_tie)
    spread = games * (1 - tie - lead**2) / 4
    across = -games * lead * tie / 2
    has_ties = np.isfinite(state.log_tie)
    slope = np.append((wins - wins.T - games * lead).sum(axis=1) / 2, (ties - games * tie).sum() / 2)
    slope[:-1] -= state.ridge * state.ability
    information = np.zeros((len(slope), len(slope)))
    information[:-1, :-1] = np.diag(spread.sum(axis=1) + state.ridge) - spread
    information[:-1, :-1] += CENTRE * (state.part[:, np.newaxis] == state.part)
    information[-1, :-1] = information[:-1, -1] = across.sum(axis=1)
    information[-1, -1] = (games * tie * (1 - tie)).sum() / 2 if has_ties else 1.0
    if not has_ties:
        slope[-1] = 0.0
    return slope, information


def chances(difference: Floats, log_tie: float) -> tuple[Floats, Floats]:
    """P(i) - P(j) and P(tie) at a difference of abilities, i less j."""
    half = np.clip(difference, -60, 60) / 2
    total = np.exp(half) + np.exp(-half) + np.exp(log_tie)
    return (np.exp(half) - np.exp(-half)) / total, np.exp(log_tie) / total


def luce_spectral(wins: Floats) -> Floats:
    """Log abilities (S,), sum 0, by the time that a walk from losers to winners spends at each.

    Maystre and Grossglauser (2015); a good start where wins connect everyone both ways.

    >>> luce_spectral(np.array([[0.0, 3.0], [1.0, 0.0]])).round(4).tolist()
    [0.5493, -0.5493]
    """
    rates = wins.T - np.diag(wins.sum(axis=0))
    balanced = np.vstack([rates.T, np.ones(len(wins))])
    stationary = np.linalg.lstsq(balanced, np.append(np.zeros(len(wins)), 1.0), rcond=None)[0]
    logs = np.log(np.maximum(stationary, 1e-12))
    centred: Floats = logs - logs.mean()
    return centred


def _start(wins: Floats, ties: Floats, part: Ints, ridge: float) -> Strengths:
    is_one = len(part) > 0 and not part.any() and not ridge
    ability = luce_spectral(wins + ties / 2) if is_one else np.zeros(len(part))
    return Strengths(ability, 0.0 if ties.any() else -np.inf, part.astype(np.int64), ridge, np.inf)


def _centred(ability: Floats, part: Ints) -> Floats:
    size = tally(part, n=int(part.max(initial=-1)) + 1)
    mean = np.bincount(part, ability, len(size)) / np.maximum(size, 1)
    centred: Floats = ability - mean[part]
    return centred
