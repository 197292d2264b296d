"""What a project's labels are worth: their ceiling, what more would buy, and the reward model beside the people.

Reads only; made in seconds, so pages show it as annotate.report_store keeps it. Votes count as they do in statistics.
With adaptive overlap only prompts of fixed overlap tell of the ceiling: how many votes those have depends on nothing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from annotate import current, report_store, reward_models
from annotate.label_ceiling import SEED, of_fixed_overlap, plain
from annotate.models import Annotator, Project, Prompt, RewardModel
from annotate.quality import budget, model_agreement
from annotate.quality.arrays import Ints
from annotate.quality.budget import CurvePoint, LabelBudget
from annotate.quality.ceiling import LabelCeiling, crowd_chances, label_ceiling
from annotate.quality.estimate import Estimate
from annotate.quality.model_agreement import ModelAgreement
from annotate.quality.ranking import PairVotes, pair_counts

KIND = "label value"
NEXT = 1_000
"""So many comparisons, or second opinions, does the budget ask about."""


@dataclass(frozen=True)
class ModelRow:
    """A reward model's row in a table of annotators, and what it is made of; agreement is with the consensus."""

    reward_model: RewardModel
    agreement: Estimate
    annotators: list[tuple[Annotator, Estimate]]  # the least agreement first
    categories: list[tuple[str, Estimate]]


@dataclass(frozen=True)
class LabelValue:
    """The page: `row` is None where no reward model has scored anything yet."""

    ceiling: dict[str, Estimate]
    n_decisive: int
    n_ties: int
    budget: dict[str, Estimate]
    row: ModelRow | None


def build(project: Project, parameters: Mapping[str, Any]) -> report_store.Content:
    """Work the whole page out, as json can hold it: annotate.report_store's `Make`."""
    votes = current.read(current.rankings_of(project)).votes
    known = label_ceiling(of_fixed_overlap(project, votes), seed=SEED)
    model = reward_models.newest(project)
    return {
        "ceiling": plain(known),
        "n_decisive": known.n_decisive,
        "n_ties": known.n_ties,
        "budget": {name: asdict(value) for name, value in _budget(votes, known, model)._asdict().items()},
        "model": model and _content_of(model, votes, project),
    }


def model_row(project: Project) -> ModelRow | None:
    """Work out the newest reward model's row alone, which is little; None where none has scored anything yet."""
    model = reward_models.newest(project)
    if model is None:
        return None
    return _row(_content_of(model, current.read(current.rankings_of(project)).votes, project))


def read(content: report_store.Content) -> LabelValue:
    """Return a stored page; a reward model or annotator that is gone since is left out."""
    return LabelValue(
        ceiling=_estimates(content["ceiling"]),
        n_decisive=content["n_decisive"],
        n_ties=content["n_ties"],
        budget=_estimates(content["budget"]),
        row=_row(content["model"]) if content["model"] else None,
    )


def _budget(votes: PairVotes, ceiling: LabelCeiling, model: RewardModel | None) -> LabelBudget:
    points = [CurvePoint(p["n_prompts"], p["accuracy"], p["n_held_out"]) for p in model.learning_curve] if model else []
    counts = pair_counts(votes)
    judged = counts.n_plus + counts.n_tie + counts.n_minus
    overlap = float(judged.mean()) if len(judged) else 1.0
    p = crowd_chances(votes, seed=SEED)
    information = budget.information_at(p, overlap), budget.information_at(p, overlap + 1)
    limit = ceiling.majority_of_three.high or 1.0
    return budget.label_budget(points, ceiling=limit, information=information, count=NEXT, seed=SEED)


def _content_of(model: RewardModel, votes: PairVotes, project: Project) -> report_store.Content:
    scores = model_agreement.chances(votes.units, reward_models.scores_of(model))
    names, category = _categories(project, votes)
    found: ModelAgreement = model_agreement.model_agreement(votes, scores, category=category)
    return {
        "id": model.pk,
        "agreement": asdict(found.consensus),
        "annotators": [[pk, asdict(value)] for pk, value in found.annotators.items()],
        "categories": [[names[code], asdict(value)] for code, value in found.categories.items()],
    }


def _categories(project: Project, votes: PairVotes) -> tuple[list[str], Ints]:
    """The names of categories, and the code of each prompt's. (P,)"""
    of = dict(Prompt.objects.filter(project=project).values_list("pk", "category"))
    names = sorted({of[pk] for pk in votes.units.prompt_ids.tolist()})
    code = {name: number for number, name in enumerate(names)}
    return names, np.array([code[of[pk]] for pk in votes.units.prompt_ids.tolist()], dtype=np.int64)


def _row(content: report_store.Content) -> ModelRow | None:
    model = RewardModel.objects.filter(pk=content["id"]).first()
    if model is None:
        return None
    people = Annotator.objects.in_bulk([pk for pk, _ in content["annotators"]])
    rows = [(people[pk], Estimate(**value)) for pk, value in content["annotators"] if pk in people]
    return ModelRow(
        reward_model=model,
        agreement=Estimate(**content["agreement"]),
        annotators=sorted(rows, key=lambda row: (row[1].value is None, row[1].value or 0.0, row[0].pseudonym)),
        categories=[(name or "none", Estimate(**value)) for name, value in content["categories"]],
    )


def _estimates(content: Mapping[str, Any]) -> dict[str, Estimate]:
    return {name: Estimate(**value) for name, value in content.items()}
