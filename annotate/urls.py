"""The annotators' pages at the root; the staff's under /staff/."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.i18n import set_language

from annotate.views import drafts, home, keys, objections, onboarding, rank, revise, tokens

urlpatterns = [
    path("", home.home, name="home"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("language/", set_language, name="set_language"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("reports/", objections.mine, name="my_objections"),
    path("projects/<slug:slug>/consent/", onboarding.consent, name="consent"),
    path("projects/<slug:slug>/guidelines/", onboarding.guidelines, name="guidelines"),
    path("projects/<slug:slug>/guidelines/changes/", onboarding.changes, name="guidelines_changes"),
    path("projects/<slug:slug>/qualification/", onboarding.qualification_result, name="qualification"),
    path("projects/<slug:slug>/rank/", rank.rank_next, name="rank_next"),
    path("rank/<int:pk>/", rank.rank, name="rank"),
    path("rank/<int:pk>/skip/", rank.skip, name="skip"),
    path("rank/<int:pk>/feedback/", onboarding.show_feedback, name="feedback"),
    path("rank/<int:pk>/report/", objections.report, name="report"),
    path("rank/<int:pk>/dispute/", objections.dispute, name="dispute"),
    path("tokens/", tokens.mine, name="tokens"),
    path("tokens/<slug:token_key>/revoke/", tokens.revoke, name="token_revoke"),
    path("rank/<int:pk>/draft/", drafts.save, name="draft"),
    path("rank/<int:pk>/change/", revise.revise, name="revise"),
    path("keys/", keys.keys, name="keys"),
    path("staff/", include("annotate.urls_staff")),
    path("", include("annotate.urls_crowd")),
]
