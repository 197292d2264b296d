"""Pay: active time by hand, the estimate where none was measured, and lines that add up to the total."""

import csv
import io
import re
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from annotate import assignments, memberships, people, projects, rankings
from annotate.answers import Answer
from annotate.crowd import pay
from annotate.models import Annotator, Assignment, Demonstration, Origin, Participation, Ranking
from tests.annotate.crowd.conftest import PROLIFIC


@pytest.fixture
def paid(project):
    projects.set_pay(project, pay_per_hour=Decimal("12.00"), currency="GBP", covers_past=True)
    return project


def rank(annotator, project, *, active, seconds=None):
    """Rank one comparison with so many measured seconds (None: none) and so many from showing to submitting."""
    place = assignments.reserve_next(annotator, project)
    answer = Answer([[pk] for pk in place.order], active_seconds=active)
    ranking = rankings.submit(place, answer, submission=uuid.uuid4())
    Ranking.objects.filter(pk=ranking.pk).update(seconds=seconds)
    return ranking


def keys_of(client, place):
    """The ends of the names of the ranks' fields."""
    page = client.get(reverse("rank", args=[place.pk])).content.decode()
    return re.findall(r'name="rank-(\w+)"', page)


def rows_of(report):
    file = io.StringIO(newline="")
    pay.write_csv(report, file)
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def test_the_active_time_of_each_annotator_is_paid_by_the_hour(paid, comparisons, ana, ben):
    rank(ana, paid, active=600, seconds=9_000)
    rank(ana, paid, active=300, seconds=9_000)
    rank(ben, paid, active=60)

    report = pay.report(paid)

    by_name = {line.name: (line.count, line.seconds, line.amount, line.is_estimated) for line in report.lines}
    assert by_name[ana.pseudonym] == (2, 900.0, Decimal("3.00"), False)
    assert by_name[ben.pseudonym] == (1, 60.0, Decimal("0.20"), False)
    assert (report.total.count, report.total.seconds, report.total.amount) == (3, 960.0, Decimal("3.20"))


def test_unmeasured_time_is_estimated_capped_and_marked(paid, comparisons, ana):
    rank(ana, paid, active=100)
    rank(ana, paid, active=None, seconds=200)
    rank(ana, paid, active=None, seconds=5_000)

    line = pay.report(paid).lines[0]

    assert (line.seconds, line.estimated_seconds, line.is_estimated) == (900.0, 800.0, True)
    assert line.amount == Decimal("3.00")


def test_a_changed_ranking_is_paid_for_all_the_work_on_it_once(client, paid, comparisons, ana):
    place = assignments.reserve_next(ana, paid)
    began = timezone.now() - timedelta(minutes=5)
    Assignment.objects.filter(pk=place.pk).update(reserved_at=began)
    client.force_login(ana.user)
    ranks = {f"rank-{key}": 1 for key in keys_of(client, place)}
    client.post(reverse("rank", args=[place.pk]), ranks | {"submission": uuid.uuid4(), "active_seconds": "100"})
    Ranking.objects.update(submitted_at=began)

    client.post(reverse("revise", args=[place.pk]), ranks | {"submission": uuid.uuid4(), "active_seconds": "50"})

    line = pay.report(paid).lines[0]
    assert Ranking.objects.count() == 2
    assert (line.count, line.seconds) == (1, 150.0)


def test_unmeasured_revisions_do_not_count_the_wall_time_twice(paid, comparisons, ana):
    ranking = rank(ana, paid, active=None, seconds=120)
    ranking.refresh_from_db()
    rankings.revise(ranking, Answer([sum(ranking.tiers, [])]), submission=uuid.uuid4())

    assert pay.report(paid).lines[0].seconds == 120.0


def test_written_demonstrations_are_work_too(paid, comparisons, ana):
    place = assignments.reserve_next(ana, paid)
    written = {"prompt": place.comparison.prompt, "text": "A river.", "author": ana, "assignment": place}
    Demonstration.objects.create(**written, active_seconds=300)

    line = pay.report(paid).lines[0]

    assert (line.count, line.seconds, line.amount) == (1, 300.0, Decimal("1.00"))


def test_nobody_pays_for_simulated_work(paid, comparisons):
    machine = people.without_account(Origin.SIMULATED, source="demo", external_ids=["s1"])["s1"]
    rank(machine, paid, active=600)

    assert pay.report(paid).lines == []


def test_without_a_pay_per_hour_there_are_hours_and_no_money(project, comparisons, ana):
    rank(ana, project, active=3_600)

    report = pay.report(project)

    assert (report.lines[0].hours, report.lines[0].amount) == (1.0, None)
    assert "no pay per hour is set" in report.sentence


def test_rewards_are_held_against_the_pay_per_hour(paid, comparisons, ana, ben):
    projects.set_crowd(paid, PROLIFIC | {"reward": "2.00"})
    for annotator, status in ((ana, "approved"), (ben, "returned")):
        rank(annotator, paid, active=900)
        Participation.objects.create(project=paid, annotator=annotator, provider="prolific", status=status)

    lines = {line.name: line for line in pay.report(paid).lines}

    of_ana, of_ben = lines[ana.pseudonym], lines[ben.pseudonym]
    assert (of_ana.per_hour, of_ana.top_up, of_ana.is_underpaid) == (8.0, Decimal("1.00"), True)
    assert (of_ben.per_hour, of_ben.top_up) == (0.0, Decimal("3.00"))
    assert pay.report(paid).total.top_up == Decimal("4.00")


def test_cohorts_add_up_to_the_total(paid, comparisons, ana, ben, cy):
    for annotator, cohort in ((ana, "north"), (ben, "south"), (cy, "")):
        memberships.admit(annotator, paid, cohort=cohort)
    rank(ana, paid, active=61)
    rank(ben, paid, active=62)
    rank(cy, paid, active=63)

    report = pay.report(paid)

    assert [line.name for line in report.cohorts] == ["", "north", "south"]
    assert sum(line.amount for line in report.cohorts) == report.total.amount
    assert sum(line.seconds for line in report.cohorts) == report.total.seconds == 186.0


def test_the_exported_lines_add_up_to_the_printed_total(paid, comparisons, ana, ben, tmp_path, capsys):
    rank(ana, paid, active=1_001)
    rank(ben, paid, active=777)
    file = tmp_path / "pay.csv"

    call_command("export_pay", paid.slug, str(file))

    rows = list(csv.DictReader(file.open(encoding="utf-8", newline="")))
    total = sum(Decimal(row["amount"]) for row in rows)
    assert total == Decimal("3.34") + Decimal("2.59")
    assert f"Payment lines: 2. Submissions: 2. Active hours: 0.4939 (estimated: 0.0000). Worth: {total} GBP." in (
        capsys.readouterr().out
    )
    assert {row["currency"] for row in rows} == {"GBP"}


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_line_holds_no_formula(paid, comparisons, ana, hostile):
    rank(ana, paid, active=60)
    Annotator.objects.filter(pk=ana.pk).update(source="acme", external_id=hostile)
    memberships.admit(ana, paid, cohort=hostile)

    row = rows_of(pay.report(paid))[0]

    assert (row["provider"], row["provider_id"], row["cohort"]) == ("acme", f"'{hostile}", f"'{hostile}")


def test_the_page_and_its_file_are_for_admins(client, paid, comparisons, ana, lee):
    rank(ana, paid, active=900)
    client.force_login(lee)

    html = client.get(reverse("pay", args=[paid.slug])).content.decode()
    exported = client.get(reverse("pay_export", args=[paid.slug]))

    assert "Payment lines: 1. Submissions: 1." in html
    assert ana.pseudonym in html
    assert exported["Content-Type"] == "text/csv; charset=utf-8"
    assert exported["Content-Disposition"] == 'attachment; filename="pay-rivers.csv"'
    assert exported.content.decode().splitlines()[0].startswith("pseudonym,provider,provider_id")


@pytest.mark.parametrize("sent", [{"currency": "pound"}, {"pay_per_hour": "-1"}, {"pay_per_hour": "NaN"}])
def test_a_bad_pay_is_refused_and_not_stored(client, paid, lee, sent):
    client.force_login(lee)

    assert client.post(reverse("pay", args=[paid.slug]), sent).status_code == 422
    paid.refresh_from_db()
    assert (paid.pay_per_hour, paid.currency) == (Decimal("12.00"), "GBP")


def test_the_report_costs_the_same_however_many_annotators(paid, comparisons, ana, ben, django_assert_num_queries):
    rank(ana, paid, active=10)
    with django_assert_num_queries(5):
        pay.report(paid)

    rank(ben, paid, active=10)
    with django_assert_num_queries(5):
        pay.report(paid)


def test_a_cohort_is_underpaid_by_its_sum_and_a_person_by_theirs(paid, comparisons, ana, ben):
    projects.set_crowd(paid, PROLIFIC | {"reward": "2.00"})
    for annotator, seconds in ((ana, 900), (ben, 60)):
        rank(annotator, paid, active=seconds)
        Participation.objects.create(project=paid, annotator=annotator, provider="prolific", status="approved")

    report = pay.report(paid)

    assert sorted(line.is_underpaid for line in report.lines) == [False, True]
    assert [line.is_underpaid for line in report.cohorts] == [False]
