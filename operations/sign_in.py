"""Pages of signing in: the lock after too many failures, and the second factor."""

from urllib.parse import urlsplit

import segno
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from annotate import access
from operations import second_factor


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=40,
        help_text="Six digits from your authenticator app, or a recovery code.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "text", "autofocus": True}),
    )

    def clean_code(self) -> str:
        return self.cleaned_data["code"].strip()


def locked_out(request: HttpRequest, *_args: object, **_more: object) -> HttpResponse:
    """What django-axes shows after too many wrong passwords for a name from an address."""
    response = render(request, "registration/locked_out.html", status=429)
    response["Retry-After"] = str(int(settings.AXES_COOLOFF_TIME.total_seconds()))
    return response


@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(*access.STAFF)
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a code; who has no device yet sets one up."""
    form = CodeForm(request.POST or None)
    target = _target(request)
    is_new = second_factor.device_of(request.user) is None
    if form.is_valid():
        code = form.cleaned_data["code"]
        if is_new and (codes := second_factor.enrol(request, code)):
            return render(request, "registration/recovery_codes.html", {"codes": codes, "target": target})
        if not is_new and second_factor.verify(request, code):
            return redirect(target)
        form.add_error("code", "This code is wrong, or was used before. Wait for the next one and try again.")
    context = {"form": form, "target": target, "device": None}
    if is_new:
        device = second_factor.device_to_enrol(request.user)
        context["secret"] = device.config_url.partition("secret=")[2].partition("&")[0]
        context["picture"] = mark_safe(_picture(device.config_url))  # noqa: S308  drawn here, of shapes only
    return render(request, "registration/second_factor.html", context, status=422 if form.is_bound else 200)


def _picture(address: str) -> str:
    code = segno.make(address, error="m")
    title = "QR code for your authenticator app; the secret below says the same"
    return code.svg_inline(scale=5, border=3, dark="#000", light="#fff", title=title, svgclass=None, lineclass=None)


def _target(request: HttpRequest) -> str:
    """Return where to go on, of this site only."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        parts = urlsplit(asked)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return reverse("home")
