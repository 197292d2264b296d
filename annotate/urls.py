"""The annotators' pages at the root; the staff's under /staff/."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from annotate.views import drafts, home, keys, rank, revise

urlpatterns = [
    path("", home.home, name="home"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("projects/<slug:slug>/guidelines/", home.guidelines, name="guidelines"),
    path("projects/<slug:slug>/rank/", rank.rank_next, name="rank_next"),
    path("rank/<int:pk>/", rank.rank, name="rank"),
    path("rank/<int:pk>/skip/", rank.skip, name="skip"),
    path("rank/<int:pk>/draft/", drafts.save, name="draft"),
    path("rank/<int:pk>/change/", revise.revise, name="revise"),
    path("keys/", keys.keys, name="keys"),
    path("staff/", include("annotate.urls_staff")),
]
