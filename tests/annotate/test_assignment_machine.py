"""Whatever people do in whatever order: the promises of the queue hold after every step (hypothesis, stateful)."""

from datetime import timedelta
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from annotate import assignments, gold, people, projects, rankings
from annotate.answers import Answer
from annotate.models import Assignment, Comparison, Origin, Ranking
from benchmarks import filling, invariants

PEOPLE = st.integers(0, 3)
COMPARISONS = st.integers(0, 5)
REFUSALS = (assignments.NotReserved, rankings.SubmissionConflict, rankings.TooLate, IntegrityError)


class Queue(RuleBasedStateMachine):
    """Four people, six comparisons, adaptive overlap 2 to 4, gold and repeats, and a clock that leaps."""

    def __init__(self):
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.now = timezone.now()
        self.seen_places = []  # every reservation ever handed out
        self.acknowledged = {}  # submission → tiers

    def teardown(self):
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)

    @initialize(fixed_rate=st.sampled_from([0.0, 0.5]), hidden_rate=st.sampled_from([0.0, 0.4]))
    def open_the_project(self, fixed_rate, hidden_rate):
        self.project = projects.create(slug="machine", name="Machine", overlap=2, guidelines="Be fair.", by=None)
        self.project.overlap_policy, self.project.overlap_cap, self.project.fixed_rate = "adaptive", 4, fixed_rate
        self.project.gold_rate = self.project.repeat_rate = hidden_rate
        self.project.save()
        filling.fill(self.project, comparisons=6, characters=20)
        self.comparisons = list(Comparison.objects.order_by("pk"))
        found = people.without_account(Origin.SIMULATED, source="machine", external_ids=list("abcd"))
        self.people = [found[name] for name in "abcd"]

    @rule(who=PEOPLE)
    def ask(self, who):
        place = assignments.reserve_next(self.people[who], self.project, now=self.now)
        if place:
            assert place.annotator_id == self.people[who].pk
            self.seen_places.append(place)

    @rule(data=st.data())
    def submit(self, data):
        if self.seen_places:
            place = data.draw(st.sampled_from(self.seen_places))
            order = data.draw(st.permutations(place.order))
            self._send(place, Answer([[pk] for pk in order]), submission=uuid4())

    @rule(data=st.data())
    def submit_again(self, data):
        if self.acknowledged:
            submission = data.draw(st.sampled_from(sorted(self.acknowledged)))
            known = Ranking.objects.get(submission=submission)
            same = rankings.submit(known.assignment, Answer(self.acknowledged[submission]), submission=submission)
            assert same.pk == known.pk

    @rule(data=st.data())
    def revise(self, data):
        current = list(Ranking.objects.filter(superseded_at__isnull=True))
        if current:
            ranking = data.draw(st.sampled_from(current))
            tiers = [[pk] for pk in data.draw(st.permutations(ranking.assignment.order))]
            submission = uuid4()
            with transaction.atomic():
                rankings.revise(ranking, Answer(tiers), submission=submission)
            self.acknowledged[submission] = tiers

    @rule(data=st.data())
    def skip(self, data):
        if self.seen_places:
            self._refusable(lambda: assignments.skip(data.draw(st.sampled_from(self.seen_places)), reason="no"))

    @rule(who=PEOPLE)
    def leave(self, who):
        assignments.release(self.people[who], self.project)

    @rule(seconds=st.sampled_from([60, 1_801, 90_000]))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)
        assignments.release_expired(now=self.now)

    @rule(which=COMPARISONS)
    def make_gold(self, which):
        comparison = Comparison.objects.get(pk=self.comparisons[which].pk)
        order = [[pk] for pk in comparison.completions.values_list("pk", flat=True)]
        gold.set_key(comparison, order, reason="", by=None)

    @rule(which=COMPARISONS, priority=st.integers(-3, 3))
    def reprioritise(self, which, priority):
        assignments.reprioritise(self.project, {self.comparisons[which].pk: priority})

    @rule(which=COMPARISONS)
    def ask_for_one_more_vote(self, which):
        assignments.open_one_more(Comparison.objects.get(pk=self.comparisons[which].pk))

    @invariant()
    def the_promises_hold(self):
        assert invariants.breaches(self.acknowledged) == []
        stored = dict(Ranking.objects.values_list("submission", "tiers"))
        assert stored == self.acknowledged

    def _send(self, place, answer, *, submission):
        def send():
            rankings.submit(Assignment.objects.get(pk=place.pk), answer, submission=submission)
            self.acknowledged[submission] = answer.tiers

        self._refusable(send)

    @staticmethod
    def _refusable(act):
        """Do what may be refused; what was refused has left nothing behind, which the invariants see."""
        try:
            with transaction.atomic():
                act()
        except REFUSALS:
            pass


def run(examples, steps):
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Queue,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks, database=None
        ),
    )


@pytest.mark.django_db
def test_no_sequence_of_steps_breaks_a_promise():
    run(examples=8, steps=20)


@pytest.mark.chaos
@pytest.mark.django_db
def test_no_long_sequence_of_steps_breaks_a_promise():
    run(examples=150, steps=60)
