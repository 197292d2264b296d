"""Invitation links: staff make and revoke them; whoever has one joins the project."""

from django.contrib import messages
from django.contrib.auth import login
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotate import access, accounts, people
from annotate.crowd import invitations
from annotate.forms_crowd import AccountForm, InvitationForm
from annotate.models import Invitation, Project, Role


@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(Role.ADMIN)
def index(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    form = InvitationForm(request.POST or None)
    if form.is_valid():
        invitation, secret = invitations.create(project, **form.cleaned_data, by=request.user)
        address = request.build_absolute_uri(reverse("join", args=[secret]))
        return _page(request, project, InvitationForm(), made=invitation, address=address, status=201)
    return _page(request, project, form, status=422 if form.is_bound else 200)


@require_POST
@access.requires(Role.ADMIN)
def revoke(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    invitation = get_object_or_404(Invitation, pk=pk, project=project)
    invitations.revoke(invitation)
    messages.success(request, f"«{invitation.label}» is withdrawn: it lets nobody in any more. Who came by it stays.")
    return redirect("invitations", slug=slug)


@require_http_methods(["GET", "POST"])
@never_cache
def join(request: HttpRequest, secret: str) -> HttpResponse:
    invitation = invitations.find(secret)
    if invitation is None:
        return _refused(request, _("Nobody knows this invitation. Ask for a new link."), status=404)
    if why := invitations.why_closed(invitation):
        return _refused(request, _ask_anew(why), status=410)
    if access.has_role(request.user, *access.STAFF):
        return _refused(request, _("You work here as staff. Open the link in a private window to see it."), status=403)
    accept = _accept if request.user.is_authenticated else _accept_as_new
    try:
        return accept(request, invitation)
    except invitations.Closed as closed:
        return _refused(request, _ask_anew(str(closed)), status=410)


def _accept(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    if request.method == "GET":
        return render(request, "annotate/join.html", {"project": invitation.project})
    invitations.accept(invitation, people.make_annotator(request.user))
    return _joined(request, invitation)


def _accept_as_new(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = AccountForm(request.POST or None)
    if form.is_valid():
        name, password = form.cleaned_data["username"], form.cleaned_data["password1"]
        try:
            user = invitations.accept_as_new(invitation, username=name, password=password)
        except IntegrityError:
            form.add_error("username", _("A user with that username already exists."))
        else:
            login(request, user, backend=accounts.BACKEND)
            return _joined(request, invitation)
    context = {"project": invitation.project, "form": form, "here": request.path}
    return render(request, "annotate/join.html", context, status=422 if form.is_bound else 200)


def _joined(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    messages.success(request, _("You are in: {name}.").format(name=invitation.project.name))
    return redirect("home")


def _ask_anew(why: str) -> str:
    return why + " " + _("Ask for a new link.")


def _refused(request: HttpRequest, why: str, *, status: int) -> HttpResponse:
    return render(request, "annotate/join_refused.html", {"why": why}, status=status)


def _page(request: HttpRequest, project: Project, form: InvitationForm, *, status: int, **more: object) -> HttpResponse:
    rows = [(one, invitations.why_closed(one)) for one in project.invitations.select_related("created_by")]
    context = {"project": project, "form": form, "rows": rows, **more}
    return render(request, "staff/invitations.html", context, status=status)
