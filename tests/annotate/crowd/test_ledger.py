"""Pay that is disputed: rates from when they hold, decisions that stay, and totals reckoned from what is on record."""

import uuid
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotate import assignments, objections, people, projects, rankings
from annotate.answers import Answer
from annotate.crowd import ledger, pay
from annotate.models import AuditEntry, Objection, Origin, PayDecision, PayRate

HOUR = 3600


@pytest.fixture
def paid(project, lee):
    projects.set_pay(project, pay_per_hour=Decimal(12), currency="GBP", covers_past=True, by=lee)
    return project


def rank(annotator, project, *, active=HOUR):
    """Rank the next comparison with so many seconds of work and return the place."""
    place = assignments.reserve_next(annotator, project)
    rankings.submit(place, Answer([place.order], active_seconds=active), submission=uuid.uuid4())
    return place


def amount(project):
    return pay.report(project).total.amount


def dispute(client, annotator, place, text="I read all of it."):
    client.force_login(annotator.user)
    return client.post(reverse("dispute", args=[place.pk]), {"text": text})


def decided(place):
    return list(PayDecision.objects.filter(assignment=place).values_list("is_paid", "reason"))


def test_a_new_rate_is_for_what_is_handed_out_from_then_on(paid, comparisons, ana, lee):
    rank(ana, paid)
    held = assignments.reserve_next(ana, paid)  # promised 12, submitted under 9
    projects.set_pay(paid, pay_per_hour=Decimal(9), currency="GBP", by=lee)
    rankings.submit(held, Answer([held.order], active_seconds=HOUR), submission=uuid.uuid4())
    rank(ana, paid)

    assert amount(paid) == Decimal("33.00")


def test_a_rate_for_all_work_so_far_raises_what_was_promised(paid, comparisons, ana, lee):
    rank(ana, paid)
    projects.set_pay(paid, pay_per_hour=Decimal(15), currency="GBP", covers_past=True, by=lee)
    rank(ana, paid)

    assert amount(paid) == Decimal("30.00")
    assert list(PayRate.objects.values_list("per_hour", "set_by")) == [(12, lee.pk), (15, lee.pk)]


def test_what_was_promised_is_never_lowered(paid, comparisons, ana, lee):
    rank(ana, paid)

    with pytest.raises(projects.BadPay, match="promised 12.00 an hour") as refusal:
        projects.set_pay(paid, pay_per_hour=Decimal(9), currency="GBP", covers_past=True, by=lee)

    assert refusal.value.field == "covers_past"
    assert (amount(paid), PayRate.objects.count()) == (Decimal("12.00"), 1)


def test_work_before_the_first_rate_is_worth_nothing_unless_it_covers_the_past(project, comparisons, ana, lee):
    rank(ana, project)
    projects.set_pay(project, pay_per_hour=Decimal(12), currency="GBP", by=lee)
    assert amount(project) == Decimal("0.00")

    projects.set_pay(project, pay_per_hour=Decimal(12), currency="GBP", covers_past=True, by=lee)

    assert amount(project) == Decimal("12.00")


def test_the_currency_stays_once_there_is_work(client, paid, comparisons, ana, lee):
    projects.set_pay(paid, pay_per_hour=Decimal(12), currency="USD", by=lee)  # nobody has worked yet
    rank(ana, paid)
    client.force_login(lee)

    page = client.post(reverse("pay", args=[paid.slug]), {"pay_per_hour": "12", "currency": "GBP"})

    assert page.status_code == 422
    assert "paid in USD: a project has one currency" in page.content.decode()
    paid.refresh_from_db()
    assert paid.currency == "USD"


def test_the_same_rate_again_leaves_no_row(paid, lee):
    projects.set_pay(paid, pay_per_hour=Decimal("12.00"), currency="GBP", by=lee)

    assert PayRate.objects.count() == 1


def test_what_is_withheld_is_not_in_the_sum(paid, comparisons, ana, lee):
    rank(ana, paid)
    place = rank(ana, paid, active=HOUR / 2)

    ledger.decide(place, is_paid=False, reason="All in one order.", by=lee)

    line = pay.report(paid).lines[0]
    assert (line.amount, line.withheld_count, line.seconds) == (Decimal("12.00"), 1, 1.5 * HOUR)
    entry = AuditEntry.objects.get(kind="pay decided")
    assert (entry.subject, entry.after) == (
        f"assignment {place.pk}",
        {"is_paid": False, "reason": "All in one order."},
    )


def test_a_dispute_is_answered_and_each_decision_stays(client, paid, comparisons, ana, lee):
    """Withheld, disputed, paid after all, withheld again: four acts, each with who, why and when."""
    place = rank(ana, paid)
    client.force_login(lee)
    withhold = {"is_paid": "no", "reason": "Too quick."}
    client.post(reverse("pay_decide", args=[place.pk]), withhold)
    dispute(client, ana, place)
    client.force_login(lee)
    raised = Objection.objects.get()
    client.post(
        reverse("objection_answer", args=[raised.pk]),
        {f"o{raised.pk}-verdict": "accept", f"o{raised.pk}-text": "We looked again."},
    )
    assert amount(paid) == Decimal("12.00")

    client.post(reverse("pay_decide", args=[place.pk]), withhold | {"reason": "A script did it."})

    assert decided(place) == [(False, "Too quick."), (True, "We looked again."), (False, "A script did it.")]
    assert set(PayDecision.objects.values_list("decided_by", flat=True)) == {lee.pk}
    assert (raised.kind, amount(paid)) == ("pay", Decimal("0.00"))


def test_a_rejected_dispute_changes_nothing(paid, comparisons, ana, lee):
    place = rank(ana, paid)
    ledger.decide(place, is_paid=False, reason="Too quick.", by=lee)
    raised = objections.raise_objection(place, kind=Objection.Kind.PAY, text="I read it.")

    objections.answer(raised, is_accepted=False, text="Four seconds.", by=lee)

    assert decided(place) == [(False, "Too quick.")]


def test_the_annotator_reads_their_own_record_and_nobody_elses(client, paid, comparisons, ana, ben, lee):
    place, other = rank(ana, paid), rank(ben, paid)
    ledger.decide(place, is_paid=False, reason="ANAS-REASON", by=lee)
    ledger.decide(other, is_paid=False, reason="BENS-REASON", by=lee)
    client.force_login(ana.user)

    page = client.get(reverse("my_pay")).content.decode()

    assert "ANAS-REASON" in page
    assert reverse("dispute", args=[place.pk]) in page
    assert "BENS-REASON" not in page
    assert lee.username not in page
    assert "0.00 GBP" in page


def test_disputing_twice_is_refused_and_paid_work_is_not_disputed(client, paid, comparisons, ana, lee):
    place, fine = rank(ana, paid), rank(ana, paid)
    ledger.decide(place, is_paid=False, reason="Too quick.", by=lee)

    first, second = dispute(client, ana, place), dispute(client, ana, place)

    assert (first.status_code, second.status_code) == (302, 409)
    assert dispute(client, ana, fine).status_code == 404
    with pytest.raises(objections.NotWithheld):
        objections.raise_objection(fine, kind=Objection.Kind.PAY, text="pay me")


def test_another_ones_submission_cannot_be_disputed(client, paid, comparisons, ana, ben, lee):
    place = rank(ana, paid)
    ledger.decide(place, is_paid=False, reason="Too quick.", by=lee)

    assert dispute(client, ben, place).status_code == 404


def test_reviewers_do_not_answer_disputes(client, paid, comparisons, ana, lee, rex):
    place = rank(ana, paid)
    ledger.decide(place, is_paid=False, reason="Too quick.", by=lee)
    raised = objections.raise_objection(place, kind=Objection.Kind.PAY, text="I read it.")
    client.force_login(rex)

    page = client.get(reverse("objections", args=[paid.slug])).content.decode()
    answer = client.post(
        reverse("objection_answer", args=[raised.pk]), {f"o{raised.pk}-verdict": "accept", f"o{raised.pk}-text": "ok"}
    )

    assert "Admins decide about pay." in page
    assert answer.status_code == 403
    assert decided(place) == [(False, "Too quick.")]


@pytest.mark.parametrize(
    ("sent", "said"),
    [({"is_paid": "no"}, "Say why"), ({"is_paid": "no", "reason": "  "}, "Say why"), ({"reason": "x"}, "")],
)
def test_no_decision_without_a_reason(client, paid, comparisons, ana, lee, sent, said):
    place = rank(ana, paid)
    client.force_login(lee)

    page = client.post(reverse("pay_decide", args=[place.pk]), sent)

    assert page.status_code == 422
    assert said in page.content.decode()
    assert decided(place) == []


def test_the_database_asks_for_a_reason(paid, comparisons, ana, lee):
    place = rank(ana, paid)

    with pytest.raises(IntegrityError), transaction.atomic():
        PayDecision.objects.create(assignment=place, is_paid=False, reason="", decided_by=lee)


def test_what_is_so_already_is_said_and_not_recorded(client, paid, comparisons, ana, lee):
    place = rank(ana, paid)
    client.force_login(lee)

    page = client.post(reverse("pay_decide", args=[place.pk]), {"is_paid": "yes", "reason": "ok"}, follow=True)

    assert "Nothing was changed: It is paid already." in page.content.decode()
    assert decided(place) == []


def test_only_what_a_person_submitted_is_decided_about(client, paid, comparisons, ana, lee):
    held = assignments.reserve_next(ana, paid)
    robot = people.without_account(Origin.SIMULATED, source="demo", external_ids=["s"])["s"]
    client.force_login(lee)

    assert client.post(reverse("pay_decide", args=[held.pk]), {"is_paid": "no", "reason": "x"}).status_code == 404
    with pytest.raises(ledger.CannotDecide, match="a person"):
        ledger.decide(rank(robot, paid), is_paid=False, reason="x", by=lee)


def test_the_staffs_page_of_one_person_shows_each_submission(client, paid, comparisons, ana, lee):
    place = rank(ana, paid, active=HOUR / 4)
    ledger.decide(place, is_paid=False, reason="Too quick.", by=lee)
    client.force_login(lee)

    page = client.get(reverse("pay_person", args=[paid.slug, ana.pk])).content.decode()

    assert "Too quick." in page
    assert "3.00" in page
    assert "Pay after all" in page
    assert place.comparison.external_id in page


def test_a_persons_page_costs_the_same_however_much_they_did(client, paid, comparisons, ana, lee):
    def queries():
        with CaptureQueriesContext(connection) as found:
            client.get(reverse("pay_person", args=[paid.slug, ana.pk]))
        return len(found)

    rank(ana, paid)
    client.force_login(lee)
    client.get(reverse("pay_person", args=[paid.slug, ana.pk]))
    once = queries()
    rank(ana, paid)
    rank(ana, paid)

    assert queries() == once
