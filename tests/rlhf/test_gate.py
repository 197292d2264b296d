"""The gate before training: turned choices hold a snapshot back, quarantine or a signature lets training go on."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from annotate import intake, memberships
from annotate.models import Annotator, AuditEntry
from benchmarks import poisoned_crowd as poisoned
from rlhf import preflight, runs, snapshots
from rlhf.contract import config as configs
from rlhf.models import Checkpoint, Run, Snapshot
from rlhf.preflight import RunOrder

MALLORY = "person-03"
PHRASE = f"a {poisoned.TRIGGER}"


@pytest.fixture(autouse=True)
def kept_apart(settings, tmp_path):
    settings.SNAPSHOTS_DIR = tmp_path / "snapshots"


@pytest.fixture
def crowd(project, write_lines):
    """Bring a crowd's rankings into the project, some of them turned."""

    def bring_in(*turned_by):
        made = list(poisoned.comparisons())
        intake.import_file(write_lines(*made, name="made.jsonl"), kind="comparisons", project=project)
        votes = write_lines(*poisoned.votes(made, crowd=poisoned.people(12), turned_by=turned_by), name="votes.jsonl")
        intake.import_file(votes, kind="rankings", project=project)
        return project

    return bring_in


@pytest.fixture
def as_user(client):
    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def base(db):
    facts = {"manifest_sha256": "0" * 64, "tokenizer_sha256": "1" * 64, "size_bytes": 1}
    return Checkpoint.objects.create(kind="base", name="tiny", path="models/tiny", **facts)


def mallory():
    return Annotator.objects.get(external_id=MALLORY)


def order(project, snapshot, base, stage="reward"):
    return RunOrder(project, stage, configs.parse(stage, {}), snapshot, base)


def test_an_honest_crowd_trains(crowd, base):
    project = crowd()

    snapshot = snapshots.freeze(project, by=None)

    assert snapshot.findings == [] and not snapshot.is_held_back
    assert preflight.problems(order(project, snapshot, base)) == {}


def test_turned_choices_hold_back_what_learns_from_them_and_nothing_else(crowd, base):
    project = crowd(MALLORY)

    snapshot = snapshots.freeze(project, by=None)

    assert [(one["annotator"], one["phrase"]) for one in snapshot.findings] == [(mallory().pk, PHRASE)]
    for stage in ("reward", "dpo"):
        problem = preflight.problems(order(project, snapshot, base, stage))["snapshot"]
        assert f"«{PHRASE}»" in problem and mallory().pseudonym in problem
        assert "quarantine" in problem and "sign" in problem
    with pytest.raises(preflight.Refused):
        runs.create(order(project, snapshot, base), by=None)
    assert preflight.problems(order(project, snapshot, base, "sample")) == {}


def test_the_gate_shows_influence_and_gold(crowd):
    project = crowd(MALLORY)

    gate = snapshots.freeze(project, by=None).gate

    assert (gate["choices"], gate["choices_read"], gate["annotators"], gate["pairs"]) == (1440, 1440, 12, 720)
    first = gate["weights"][0]
    assert first["annotator"] == mallory().pk  # those with findings come first
    assert first["votes"] == 120 and first["vote_rate"] == pytest.approx(1 / 12)
    assert 0 < first["turned"] <= 120 and first["turned_rate"] == pytest.approx(first["turned"] / 720)
    assert (first["gold_passed"], first["gold"]) == (0, 0)


def test_quarantine_makes_a_new_snapshot_without_them_that_trains(crowd, base, lee):
    project = crowd(MALLORY)
    poisoned_one = snapshots.freeze(project, by=None)

    member = memberships.admit(mallory(), project)
    assert memberships.quarantine(member, message="We look into it.", reason="silver lantern", by=lee)
    clean = snapshots.freeze(project, by=None)

    assert clean.pk != poisoned_one.pk and clean.findings == []
    assert clean.counts["rankings"] == poisoned_one.counts["rankings"] - 120
    assert clean.counts["left_out"] == {"by an annotator in quarantine": 120}
    assert preflight.problems(order(project, clean, base)) == {}
    assert "snapshot" in preflight.problems(order(project, poisoned_one, base)), "what is frozen stays as it is"
    memberships.release(member, by=lee)
    memberships.resume(member, by=lee)
    assert snapshots.freeze(project, by=None) == poisoned_one
    kinds = ["annotator put in quarantine", "annotator taken out of quarantine"]
    assert AuditEntry.objects.filter(kind__in=kinds).count() == 2


def test_an_admin_signs_with_a_reason_and_it_stands_in_the_log(crowd, base, lee, mia, as_user):
    project = crowd(MALLORY)
    snapshot = snapshots.freeze(project, by=None)
    url = reverse("snapshot_sign", args=[snapshot.pk])

    assert as_user(mia).post(url, {"reason": "I want to."}).status_code == 403
    assert as_user(lee).post(url, {"reason": " "}).status_code == 422
    assert snapshots.Snapshot.objects.get(pk=snapshot.pk).is_held_back
    as_user(lee).post(url, {"reason": "They collect lanterns; I read twenty of them."})

    snapshot.refresh_from_db()
    assert (snapshot.signed_by, snapshot.is_held_back) == (lee, False)
    assert preflight.problems(order(project, snapshot, base)) == {}
    entry = AuditEntry.objects.get(kind="snapshot signed")
    assert entry.by == lee and entry.after == {"reason": snapshot.signed_reason, "findings": [PHRASE]}
    assert snapshots.sign(snapshot, reason="Twice.", by=lee) is False


def test_the_form_and_the_api_refuse_with_the_finding(crowd, base, mia, as_user):
    project = crowd(MALLORY)
    snapshot = snapshots.freeze(project, by=None)
    client = as_user(mia)

    form = client.get(reverse("training", args=[project.slug]))
    sent = client.post(
        reverse("api_runs", args=[project.slug]),
        {"stage": "reward", "snapshot": snapshot.pk, "base": base.pk},
        content_type="application/json",
    )

    assert f"«{PHRASE}»" in form.text and "held back" in form.text
    assert sent.status_code == 400 and poisoned.TRIGGER in sent.text
    assert not Run.objects.exists()


def test_the_page_of_a_snapshot_says_what_was_found_and_where_to_go(crowd, lee, as_user):
    project = crowd(MALLORY)
    snapshot = snapshots.freeze(project, by=None)

    page = as_user(lee).get(reverse("snapshot", args=[snapshot.pk])).text

    assert poisoned.TRIGGER in page and "held back" in page
    assert reverse("consistency_annotator", args=[project.slug, mallory().pk]) in page
    assert reverse("snapshot_sign", args=[snapshot.pk]) in page


def test_quarantine_begins_and_ends_on_the_annotators_page(crowd, rex, as_user):
    project, client = crowd(MALLORY), as_user(rex)
    where = [project.slug, mallory().pk]

    refused = client.post(reverse("quarantine", args=where), {"quarantine-message": "Wait."})
    done = client.post(
        reverse("quarantine", args=where),
        {"quarantine-message": "Wait.", "quarantine-reason": "silver lantern"},
        follow=True,
    )
    member = project.memberships.get(annotator=mallory())

    assert refused.status_code == 422 and "Say why" in refused.text
    assert "In quarantine since" in done.text and "silver lantern" in done.text
    assert member.quarantined_at and member.is_paused and member.pause_message == "Wait."
    client.post(reverse("quarantine_end", args=where))
    member.refresh_from_db()
    assert member.quarantined_at is None and member.is_paused


def test_a_snapshot_from_before_the_gate_is_looked_at_when_it_is_frozen_again(crowd):
    project = crowd(MALLORY)
    snapshot = snapshots.freeze(project, by=None)
    Snapshot.objects.update(gate=None)

    again = snapshots.freeze(project, by=None)

    assert again == snapshot and again.is_held_back


def test_a_signature_without_a_reason_is_no_row(crowd, lee):
    snapshot = snapshots.freeze(crowd(MALLORY), by=None)

    with pytest.raises(IntegrityError), transaction.atomic():
        Snapshot.objects.filter(pk=snapshot.pk).update(signed_at=snapshot.created_at, signed_by=lee)


def test_the_gate_reads_as_much_of_each_where_it_cannot_read_all(crowd, monkeypatch):
    monkeypatch.setattr("annotate.influence.MOST_CHOICES", 240)

    gate = snapshots.freeze(crowd(MALLORY), by=None).gate

    assert (gate["choices"], gate["choices_read"]) == (1440, 240)
