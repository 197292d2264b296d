"""Rankings and pairwise votes made elsewhere: checked against the comparisons they name, then stored as submissions.

Imported annotators belong to the project they were imported into: the same id in two projects is two people.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count, Q

from annotate import answers, assignments, people, rankings
from annotate.jsonlines import Faults
from annotate.models import Assignment, Comparison, Completion, Origin, Project, Ranking
from annotate.rows import RankingRow


@dataclass(frozen=True)
class _Target:
    """A comparison that rankings name: its completions by external id, and its free places."""

    pk: int
    free_count: int
    completions: dict[str, int]


@dataclass
class RankingStore:
    """The `intake.Store` of rankings; `annotators` are the external ids met so far."""

    project: Project
    first_line: dict[tuple[str, str], int] = field(default_factory=dict)
    new_votes: Counter[str] = field(default_factory=Counter)
    annotators: set[str] = field(default_factory=set)

    @property
    def source(self) -> str:
        return f"import/{self.project.slug}"

    def check(self, batch: Sequence[tuple[int, RankingRow]], faults: Faults) -> None:
        targets = self._targets(row.comparison for _, row in batch)
        said = self._said_before([row for _, row in batch])
        for line, row in batch:
            self.annotators.add(row.annotator)
            key = (row.comparison, row.annotator)
            if (first := self.first_line.setdefault(key, line)) != line:
                faults.add(line, "annotator", f"{row.annotator!r} ranks {row.comparison!r} in line {first} already.")
            elif key in said:
                self._check_same(line, row, said[key], targets[row.comparison], faults)
            else:
                self._check_new(line, row, targets.get(row.comparison), faults)

    def save(self, batch: Sequence[RankingRow]) -> int:
        targets = self._targets(row.comparison for row in batch)
        said = self._said_before(batch)
        new = [row for row in batch if (row.comparison, row.annotator) not in said]
        annotators = people.without_account(
            Origin.IMPORTED, source=self.source, external_ids=[row.annotator for row in new]
        )
        places = assignments.fill_places(
            assignments.ImportedPlace(
                comparison_id=targets[row.comparison].pk,
                project_id=self.project.pk,
                annotator=annotators[row.annotator],
                order=[targets[row.comparison].completions[name] for name in row.order],
                reserved_at=row.submitted_at - timedelta(seconds=row.seconds) if row.seconds is not None else None,
                submitted_at=row.submitted_at,
            )
            for row in new
        )
        rankings.store_imported(
            _ranking(row, place, targets[row.comparison]) for row, place in zip(new, places, strict=True)
        )
        return len(new)

    def _check_new(self, line: int, row: RankingRow, target: _Target | None, faults: Faults) -> None:
        if target is None:
            faults.add(line, "comparison", f"{row.comparison!r} is not in this project; import the comparisons first.")
            return
        named = [name for tier in row.tiers for name in tier]
        if unknown := (set(named) | set(row.order)) - target.completions.keys():
            known = ", ".join(sorted(target.completions))
            faults.add(line, "ranking", f"{min(unknown)!r} is no completion of {row.comparison!r}; it has {known}.")
            return
        try:
            tiers = _tier_ids(row, target)
            answers.check_tiers(tiers, completion_ids=set(target.completions.values()))
        except answers.BadAnswer as problem:
            faults.add(line, "ranking", str(problem))
        if row.order and len(set(row.order)) != len(target.completions):
            faults.add(line, "order", f"expected each of the {len(target.completions)} completions once.")
        self.new_votes[row.comparison] += 1
        if self.new_votes[row.comparison] > target.free_count:
            free = f"{row.comparison!r} has {target.free_count} free places"
            faults.add(
                line, "comparison", f"{free} and this is ranking {self.new_votes[row.comparison]}; raise overlap."
            )

    def _check_same(self, line: int, row: RankingRow, tiers: list[list[int]], target: _Target, faults: Faults) -> None:
        names = {pk: name for name, pk in target.completions.items()}
        stored = [sorted(names[pk] for pk in tier) for tier in tiers]
        if stored != [sorted(tier) for tier in row.tiers]:
            faults.add(line, "ranking", f"{row.annotator!r} has ranked {row.comparison!r} differently before.")

    def _targets(self, names: Iterable[str]) -> dict[str, _Target]:
        found = Comparison.objects.filter(project=self.project, external_id__in=set(names))
        free = found.annotate(n=Count("assignments", filter=Q(assignments__state=Assignment.State.OPEN)))
        by_pk = {pk: (name, n) for pk, name, n in free.values_list("pk", "external_id", "n")}
        completions: dict[int, dict[str, int]] = {pk: {} for pk in by_pk}
        rows = Completion.objects.filter(comparison__in=by_pk).values_list("comparison_id", "external_id", "pk")
        for comparison, name, pk in rows:
            completions[comparison][name] = pk
        return {name: _Target(pk, n, completions[pk]) for pk, (name, n) in by_pk.items()}

    def _said_before(self, batch: Sequence[RankingRow]) -> dict[tuple[str, str], list[list[int]]]:
        """Return the tiers stored for any (comparison, annotator) of a batch."""
        stored = Ranking.objects.filter(
            comparison__project=self.project,
            comparison__external_id__in={row.comparison for row in batch},
            annotator__source=self.source,
            superseded_at__isnull=True,
        )
        rows = stored.values_list("comparison__external_id", "annotator__external_id", "tiers")
        return {(comparison, annotator): tiers for comparison, annotator, tiers in rows}


def _tier_ids(row: RankingRow, target: _Target) -> list[list[int]]:
    return [[target.completions[name] for name in tier] for tier in row.tiers]


def _ranking(row: RankingRow, place: Assignment, target: _Target) -> Ranking:
    return Ranking(
        assignment=place,
        comparison_id=place.comparison_id,
        annotator_id=place.annotator_id,
        submission=uuid.uuid4(),
        tiers=_tier_ids(row, target),
        reason=row.reason,
        seconds=row.seconds,
        submitted_at=row.submitted_at,
    )
