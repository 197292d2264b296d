"""A person's own API tokens: make (shown once), list, revoke."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotate import access, tokens
from annotate.forms_api import TokenForm
from annotate.models import Role


@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(*Role)
def mine(request: HttpRequest) -> HttpResponse:
    form = TokenForm(request.POST or None)
    token, status = "", 422 if form.is_bound else 200
    if form.is_valid():
        try:
            token, status, form = tokens.create(request.user, **form.cleaned_data), 200, TokenForm()
        except tokens.TooManyTokens:
            form.add_error(None, f"You have {tokens.MAX_TOKENS} tokens; revoke one that you no longer need.")
    context = {"form": form, "token": token, "tokens": tokens.of(request.user)}
    return render(request, "staff/tokens.html", context, status=status)


@require_POST
@access.requires(*Role)
def revoke(request: HttpRequest, token_key: str) -> HttpResponse:
    if not tokens.revoke(request.user, token_key=token_key):
        raise Http404
    messages.success(request, "The token is revoked: it opens nothing any more.")
    return redirect("tokens")
