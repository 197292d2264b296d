"""People leave: who they are is erased, what they said stays or makes no more labels, and models are named."""

import json
from collections import Counter
from io import StringIO
from uuid import uuid4

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from annotate import assignments, drafts, memberships, names, people, preferences, projects, ranked, rankings, tokens
from annotate.answers import Answer
from annotate.models import AuditEntry, Draft, Membership, Origin, Participation, Ranking
from rlhf import snapshots
from rlhf.models import Checkpoint, Run

NAME, MAIL, WORKER = "canary-name", "canary@example.org", "5f3canary"


def said(command, *arguments, **options):
    out = StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


def exported(project, what):
    """What leaves the house as rankings, or as comparisons with theirs, as text."""
    stream = ranked.rankings if what == "rankings" else ranked.ranked
    return json.dumps(list(stream(project, Counter())), default=str)


def rank_all(annotator, project):
    while place := assignments.reserve_next(annotator, project):
        rankings.submit(place, Answer([[pk] for pk in place.order]), submission=uuid4())


@pytest.fixture
def known(client, project, comparisons):
    """A crowd worker with a name everywhere one can stand, one ranking and one draft."""
    annotator = people.worker(source="prolific", external_id=WORKER)
    User.objects.filter(pk=annotator.user_id).update(username=NAME, email=MAIL, first_name=NAME)
    annotator.user.refresh_from_db()
    memberships.admit(annotator, project)
    Participation.objects.create(project=project, annotator=annotator, provider="prolific", session_id=WORKER)
    tokens.create(annotator.user, label="mine", days=3)
    AccessAttempt.objects.create(username=NAME, ip_address="192.0.2.1", failures_since_start=1)
    client.force_login(annotator.user)
    place = assignments.reserve_next(annotator, project)
    rankings.submit(place, Answer([place.order]), submission=uuid4())
    drafts.save(assignments.reserve_next(annotator, project), {"reason": [NAME]})
    return annotator


def everything():
    """All rows of all tables, as text."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  names of ours
            found += [f"{table}: {row}" for row in cursor.fetchall()]
    return found


def test_nothing_that_says_who_they_are_is_left(known, client):
    assert [row for row in everything() if "canary" in row]

    told = said("erase_person", NAME, yes=True)

    assert [row for row in everything() if "canary" in row] == []
    assert "1 sessions, 1 tokens, 1 drafts, 1 provider ids, 1 failed sign-ins" in told
    assert client.get("/").status_code == 302  # signed out
    assert not User.objects.get(username=f"erased-{known.user_id}").has_usable_password()
    assert (Draft.objects.count(), Ranking.objects.filter(annotator=known).count()) == (0, 1)
    assert AuditEntry.objects.filter(kind="erased", subject=f"account {known.user_id}").exists()


def test_it_is_asked_for_twice_and_known_by_the_pseudonym_too(known):
    with pytest.raises(CommandError, match="Add --yes"):
        said("erase_person", known.pseudonym)
    with pytest.raises(CommandError, match="no account"):
        said("erase_person", "nobody", yes=True)

    said("erase_person", known.pseudonym, yes=True)

    assert not User.objects.filter(username=NAME).exists()


def test_the_last_superuser_stays(db):
    User.objects.create_superuser("root")

    with pytest.raises(CommandError, match="last superuser"):
        said("erase_person", "root", yes=True)


def test_a_provider_that_sends_an_erased_worker_again_gets_a_new_one(known):
    said("erase_person", NAME, yes=True)

    assert people.worker(source="prolific", external_id=WORKER).pk != known.pk


def test_what_was_said_without_consent_makes_no_labels_and_models_are_named(
    project, comparisons, ana, ben, settings, tmp_path
):
    settings.SNAPSHOTS_DIR = tmp_path / "snapshots"
    rank_all(ana, project)
    rank_all(ben, project)
    frozen = snapshots.freeze(project, by=None)
    model = {"path": "m", "manifest_sha256": "m" * 64, "tokenizer_sha256": "t" * 64, "size_bytes": 1}
    base = Checkpoint.objects.create(kind="base", name="base", **model)
    run = Run.objects.create(project=project, stage="sft", config={}, snapshot=frozen, base=base)
    sft = Checkpoint.objects.create(kind="sft", name="SFT", run=run, project=project, **(model | {"path": "s"}))
    other = snapshots.freeze(project, by=None, test_rate=0.3)
    policy = Run.objects.create(project=project, stage="ppo", config={}, snapshot=other, base=sft)

    listed = json.loads(said("recall_consent", ana.pseudonym, project.slug, json=True))

    assert [one["id"] for one in listed["snapshots"]] == [frozen.pk, other.pk]
    assert [one["id"] for one in listed["runs"]] == [run.pk, policy.pk]
    assert [one["id"] for one in listed["checkpoints"]] == [sft.pk]
    assert preferences.beliefs(project).left_out == {"by an annotator who took their consent back": 3}
    for what in ("rankings", "comparisons with rankings"):
        assert names.outside(project, ana.pseudonym) not in exported(project, what)
        assert names.outside(project, ben.pseudonym) in exported(project, what)
    later = snapshots.freeze(project, by=None)
    assert later.pk != frozen.pk
    assert "SFT" in said("recall_consent", ana.pseudonym, project.slug, dry_run=True)
    with pytest.raises(CommandError, match="before"):
        said("recall_consent", ana.pseudonym, project.slug)


def test_they_get_no_more_work_and_read_why_until_they_consent_anew(project, comparisons, ana):
    version = project.consents.create(number=1, text="You agree.")
    memberships.consent(ana, version)
    said("recall_consent", ana.pseudonym, project.slug)

    member = Membership.objects.get(annotator=ana)
    assert member.is_paused
    assert "took your consent back" in member.pause_message
    assert assignments.reserve_next(ana, project) is None

    memberships.consent(ana, version)
    assert Membership.objects.get(annotator=ana).recalled_at is None


def test_an_admin_takes_consent_back_on_a_page_that_says_what_may_rest_on_them(client, lee, known, project):
    rank_all(known, project)
    snapshot = snapshots.freeze(project, by=lee)
    client.force_login(lee)

    before = client.get(reverse("leaving", args=[known.pk])).content.decode()
    client.post(reverse("leaving_recall", args=[known.pk, project.slug]))
    again = client.post(reverse("leaving_recall", args=[known.pk, project.slug]), follow=True).content.decode()

    assert reverse("snapshot", args=[snapshot.pk]) in before
    assert "Take their consent back in Rivers" in before
    assert "Nothing was changed: their consent was taken back before." in again
    assert "Take their consent back in Rivers" not in again
    assert known.memberships.get().recalled_at


@pytest.mark.parametrize("typed", ["", "annotator-somebody-else"])
def test_nobody_is_erased_by_a_slip(client, lee, known, typed):
    client.force_login(lee)

    page = client.post(reverse("leaving_erase", args=[known.pk]), {"pseudonym": typed})

    assert page.status_code == 422
    known.user.refresh_from_db()
    assert known.user.username == NAME


def test_an_admin_erases_who_somebody_is(client, lee, known):
    client.force_login(lee)

    page = client.post(reverse("leaving_erase", args=[known.pk]), {"pseudonym": known.pseudonym}, follow=True)

    assert "Erased: 1 accounts" in page.content.decode()
    known.user.refresh_from_db()
    assert (known.user.username, known.user.is_active) == (f"erased-{known.user.pk}", False)


def test_who_has_no_account_is_not_erased(client, lee, project):
    robot = people.without_account(Origin.SIMULATED, source="demo", external_ids=["s"])["s"]
    client.force_login(lee)

    page = client.get(reverse("leaving", args=[robot.pk]))
    erased = client.post(reverse("leaving_erase", args=[robot.pk]), {"pseudonym": robot.pseudonym})

    assert "there is nothing to erase" in page.content.decode()
    assert erased.status_code == 404


def test_an_annotator_takes_their_own_consent_back(client, ana, project, comparisons):
    memberships.admit(ana, project)
    memberships.consent(ana, projects.publish_consent(project, text="You may stop at any time.", by=None))
    rank_all(ana, project)
    client.force_login(ana.user)

    unsure = client.post(reverse("consent_back", args=[project.slug]), follow=True).content.decode()
    still = ana.memberships.get().recalled_at
    sure = client.post(reverse("consent_back", args=[project.slug]), {"is_sure": "on"}, follow=True).content.decode()

    assert "tick the box" in unsure
    assert still is None
    assert "You took your consent back." in sure
    member = ana.memberships.get()
    assert (bool(member.recalled_at), member.is_paused, member.consent) == (True, True, None)
    assert exported(project, "rankings") == "[]"
