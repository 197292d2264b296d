"""Whatever breaks what must hold of a run is found, said in a sentence, listed for admins and counted."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from operations import gauges
from rlhf import invariants, runs
from rlhf.models import Checkpoint, Run
from tests.rlhf.test_supervisor import SUCCEED, make_run, play, quick, run, supervised

__all__ = ["make_run", "play", "quick", "run"]  # fixtures

NOW = timezone.now()
LONG_AGO = NOW - timedelta(days=2)
OVER = {"finished_at": NOW, "fence": 1}
SUCCEEDED = OVER | {"state": "succeeded", "result": {}}
BROKEN = [
    ({"state": "running", "fence": 1, "lease_until": LONG_AGO}, "", "lease is long over"),
    ({"state": "running", "fence": 0, "lease_until": NOW + timedelta(days=1)}, "", "without ever having been claimed"),
    ({"state": "cancelled"}, "", "no time at which it ended"),
    ({"finished_at": NOW}, "", "is not over and has a time"),
    ({"lease_until": NOW}, "", "is not running and has a lease"),
    (SUCCEEDED | {"result": None}, "runs/{}/1/checkpoint", "without a result"),
    (SUCCEEDED, "", "left no checkpoint"),
    (OVER | {"state": "cancelled"}, "runs/{}/1/checkpoint", "did not succeed and left a checkpoint"),
    (SUCCEEDED | {"fence": 2}, "runs/{}/1/checkpoint", "of another attempt"),
    ({"attempt": 99}, "", "more often than is allowed"),
    ({"queue": "gpu-1t"}, "", "a queue that is none"),
    ({"created_at": LONG_AGO}, "", "has waited for a day"),
]


def changed(run, values, path):
    Run.objects.filter(pk=run.pk).update(**values)
    if path:
        facts = {"manifest_sha256": "m", "tokenizer_sha256": "t", "size_bytes": 1}
        Checkpoint.objects.create(kind="reward", name="x", run=run, path=path.format(run.pk), **facts)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize(("values", "path", "said"), BROKEN, ids=[said for _, _, said in BROKEN])
def test_what_breaks_a_rule_is_found_and_said(run, make_run, values, path, said):
    make_run()  # another one, which breaks none
    changed(run, values, path)

    assert [found.pk for found in invariants.breaking()] == [run.pk]
    assert [one for one in invariants.broken_by(run) if said in one]


def test_there_is_a_case_for_each_rule():
    found = [rule for rule in invariants.rules() if not any(said in rule for _, _, said in BROKEN)]

    assert found == []


def test_a_run_breaks_none_through_its_life(run, make_run, play):
    assert not invariants.breaking().exists()
    held = runs.claim(run.pk)
    assert not invariants.breaking().exists()
    runs.fail(held, "crashed", message="x")
    assert not invariants.breaking().exists()
    play("leave_checkpoint('reward')\n" + SUCCEED)
    assert supervised(make_run()).state == "succeeded"
    assert not invariants.breaking().exists()


def test_admins_see_them_and_prometheus_counts_them(run, make_run, client, lee):
    make_run()
    changed(run, {"attempt": 99}, "")
    client.force_login(lee)

    page = client.get(reverse("admin:rlhf_run_changelist"), {"breaks": "yes"}).content.decode()

    assert "was taken up more often than is allowed" in page
    assert "1 run" in page
    counted = {one.name: one.samples[0].value for one in gauges.Rows().collect() if one.name == "concord_runs_broken"}
    assert counted == {"concord_runs_broken": 1}
