"""What machines ask, the second factor, and leaving."""

from django.urls import path

from operations import leaving_pages, sign_in, views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("second-factor/", sign_in.ask, name="second_factor"),
    path("metrics", views.metrics, name="metrics"),
    path("projects/<slug:slug>/consent/back/", leaving_pages.take_back_mine, name="consent_back"),
    path("staff/annotators/<int:pk>/leaving/", leaving_pages.show, name="leaving"),
    path("staff/annotators/<int:pk>/leaving/erase/", leaving_pages.erase, name="leaving_erase"),
    path("staff/annotators/<int:pk>/leaving/<slug:slug>/back/", leaving_pages.take_back, name="leaving_recall"),
]
