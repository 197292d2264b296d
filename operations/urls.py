"""What machines ask, and the second factor."""

from django.urls import path

from operations import sign_in, views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("second-factor/", sign_in.ask, name="second_factor"),
    path("metrics", views.metrics, name="metrics"),
]
