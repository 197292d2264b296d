"""The REST API of training, under /api/v1/."""

from django.urls import path

from rlhf import api

urlpatterns = [
    path("projects/<slug:slug>/snapshots/", api.Snapshots.as_view(), name="api_snapshots"),
    path("projects/<slug:slug>/freezings/", api.Freezings.as_view(), name="api_freezings"),
    path("projects/<slug:slug>/corpora/", api.Corpora.as_view(), name="api_corpora"),
    path("projects/<slug:slug>/checkpoints/", api.Checkpoints.as_view(), name="api_checkpoints"),
    path("projects/<slug:slug>/runs/", api.Runs.as_view(), name="api_runs"),
    path("runs/<int:pk>/", api.RunDetail.as_view(), name="api_run"),
    path("runs/<int:pk>/cancel/", api.RunCancel.as_view(), name="api_run_cancel"),
    path("runs/<int:pk>/resume/", api.RunResume.as_view(), name="api_run_resume"),
    path("runs/<int:pk>/metrics/", api.RunMetrics.as_view(), name="api_run_metrics"),
]
