"""The demo's main job: one comparison's way through the whole house, by the product's own doors.

prompts → (SFT) → sample → rank → freeze → reward model → PPO → sample, policy against SFT → rank. The annotators are
simulated and marked so; everything else is what a person would press.
"""

import time
from collections.abc import Callable
from pathlib import Path

from django.contrib.auth.models import User

from annotate import intake, projects, reports, simulation
from annotate.models import Project
from rlhf import artefacts, base_models, preflight, runs, snapshots
from rlhf.contract import config as configs
from rlhf.contract.records import CompletionRecord, read_jsonl
from rlhf.contract.rundir import RunDirectory
from rlhf.demo.plans import Plan
from rlhf.demo.worker import Worker, follow
from rlhf.models import Checkpoint, Run, Snapshot

FOLDER = Path(__file__).parent
OVERLAP = 3
LEFT_FOR_PEOPLE = 1
"""Places of each comparison of the second round that the simulated crowd leaves open."""

Tell = Callable[[str], None]


class RunFailed(Exception):
    """A run of the job did not succeed; the message has its reason."""


class Job:
    """The main job over one new project."""

    def __init__(self, plan: Plan, *, engineer: User, worker: Worker, tell: Tell) -> None:
        self.plan, self.engineer, self.worker, self.tell = plan, engineer, worker, tell
        self.started = time.monotonic()

    def run(self) -> dict[str, object]:
        """Do everything and return the figures of the last line, all measured here."""
        project = self.make_project()
        base = self.base_model()
        self.import_prompts(project)
        sft = self.fine_tune(project, base)
        self.execute(project, "sample", self.plan.sample, sft)
        ranked = self.let_rank(project, per_comparison=OVERLAP, seed=1)
        report = reports.headline(project)
        self.tell(f"consistency: {report.sentence}")
        snapshot = self.freeze(project)
        reward = self.execute(project, "reward", self.plan.reward, sft, snapshot=snapshot)
        ppo = self.execute(project, "ppo", self.plan.ppo, sft, snapshot=snapshot, reward_model=reward.checkpoint)
        again = self.execute(project, "sample", self.plan.compare, ppo.checkpoint, snapshot=snapshot, baseline=sft)
        self.let_rank(project, per_comparison=OVERLAP - LEFT_FOR_PEOPLE, seed=2, source=f"run/{again.pk}")
        return self.figures(project, report, ranked, reward, ppo, again)

    def make_project(self) -> Project:
        """Create the demo's project under a free name."""
        count = Project.objects.filter(slug__startswith="demo").count()
        suffix = f"-{count + 1}" if count else ""
        guidelines = (FOLDER / "guidelines.md").read_text(encoding="utf-8")
        made = projects.create(
            slug=f"demo{suffix}", name=f"Demo{suffix}", overlap=OVERLAP, guidelines=guidelines, by=self.engineer
        )
        self.tell(f"project «{made.name}» with guidelines and an overlap of {OVERLAP}")
        return made

    def base_model(self) -> Checkpoint:
        """Make the base model, or find it made, and record it."""
        return base_models.bring_in(self.plan.model, name=self.plan.name, tell=self.tell)

    def import_prompts(self, project: Project) -> None:
        report = intake.import_file(FOLDER / "prompts.jsonl", kind="prompts", project=project)
        self.tell(f"prompts: {report.sentence}")

    def fine_tune(self, project: Project, base: Checkpoint) -> Checkpoint:
        """Return the SFT model: the base itself where it is fine-tuned already."""
        if self.plan.sft is None:
            return base
        return self.execute(project, "sft", self.plan.sft, base).checkpoint

    def freeze(self, project: Project) -> Snapshot:
        snapshot = snapshots.freeze(project, by=self.engineer, test_rate=self.plan.test_rate)
        counts = snapshot.counts
        pairs = f"{counts['pairs_train']} training and {counts['pairs_test']} held-out pairs"
        self.tell(
            f"snapshot {snapshot.sha256[:12]}: {counts['prompts']} prompts, {counts['rankings']} rankings, {pairs}"
        )
        return snapshot

    def execute(
        self,
        project: Project,
        stage: str,
        config: dict,
        base: Checkpoint,
        *,
        snapshot: Snapshot | None = None,
        **inputs,
    ) -> Run:
        """Queue a run, wait for the worker to execute it, and return it. Raises RunFailed."""
        chosen = snapshot or self.freeze(project)
        order = preflight.RunOrder(project, stage, configs.parse(stage, config), chosen, base, **inputs)
        run = runs.create(order, by=self.engineer)
        self.tell(f"run {run.pk}: {run.get_stage_display()} from {base}")
        follow(run, worker=self.worker, tell=lambda line: self.tell(f"  {line}"))
        if run.state != Run.State.SUCCEEDED:
            raise RunFailed(f"{run} {run.state}: {run.failure_reason} {run.failure_message}")
        return run

    def let_rank(self, project: Project, *, per_comparison: int, seed: int, source: str = "") -> int:
        """Let the simulated crowd rank the comparisons that wait; return how many rankings they made."""
        waiting = project.comparisons.filter(source=source) if source else project.comparisons
        count = simulation.work(project, ranking_count=per_comparison * waiting.count(), seed=seed)
        self.tell(f"{count} rankings by {len(simulation.CROWD)} simulated annotators")
        return count

    def figures(
        self, project: Project, report: reports.Headline, ranked: int, reward: Run, ppo: Run, again: Run
    ) -> dict[str, object]:
        """Return the figures of the last line."""
        true = self.true_scores(project, again)
        wins = self.win_rate(project, policy=ppo.checkpoint)
        accuracy, tuned = reward.result["metrics"], ppo.result["metrics"]
        return {
            "model": self.plan.model,
            "comparisons": report.comparison_count,
            "rankings": ranked,
            "pair_agreement": _rounded(report.pair_agreement.value),
            "alpha": _rounded(report.alpha.value),
            "rm_accuracy": _rounded(accuracy["accuracy"]),
            "rm_accuracy_interval": [_rounded(accuracy["accuracy_low"]), _rounded(accuracy["accuracy_high"])],
            "rm_accuracy_n": accuracy["n"],
            "ppo_score_before": _rounded(tuned["score_before"]),
            "ppo_score_after": _rounded(tuned["score_after"]),
            "true_score_before": _rounded(true["baseline"]),
            "true_score_after": _rounded(true["base"]),
            "ppo_kl": _rounded(tuned["kl"]),
            "win_rate_vs_sft": _rounded(wins),
            "seconds": round(time.monotonic() - self.started, 1),
        }

    def true_scores(self, project: Project, again: Run) -> dict[str, float]:
        """Return the mean true score of the policy's («base») and of the SFT model's («baseline») completions."""
        prompts = dict(project.prompts.values_list("external_id", "messages"))
        found: dict[str, list[float]] = {"base": [], "baseline": []}
        for one in read_jsonl(RunDirectory(artefacts.run_directory(again)).completions, CompletionRecord):
            found[one.model].append(simulation.true_score(prompts[one.prompt_id], one.text))
        return {model: sum(scores) / len(scores) for model, scores in found.items()}

    def win_rate(self, project: Project, *, policy: Checkpoint) -> float | None:
        """Return how often the policy's completions beat the SFT model's in the second round; ties count half."""
        name = f"checkpoint/{policy.pk}"
        for row in reports.win_rates(project):
            if name in (row.source, row.against):
                return row.rate.value if row.source == name else row.turned.rate.value
        return None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
