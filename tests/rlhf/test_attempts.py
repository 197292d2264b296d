"""Further attempts of a run: from the newest state that verifies, under a new fence, and never more than allowed."""

from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db.models import F
from django.urls import reverse

from rlhf import runs
from rlhf.contract.rundir import RunDirectory
from rlhf.models import Metric, Run, Snapshot
from tests.rlhf.test_supervisor import SUCCEED, make_run, play, quick, run, supervised

__all__ = ["make_run", "play", "quick", "run"]  # fixtures

SIX_STEPS = (
    """
start = max([step for step, _ in run.saved_states()], default=0)
for step in range(start + 1, 7):
    run.append_metric(step, {"loss": 1 / step})
    if step % 2 == 0:
        state = run.state / f"{step:08d}"
        state.mkdir(parents=True)
        (state / "tensors").write_bytes(b"weights")
        rundir.write_manifest(state, {"kind": "state"})
    if step == 5 and start == 0:
        os._exit(3)
print("began after", start)
leave_checkpoint("reward")
"""
    + SUCCEED
)


def directory_of(run, fence):
    return RunDirectory(django_settings.RUNS_DIR / str(run.pk) / str(fence))


@pytest.fixture
def broken(run, play):
    """A run whose trainer died in step 5, after saving states at 2 and 4."""
    play(SIX_STEPS)
    assert supervised(run).state == "failed"
    return run


def test_a_run_goes_on_from_the_newest_state_and_ends_as_if_nothing_had_happened(broken):
    runs.resume(broken)

    broken.refresh_from_db()
    assert (broken.state, broken.attempt, broken.failure_reason, broken.result) == ("queued", 2, "", None)
    assert supervised(broken).state == "succeeded"
    assert list(Metric.objects.filter(run=broken).order_by("step").values_list("step", flat=True)) == [1, 2, 3, 4, 5, 6]
    lines = directory_of(broken, 2).read_metrics()
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert "began after 4" in directory_of(broken, 2).log.read_text()
    assert broken.checkpoint.path.endswith(f"{broken.pk}/2/checkpoint")


def test_a_damaged_state_is_passed_over(broken):
    (directory_of(broken, 1).state / "00000004" / "tensors").write_bytes(b"half")

    runs.resume(broken)

    assert supervised(broken).state == "succeeded"
    assert "began after 2" in directory_of(broken, 2).log.read_text()


def test_where_no_state_verifies_it_begins_anew_and_says_so(broken):
    for state in directory_of(broken, 1).state.glob("*"):
        (state / "tensors").write_bytes(b"half")
    Metric.objects.filter(run=broken).update(values={"loss": 9.0})

    runs.resume(broken)
    supervised(broken)

    assert "begins anew" in directory_of(broken, 2).log.read_text()
    assert 9.0 not in [one.values["loss"] for one in Metric.objects.filter(run=broken)]


def test_two_who_press_at_once_start_one_attempt(broken):
    seen_by_another = Run.objects.get(pk=broken.pk)
    runs.resume(broken)

    with pytest.raises(runs.CannotResume, match="queued"):
        runs.resume(Run.objects.get(pk=broken.pk))
    with pytest.raises(runs.CannotResume, match="just resumed"):
        runs.resume(seen_by_another)
    assert Run.objects.get(pk=broken.pk).attempt == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "succeeded", "failure_reason": ""}, "is succeeded"),
        ({"attempt": 5}, "RUN_MAX_ATTEMPTS"),
    ],
)
def test_what_cannot_be_resumed_says_why(broken, changes, said):
    Run.objects.filter(pk=broken.pk).update(**changes)

    with pytest.raises(runs.CannotResume, match=said):
        runs.resume(Run.objects.get(pk=broken.pk))


def test_a_run_that_saved_nothing_cannot_be_resumed(run, play):
    play("sys.exit(1)")

    with pytest.raises(runs.CannotResume, match="no saved state"):
        runs.resume(supervised(run))


def test_a_run_that_ended_before_its_first_save_begins_anew(run, play, client, mia):
    Run.objects.filter(pk=run.pk).update(config=run.config | {"checkpoint_every": 2})
    play("run.append_metric(1, {'loss': 9.0})\nsys.exit(1)")
    broken = supervised(run)
    Snapshot.objects.update(counts=dict.fromkeys(("prompts", "pairs", "rankings", "comparisons"), 9))
    client.force_login(mia)
    assert "Begin anew" in client.get(reverse("run", args=[run.pk])).content.decode()
    play(SIX_STEPS)

    runs.resume(broken)

    assert supervised(run).state == "failed"  # the trainer of SIX_STEPS breaks in its first attempt
    assert "begins anew" in directory_of(run, 2).log.read_text()
    assert Metric.objects.get(run=run, step=1).values == {"loss": 1.0}


def test_a_run_whose_worker_vanished_before_its_first_save_begins_anew_by_itself(run):
    config = run.config | {"checkpoint_every": 2}
    Run.objects.filter(pk=run.pk).update(config=config, fence=1)
    silenced(run)

    assert runs.fail_silent_runs() == 1

    run.refresh_from_db()
    assert (run.state, run.attempt) == ("queued", 2)


def silenced(run):
    """The worker of a run that saved states vanished an hour ago."""
    Run.objects.filter(pk=run.pk).update(state="running", failure_reason="", lease_until=F("created_at"))
    Run.objects.filter(pk=run.pk).update(lease_until=F("created_at") - timedelta(hours=1))


def test_a_run_whose_worker_vanished_goes_on_by_itself(broken):
    silenced(broken)

    assert runs.fail_silent_runs() == 1

    broken.refresh_from_db()
    assert (broken.state, broken.attempt) == ("queued", 2)


@pytest.mark.parametrize("changes", [{"attempt": 5}, {"cancel_requested_at": F("created_at")}])
def test_it_does_not_where_it_was_to_stop_or_was_taken_up_often_enough(broken, changes):
    silenced(broken)
    Run.objects.filter(pk=broken.pk).update(**changes)

    runs.fail_silent_runs()

    broken.refresh_from_db()
    assert (broken.state, broken.failure_reason) == ("failed", "lost")


def test_an_earlier_attempt_that_comes_back_cannot_write(run, play):
    held = runs.claim(run.pk)
    play(SIX_STEPS)
    Run.objects.filter(pk=run.pk).update(state="failed", failure_reason="lost", lease_until=None)
    state = RunDirectory(django_settings.RUNS_DIR / str(run.pk) / "1").state / "00000002"
    state.mkdir(parents=True)
    (state / "manifest.json").write_text('{"files": {}}')
    run.refresh_from_db()
    runs.resume(run)
    assert runs.claim(run.pk).fence == 2

    with pytest.raises(runs.LostClaim):
        runs.begin_attempt(held, step=0)
    with pytest.raises(runs.LostClaim):
        runs.heartbeat(held)


def test_engineers_resume_from_the_page(client, broken, mia, rex):
    Snapshot.objects.update(counts=dict.fromkeys(("prompts", "pairs", "rankings", "comparisons"), 9))
    button, page = "Resume after step 4", reverse("run", args=[broken.pk])
    client.force_login(rex)
    assert button not in client.get(page).content.decode()
    client.force_login(mia)
    assert button in client.get(page).content.decode()

    shown = client.post(reverse("run_resume", args=[broken.pk]), follow=True).content.decode()

    assert "queued again" in shown
    assert "Attempt 2." in shown
    assert button not in shown
