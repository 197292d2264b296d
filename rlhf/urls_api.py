"""The REST API of training, under /api/v1/."""

from django.urls import path

from rlhf import api, api_inputs

urlpatterns = [
    path("projects/<slug:slug>/snapshots/", api_inputs.Snapshots.as_view(), name="api_snapshots"),
    path("projects/<slug:slug>/freezings/", api_inputs.Freezings.as_view(), name="api_freezings"),
    path("projects/<slug:slug>/corpora/", api_inputs.Corpora.as_view(), name="api_corpora"),
    path("projects/<slug:slug>/checkpoints/", api_inputs.Checkpoints.as_view(), name="api_checkpoints"),
    path("projects/<slug:slug>/runs/", api.Runs.as_view(), name="api_runs"),
    path("runs/<int:pk>/", api.RunDetail.as_view(), name="api_run"),
    path("runs/<int:pk>/cancel/", api.RunCancel.as_view(), name="api_run_cancel"),
    path("runs/<int:pk>/resume/", api.RunResume.as_view(), name="api_run_resume"),
    path("runs/<int:pk>/metrics/", api.RunMetrics.as_view(), name="api_run_metrics"),
]
