"""The staff's projects: list, create, look at, change, publish guidelines."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from annotate import access, counts, projects, questions, rendering, revisions
from annotate.forms_questions import asked_in_words
from annotate.forms_staff import GuidelinesForm, ProjectForm, SettingsForm
from annotate.models import Project, Role


@require_GET
@access.requires(*access.STAFF)
def index(request: HttpRequest) -> HttpResponse:
    found = Project.objects.order_by("-is_active", "name")
    counted = counts.by_project(found)
    rows = [(project, counted[project.pk]) for project in found]
    return render(request, "staff/projects.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@access.requires(Role.ADMIN)
def new(request: HttpRequest) -> HttpResponse:
    form = ProjectForm(request.POST or None)
    if form.is_valid():
        project = projects.create(**form.settings, by=request.user)
        messages.success(request, f"Project {project.name} is there. Next: import comparisons for it.")
        return redirect("project", slug=project.slug)
    return render(request, "staff/project_new.html", {"form": form}, status=422 if form.is_bound else 200)


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    guidelines = projects.current_guidelines(project)
    context = {
        "project": project,
        "counts": counts.of(project),
        "empty_cohorts": counts.cohorts_without_members(project),
        "asked": asked_in_words(project.task, questions.parse(project.questions)),
        "guidelines": guidelines,
        "guidelines_html": rendering.guidelines(guidelines.text),
    }
    return render(request, "staff/project.html", context)


@require_http_methods(["GET", "POST"])
@access.requires(Role.ADMIN)
def change(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    form = SettingsForm(request.POST or None, instance=project)
    if form.is_valid():
        projects.change(project, **form.settings)
        messages.success(request, "Settings saved.")
        return redirect("project", slug=slug)
    context = {"project": Project.objects.get(pk=project.pk), "form": form}  # the form has written on the other one
    return render(request, "staff/project_settings.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@access.requires(Role.ADMIN)
def edit_guidelines(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    current = projects.current_guidelines(project)
    form = GuidelinesForm(request.POST or None, initial={"text": current.text, "based_on": current.number})
    status, preview = 422 if form.is_bound else 200, None
    if form.is_valid():
        if "preview" in request.POST:
            status, preview = 200, form.cleaned_data["text"]
        elif form.cleaned_data["based_on"] == current.number:
            version = projects.publish_guidelines(project, text=form.cleaned_data["text"], by=request.user)
            messages.success(request, f"Version {version.number} is published.")
            return redirect("project", slug=slug)
        else:
            status = 409
    context = {
        "project": project,
        "form": form,
        "current": current,
        "next_number": current.number + 1,
        "versions": project.guidelines.select_related("published_by"),
        "is_outdated": status == 409,
        "preview": preview,
        "lines": revisions.lines(current.text, preview) if preview else [],
    }
    return render(request, "staff/guidelines_edit.html", context, status=status)
