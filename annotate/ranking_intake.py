"""Rankings and pairwise votes made elsewhere: checked against the comparisons they name, then stored as submissions.

Imported annotators belong to the project they were imported into: the same id in two projects is two people.
"""

import uuid
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count, Q
from django.db.models.functions import Length

from annotate import answers, assignments, people, rankings
from annotate.answers import Answer, Span
from annotate.jsonlines import Faults
from annotate.models import Annotator, Assignment, Comparison, Completion, Origin, Project, Ranking
from annotate.ranking_rows import RankingRow


@dataclass(frozen=True)
class _Target:
    """A comparison that rankings name: its completions and their lengths by external id, and its free places."""

    pk: int
    free_count: int
    completions: dict[str, int]
    lengths: dict[str, int]


@dataclass
class RankingStore:
    """The `intake.Store` of rankings; `annotators` are the external ids met so far, `ranked_ids` what they ranked.

    A file is checked and saved batch by batch, so what was free before it came is kept in `free_before`.
    """

    project: Project
    first_line: dict[tuple[str, str, int], int] = field(default_factory=dict)
    new_votes: Counter[str] = field(default_factory=Counter)
    free_before: dict[str, int] = field(default_factory=dict)
    annotators: set[str] = field(default_factory=set)
    ranked_ids: set[int] = field(default_factory=set)

    @property
    def source(self) -> str:
        return f"import/{self.project.slug}"

    def check(self, batch: Sequence[tuple[int, RankingRow]], faults: Faults) -> None:
        targets = self._targets(row.comparison for _, row in batch)
        said = self._said_before([row for _, row in batch])
        for name, target in targets.items():
            self.free_before.setdefault(name, target.free_count)
        for line, row in batch:
            self.annotators.add(row.annotator)
            key = _key(row)
            if (first := self.first_line.setdefault(key, line)) != line:
                faults.add(line, "annotator", f"{row.annotator!r} ranks {row.comparison!r} in line {first} already.")
            elif key in said:
                self._check_same(line, row, said[key], targets[row.comparison], faults)
            else:
                self._check_new(line, row, targets.get(row.comparison), said, faults)

    def save(self, batch: Sequence[RankingRow]) -> int:
        targets = self._targets(row.comparison for row in batch)
        said = self._said_before(batch)
        new = [row for row in batch if _key(row) not in said]
        places = self._fill([row for row in new if row.revision == 1], targets)
        places |= self._places_before([row for row in new if (row.comparison, row.annotator) not in places])
        rankings.store_imported(
            _ranking(row, places[row.comparison, row.annotator], targets[row.comparison]) for row in new
        )
        self.ranked_ids.update(place.comparison_id for place in places.values())
        return len(new)

    def _fill(self, new: Sequence[RankingRow], targets: dict[str, _Target]) -> dict[tuple[str, str], Assignment]:
        annotators = self._people(new)
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
        return {(row.comparison, row.annotator): place for row, place in zip(new, places, strict=True)}

    def _people(self, new: Sequence[RankingRow]) -> dict[str, Annotator]:
        """Simulated annotators stay marked as such, wherever they come from."""
        simulated = {row.annotator for row in new if row.is_simulated}
        others = {row.annotator for row in new} - simulated
        made = people.without_account(Origin.SIMULATED, source=self.source, external_ids=simulated)
        return made | people.without_account(Origin.IMPORTED, source=self.source, external_ids=others)

    def _places_before(self, later: Sequence[RankingRow]) -> dict[tuple[str, str], Assignment]:
        """Return the places of revisions whose first version came in an earlier batch or file."""
        held = Assignment.objects.filter(
            comparison__project=self.project,
            comparison__external_id__in={row.comparison for row in later},
            annotator__source=self.source,
            state=Assignment.State.SUBMITTED,
        )
        found = held.select_related("comparison", "annotator")
        return {(place.comparison.external_id, place.annotator.external_id): place for place in found}

    def _check_new(
        self, line: int, row: RankingRow, target: _Target | None, said: Container[tuple[str, str, int]], faults: Faults
    ) -> None:
        if target is None:
            faults.add(line, "comparison", f"{row.comparison!r} is not in this project; import the comparisons first.")
            return
        if unknown := row.named - target.completions.keys():
            known = ", ".join(sorted(target.completions))
            faults.add(line, "ranking", f"{min(unknown)!r} is no completion of {row.comparison!r}; it has {known}.")
            return
        self._check_answer(line, row, target, faults)
        if row.order and len(set(row.order)) != len(target.completions):
            faults.add(line, "order", f"expected each of the {len(target.completions)} completions once.")
        if row.revision > 1:
            before = (row.comparison, row.annotator, row.revision - 1)
            if before not in self.first_line and before not in said:
                faults.add(line, "revision", f"revision {row.revision - 1} of this ranking must come before it.")
            return
        self.new_votes[row.comparison] += 1
        free_count = self.free_before[row.comparison]
        if self.new_votes[row.comparison] > free_count:
            free = f"{row.comparison!r} has {free_count} free places"
            faults.add(
                line, "comparison", f"{free} and this is ranking {self.new_votes[row.comparison]}; raise overlap."
            )

    def _check_answer(self, line: int, row: RankingRow, target: _Target, faults: Faults) -> None:
        """What this project asks of its own annotators is not asked of rankings made elsewhere."""
        try:
            if not row.unrankable:
                answers.check_tiers(_tier_ids(row, target), completion_ids=set(target.completions.values()))
        except answers.BadAnswer as problem:
            faults.add(line, "ranking", str(problem))
        if row.strength is not None and (row.strength == 0) != (len(row.tiers) == 1):
            faults.add(line, "strength", "a tie has no better one, and a better one is no tie.")
        if any(end > target.lengths[name] for name, _, end, _ in row.spans):
            faults.add(line, "spans", "a mark does not lie inside the text of a completion.")

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
        lengths: dict[int, dict[str, int]] = {pk: {} for pk in by_pk}
        rows = Completion.objects.filter(comparison__in=by_pk).annotate(length=Length("text"))
        for comparison, name, pk, length in rows.values_list("comparison_id", "external_id", "pk", "length"):
            completions[comparison][name], lengths[comparison][name] = pk, length
        return {name: _Target(pk, n, completions[pk], lengths[pk]) for pk, (name, n) in by_pk.items()}

    def _said_before(self, batch: Sequence[RankingRow]) -> dict[tuple[str, str, int], list[list[int]]]:
        """Return the tiers stored for any (comparison, annotator, revision) of a batch."""
        stored = Ranking.objects.filter(
            comparison__project=self.project,
            comparison__external_id__in={row.comparison for row in batch},
            annotator__source=self.source,
        )
        rows = stored.values_list("comparison__external_id", "annotator__external_id", "revision", "tiers")
        return {(comparison, annotator, revision): tiers for comparison, annotator, revision, tiers in rows}


def _key(row: RankingRow) -> tuple[str, str, int]:
    return row.comparison, row.annotator, row.revision


def _tier_ids(row: RankingRow, target: _Target) -> list[list[int]]:
    return [[target.completions[name] for name in tier] for tier in row.tiers]


def _answer(row: RankingRow, target: _Target) -> Answer:
    pks = target.completions
    return Answer(
        tiers=_tier_ids(row, target),
        reason=row.reason,
        strength=row.strength,
        is_all_bad=row.is_all_bad,
        unrankable=row.unrankable,
        ratings={pks[name]: rating for name, rating in row.ratings.items()},
        flags={pks[name]: keys for name, keys in row.flags.items()},
        aspects={key: {pks[name]: rating for name, rating in by.items()} for key, by in row.aspects.items()},
        spans=tuple(Span(pks[name], start, end, note) for name, start, end, note in row.spans),
        active_seconds=row.active_seconds,
    )


def _ranking(row: RankingRow, place: Assignment, target: _Target) -> Ranking:
    answer = _answer(row, target)
    return Ranking(
        assignment=place,
        comparison_id=place.comparison_id,
        annotator_id=place.annotator_id,
        submission=uuid.uuid4(),
        revision=row.revision,
        tiers=answer.tiers,
        strength=answer.strength,
        is_all_bad=answer.is_all_bad,
        unrankable=answer.unrankable,
        details=answer.details,
        reason=answer.reason,
        seconds=row.seconds,
        active_seconds=answer.active_seconds,
        submitted_at=row.submitted_at,
    )
