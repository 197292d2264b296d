"""Both intervals hold the truth of simulated projects; the benchmark counts it over more of them."""

import pytest

from annotate.quality.agreement import HALF_CREDIT
from annotate.quality.alpha import ordinal
from annotate.quality.measures import agreement_with, alpha_with, krippendorff_with
from benchmarks import coverage

SMALL = {"projects": 100, "prompts": 150, "annotators": 24}


@pytest.fixture(autouse=True)
def shorter_long_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "LONG_RUN", 30_000)


@pytest.mark.parametrize(
    ("measures", "graded"),
    [([agreement_with(HALF_CREDIT), alpha_with(HALF_CREDIT)], False), ([krippendorff_with(ordinal, name="")], True)],
)
def test_each_interval_holds_the_truth_it_speaks_of(measures: list, graded: bool) -> None:
    """95 % nominal; of 100 projects 88 and 84 are three and two standard errors below 95 and 90 %."""
    same = coverage.same_crowd(measures, seed=5, graded=graded, **SMALL)
    new = coverage.new_crowd(measures, seed=5, graded=graded, **SMALL)

    assert min(found.share for found in same) >= 0.88
    assert min(found.share for found in new) >= 0.84
    assert all(wide.width > 1.2 * narrow.width for wide, narrow in zip(new, same, strict=True))
