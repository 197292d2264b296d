"""A project's training page: freeze, the stages with why one is closed, runs, checkpoints to download."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotate.access import STAFF, has_role, project_for_staff, requires
from annotate.models import Project
from rlhf import access, artefacts, downloads, freezing, preflight, run_page, snapshots
from rlhf.contract.rundir import BadArtefact
from rlhf.forms import FreezeForm
from rlhf.models import Checkpoint, Corpus, Freezing, Run, Snapshot

PER_PAGE = 20


@dataclass(frozen=True)
class Button:
    """What starts a stage."""

    stage: str
    label: str
    about: str


BUTTONS = {
    button.stage: button
    for button in (
        Button("pretrain", "Pretrain", "Makes a base model from plain text, or takes one further."),
        Button("sft", "Train SFT", "Fine-tunes a model on prompts with ideal outputs."),
        Button("reward", "Train reward model", "Learns from the preferences to tell the better of two completions."),
        Button("ppo", "Run PPO", "Tunes the model to score high under the reward model, held near its start."),
        Button("dpo", "Run DPO", "Tunes the model on the preferences themselves, without a reward model."),
        Button(
            "rloo", "Run RLOO", "As PPO, without a critic: completions of a prompt are measured against each other."
        ),
        Button("grpo", "Run GRPO", "As RLOO, with advantages scaled within a prompt and the KL in the loss."),
        Button("sample", "Sample", "Lets a model answer the prompts; its completions come back to be ranked."),
        Button("evaluate", "Evaluate", "Measures a model on the held-out prompts or pairs."),
        Button("export", "Export", "Writes a model as a plain Hugging Face folder, half as large, for other programs."),
    )
}


@require_GET
@requires(*STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for_staff(request.user, slug)
    return render(request, "training/training.html", _context(request, project))


@require_POST
@requires(*access.ENGINEERS)
def freeze(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for_staff(request.user, slug)
    form = FreezeForm(request.POST)
    if not form.is_valid():
        return render(request, "training/training.html", _context(request, project, form), status=422)
    try:
        snapshot = freezing.freeze(project, by=request.user, **form.cleaned_data)
    except snapshots.NothingToFreeze as problem:
        messages.error(request, str(problem))
        return redirect("training", slug=slug)
    if isinstance(snapshot, Freezing):
        messages.success(request, "The project is large, so a worker freezes it. It stands below how far that is.")
        return redirect("training", slug=slug)
    counts = snapshot.counts
    messages.success(
        request,
        f"Frozen as {snapshot}: {counts['prompts']} prompts, {counts['rankings']} rankings, "
        f"{counts['pairs_train']} training pairs and {counts['pairs_test']} held out. "
        f"{snapshots.reconciliation(counts)}",
    )
    return redirect("training", slug=slug)


@require_GET
@requires(*STAFF)
def freezing_live(request: HttpRequest, slug: str) -> HttpResponse:
    """The part of the page that says how far a worker is with freezing the project."""
    project = project_for_staff(request.user, slug)
    return render(request, "training/_freezing.html", {"project": project, "freezing": freezing.latest(project)})


@require_GET
@requires(*STAFF)
def download(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    checkpoint = access.checkpoint_for_staff(request.user, pk)
    name = f"checkpoint-{checkpoint.pk}"
    try:
        directory = artefacts.path_of(checkpoint)
    except BadArtefact as problem:
        raise Http404(str(problem)) from problem
    if not directory.is_dir():
        raise Http404(f"The files of {checkpoint} are not on this machine.")
    stream = downloads.tar_stream(directory, name=name)
    headers = {"Content-Disposition": f'attachment; filename="{name}.tar"'}
    return StreamingHttpResponse(stream, content_type="application/x-tar", headers=headers)


def _context(request: HttpRequest, project: Project, form: FreezeForm | None = None) -> dict[str, object]:
    runs = Run.objects.filter(project=project).select_related("base", "created_by", "snapshot")
    page = Paginator(runs, PER_PAGE).get_page(request.GET.get("page"))
    return {
        "project": project,
        "freeze_form": form or FreezeForm(),
        "freezing": freezing.latest(project),
        "may_act": has_role(request.user, *access.ENGINEERS),
        "buttons": [(button, preflight.closed_reasons(project, button.stage)) for button in BUTTONS.values()],
        "snapshots": Snapshot.objects.filter(project=project)[:PER_PAGE],
        "corpora": Corpus.objects.filter(project=project)[:PER_PAGE],
        "page": page,
        "runs": [(run, run_page.headline(run)) for run in page],
        "checkpoints": Checkpoint.objects.filter(project=project).select_related("parent", "run")[:PER_PAGE],
        "bases": Checkpoint.objects.filter(project=None)[:PER_PAGE],
    }
