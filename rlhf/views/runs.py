"""Start a run, watch it, cancel it, resume it."""

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate.access import STAFF, has_role, project_for_staff, requires
from rlhf import access, preflight, reward_page, run_page, runs, score_path, sweeps
from rlhf.charts import CHARTS, UNCERTAINTY, WATCHED, Chart
from rlhf.contract import config as configs
from rlhf.forms import RunForm
from rlhf.models import Checkpoint, Run, Sweep
from rlhf.views.training import BUTTONS


@require_http_methods(["GET", "POST"])
@requires(*access.ENGINEERS)
def new(request: HttpRequest, slug: str, stage: str) -> HttpResponse:
    project, stage = project_for_staff(request.user, slug), access.stage_named(stage)
    chosen = {"base": request.GET["base"]} if "base" in request.GET else {}
    form = RunForm(request.POST or None, project=project, stage=stage, initial=chosen)
    if form.is_valid() and form.order and form.cleaned_data.get("search"):
        if sweep := _swept(request, form):
            return redirect("sweep", pk=sweep.pk)
    elif form.is_valid() and form.order:
        return redirect("run", pk=_started(request, form).pk)
    context = {
        "project": project,
        "button": BUTTONS[stage],
        "form": form,
        "closed": preflight.closed_reasons(project, stage),
    }
    return render(request, "training/run_new.html", context, status=422 if form.is_bound else 200)


@require_GET
@requires(*STAFF)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    run = access.run_for_staff(request.user, pk)
    current = _live(request, run)
    has_curves = current["values"] or not run.is_over
    context = current | {
        "project": run.project,
        "heading": f"Run {run.pk}: {run.get_stage_display()}",
        "charts": _charts(run) if has_curves else [],
        "score_path": score_path.path(run),
        "checkpoint": Checkpoint.objects.filter(run=run).first(),
        "children": Run.objects.filter(
            Q(base__run=run) | Q(reward_model__run=run) | Q(baseline__run=run) | Q(watcher__run=run)
        ),
        "reward_report": reward_page.report(run),
        "settings": (run.config | {"profile": run.profile, "queue": run.queue}).items(),
        "versions": (run.result or {}).get("versions", {}).items(),
    }
    return render(request, "training/run.html", context)


@require_GET
@requires(*STAFF)
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the page that changes while a run goes on."""
    return render(request, "training/_live.html", _live(request, access.run_for_staff(request.user, pk)))


@require_POST
@requires(*access.ENGINEERS)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    run = access.run_for_staff(request.user, pk)
    try:
        runs.request_cancel(run)
    except runs.AlreadyOver:
        messages.warning(request, f"Run {pk} had ended already; nothing was cancelled.")
    else:
        messages.success(request, f"Run {pk} is asked to stop. It leaves no model.")
    return redirect("run", pk=pk)


@require_POST
@requires(*access.ENGINEERS)
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    run = access.run_for_staff(request.user, pk)
    try:
        runs.resume(run)
    except runs.CannotResume as problem:
        messages.warning(request, str(problem))
    else:
        messages.success(request, f"Run {pk} is queued again; it goes on from the newest state that it saved.")
    return redirect("run", pk=pk)


def _charts(run: Run) -> list[Chart]:
    """The curves of a run, without those that it has nothing for."""
    judge = run.reward_model.run if run.reward_model else None
    absent = set() if run.watcher_id else {WATCHED}
    if not (judge and judge.config.get("ensemble")):
        absent.add(UNCERTAINTY)
    return [chart for chart in CHARTS[run.stage] if chart not in absent]


def _started(request: HttpRequest, form: RunForm) -> Run:
    """Queue a run; pressed twice, it is the run of the first time."""
    try:
        run = runs.create(form.order, by=request.user)
    except runs.AlreadyActive as twin:
        messages.warning(request, f"Nothing new was started. {twin}")
        return twin.run
    messages.success(request, f"Run {run.pk} is queued; the next free worker takes it.")
    return run


def _swept(request: HttpRequest, form: RunForm) -> Sweep | None:
    """Queue a sweep; None where its search is refused, which the form then says."""
    search, draws = form.cleaned_data["search"], form.cleaned_data.get("draws") or 0
    try:
        sweep = sweeps.create(form.order, text=search, draws=draws, by=request.user)
    except runs.AlreadyActive as problem:
        form.add_error("search", f"Nothing was started. {problem}")
        return None
    except (configs.ConfigError, preflight.Refused) as problem:
        said = problem.errors if isinstance(problem, configs.ConfigError) else problem.problems
        form.add_error("search", "; ".join(said.values())[:1].upper() + "; ".join(said.values())[1:])
        return None
    messages.success(request, f"{sweep.runs.count()} runs are queued; free workers take them one by one.")
    return sweep


def _live(request: HttpRequest, run: Run) -> dict[str, object]:
    return {
        "run": run,
        "failure": run.failure_reason.replace("_", " "),
        "may_act": has_role(request.user, *access.ENGINEERS),
        "progress": None if run.is_over else run_page.progress(run),
        "resumes_after": run_page.resumes_after(run),
        "figures": run_page.figures(run),
        "values": run_page.latest_values(run),
        "alarms": run_page.alarms(run),
        "samples": run_page.samples(run),
        "log": run_page.log_tail(run),
    }
