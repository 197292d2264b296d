"""A project's webhooks for admins: make (the secret is shown once), stop, look at deliveries, send again."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate import access, outbox
from annotate.forms_api import ActiveForm, WebhookForm
from annotate.models import Role

PER_PAGE = 50


@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(Role.ADMIN)
def index(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    form, made = WebhookForm(request.POST or None), None
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            made = outbox.add_webhook(project, **form.cleaned_data, by=request.user)
            form, status = WebhookForm(), 200
        except outbox.TooManyWebhooks:
            form.add_error(None, f"A project has at most {outbox.MAX_WEBHOOKS} webhooks.")
    context = {"project": project, "form": form, "made": made, "webhooks": project.webhooks.all()}
    return render(request, "staff/webhooks.html", context, status=status)


@require_GET
@access.requires(Role.ADMIN)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    webhook = access.webhook_for_staff(request.user, pk)
    deliveries = webhook.deliveries.select_related("event").order_by("-pk")
    page = Paginator(deliveries, PER_PAGE).get_page(request.GET.get("page"))
    context = {"project": webhook.project, "webhook": webhook, "page": page}
    return render(request, "staff/webhook.html", context)


@require_POST
@access.requires(Role.ADMIN)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    webhook = access.webhook_for_staff(request.user, pk)
    form = ActiveForm(request.POST)
    if form.is_valid():
        outbox.set_active(webhook, is_active=form.cleaned_data["is_active"])
        messages.success(request, "Saved.")
    return redirect("webhook", pk=pk)


@require_POST
@access.requires(Role.ADMIN)
def redeliver(request: HttpRequest, pk: int) -> HttpResponse:
    delivery = access.delivery_for_staff(request.user, pk)
    outbox.redeliver(delivery)
    messages.success(request, f"Event {delivery.event_id} will be sent again within seconds, if the webhook is active.")
    return redirect("webhook", pk=delivery.webhook_id)
