"""Score over √KL, step by step."""

import pytest

from rlhf import score_path
from rlhf.models import Checkpoint, Metric, Run, Snapshot


@pytest.fixture
def run(project):
    snapshot = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts={})
    base = Checkpoint.objects.create(
        kind="base", name="b", path="b", manifest_sha256="m", tokenizer_sha256="t", size_bytes=1
    )
    return Run.objects.create(project=project, stage="ppo", state="succeeded", config={}, snapshot=snapshot, base=base)


def test_two_reward_models_are_two_lines(run):
    rows = [{"kl": k**2, "score": k, "scaled_score": k, "watched_score": -k} for k in range(3)]
    Metric.objects.bulk_create(Metric(run=run, step=step, values=row) for step, row in enumerate(rows, start=1))

    found = score_path.path(run)

    assert [line.series for line in found.lines] == [1, 2]
    assert len({point.x for point in found.points}) == 3
    assert found.points[-1].name == "watched score -2.00 at step 3"


def test_before_the_third_step_there_is_no_picture(run):
    Metric.objects.create(run=run, step=1, values={"kl": 0.0, "score": 1.0})

    assert score_path.path(run) is None
