"""Whatever happens to the rankings, in whatever order: the sums are those of a rebuild (hypothesis, stateful)."""

from datetime import timedelta
from uuid import uuid4

import hypothesis.strategies as st
import numpy as np
import pytest
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from annotate import assignments, gold, people, preferences, projects, rankings, statistics
from annotate.answers import Answer
from annotate.models import Comparison, Origin, Prompt, Ranking
from annotate.quality import agreement, alpha
from annotate.quality.agreement import HALF_CREDIT
from annotate.quality.ranking import pair_counts
from benchmarks import filling

REFUSALS = (assignments.NotReserved, rankings.SubmissionConflict, rankings.TooLate)
PEOPLE, COMPARISONS = st.integers(0, 4), st.integers(0, 4)


def tied_at_random(order, cuts):
    """Return an order as tiers: a completion joins the tier before it where its cut says so."""
    tiers = [[order[0]]]
    for completion, is_tied in zip(order[1:], cuts, strict=False):
        if is_tied:
            tiers[-1].append(completion)
        else:
            tiers.append([completion])
    return tiers


class Sums(RuleBasedStateMachine):
    """Five people on five comparisons in two categories, under guidelines that change, with gold and repeats."""

    def __init__(self):
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.now = timezone.now()

    def teardown(self):
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)

    @initialize()
    def open_the_project(self):
        self.project = projects.create(slug="sums", name="Sums", overlap=3, guidelines="Be fair.", by=None)
        self.project.gold_rate = self.project.repeat_rate = 0.2
        self.project.save()
        filling.fill(self.project, comparisons=5, characters=20)
        self.comparisons = list(Comparison.objects.order_by("pk"))
        Prompt.objects.filter(pk=self.comparisons[0].prompt_id).update(category="code")
        found = people.without_account(Origin.SIMULATED, source="sums", external_ids=list("abcde"))
        self.people = [found[name] for name in "abcde"]

    @rule(who=PEOPLE, order=st.permutations(range(4)), cuts=st.lists(st.booleans(), min_size=3, max_size=3))
    def submit(self, who, order, cuts):
        place = assignments.reserve_next(self.people[who], self.project, now=self.now)
        if place:
            tiers = tied_at_random([place.order[n] for n in order], cuts)
            rankings.submit(place, Answer(tiers), submission=uuid4(), now=self.now)

    @rule(data=st.data())
    def revise(self, data):
        said = list(Ranking.objects.filter(superseded_at__isnull=True))
        if said:
            ranking = data.draw(st.sampled_from(said))
            tiers = tied_at_random(data.draw(st.permutations(ranking.assignment.order)), [False, True, False])
            self._refusable(lambda: rankings.revise(ranking, Answer(tiers), submission=uuid4()))

    @rule(data=st.data())
    def undo(self, data):
        """Take a revision back by saying again what was said before."""
        said = list(Ranking.objects.filter(superseded_at__isnull=True, revision__gt=1))
        if said:
            ranking = data.draw(st.sampled_from(said))
            before = Ranking.objects.get(assignment=ranking.assignment, revision=ranking.revision - 1)
            self._refusable(lambda: rankings.revise(ranking, Answer(before.tiers), submission=uuid4()))

    @rule(data=st.data())
    def withdraw(self, data):
        """A ranking leaves every figure without another in its place, as when a person's work is excluded."""
        self._leave_out(data, Ranking.objects.filter(superseded_at__isnull=True), superseded_at=self.now)

    @rule(data=st.data())
    def take_back_a_withdrawal(self, data):
        later = Ranking.objects.filter(assignment=OuterRef("assignment"), revision__gt=OuterRef("revision"))
        gone = Ranking.objects.filter(~Exists(later), superseded_at__isnull=False)  # what was revised stays so
        self._leave_out(data, gone, superseded_at=None)

    @rule(who=PEOPLE)
    def exclude(self, who):
        theirs = Ranking.objects.filter(annotator=self.people[who], superseded_at__isnull=True)
        touched = set(theirs.values_list("comparison_id", flat=True))
        theirs.update(superseded_at=self.now)
        statistics.recount(touched)

    @rule(which=COMPARISONS)
    def make_gold(self, which):
        order = [[pk] for pk in self.comparisons[which].completions.values_list("pk", flat=True)]
        gold.set_key(self.comparisons[which], order, reason="", by=None)

    @rule(days=st.integers(1, 3))
    def days_pass(self, days):
        self.now += timedelta(days=days)
        projects.publish_guidelines(self.project, text=f"Be fair, {self.now}.", by=None)

    @rule()
    def rebuild(self):
        statistics.rebuild(self.project)

    @invariant()
    def the_sums_are_those_of_a_rebuild(self):
        assert statistics.differences(self.project) == []

    @invariant()
    def the_figures_are_those_of_the_votes(self):
        votes = preferences.votes(self.project)
        counted = pair_counts(votes)
        figures = statistics.figures(self.project)
        assert statistics.counts(self.project).ranking_count == preferences.current_rankings(self.project).count()
        for mine, theirs in (
            (figures.half_credit, agreement.half_credit(counted)),
            (figures.decisive, agreement.decisive(counted)),
            (figures.alpha, alpha.pair_alpha(counted, ties=HALF_CREDIT)),
        ):
            assert mine.n == theirs.n
            np.testing.assert_allclose(*([x.value if x.value is not None else np.nan for x in (mine, theirs)]))

    def _leave_out(self, data, found, **change):
        rows = list(found)
        if rows:
            ranking = data.draw(st.sampled_from(rows))
            Ranking.objects.filter(pk=ranking.pk).update(**change)
            statistics.recount([ranking.comparison_id])

    @staticmethod
    def _refusable(act):
        try:
            with transaction.atomic():
                act()
        except REFUSALS:
            pass


def run(examples, steps):
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Sums,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks, database=None
        ),
    )


@pytest.mark.django_db
def test_no_sequence_of_steps_parts_the_sums_from_a_rebuild():
    run(examples=12, steps=20)


@pytest.mark.chaos
@pytest.mark.django_db
def test_no_long_sequence_of_steps_parts_the_sums_from_a_rebuild():
    run(examples=150, steps=60)
