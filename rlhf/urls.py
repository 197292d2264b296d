"""Training, under /training/."""

from django.urls import path

from rlhf.api import RunMetrics
from rlhf.views import corpora, pipeline, policies, runs, snapshots, sweeps, training

urlpatterns = [
    path("projects/<slug:slug>/", training.show, name="training"),
    path("projects/<slug:slug>/freeze/", training.freeze, name="freeze"),
    path("projects/<slug:slug>/freezing/", training.freezing_live, name="freezing_live"),
    path("projects/<slug:slug>/corpus/", corpora.new, name="corpus_new"),
    path("projects/<slug:slug>/start/<slug:stage>/", runs.new, name="run_new"),
    path("projects/<slug:slug>/pipeline/", pipeline.show, name="pipeline"),
    path("projects/<slug:slug>/policies/", policies.show, name="policies"),
    path("projects/<slug:slug>/policies/evaluate/", policies.evaluate, name="policies_evaluate"),
    path("projects/<slug:slug>/policies/compare/", policies.compare, name="policies_compare"),
    path("runs/<int:pk>/", runs.show, name="run"),
    path("runs/<int:pk>/live/", runs.live, name="run_live"),
    path("runs/<int:pk>/metrics/", RunMetrics.as_view(schema=None), name="run_metrics"),
    path("runs/<int:pk>/cancel/", runs.cancel, name="run_cancel"),
    path("runs/<int:pk>/resume/", runs.resume, name="run_resume"),
    path("snapshots/<int:pk>/", snapshots.show, name="snapshot"),
    path("snapshots/<int:pk>/sign/", snapshots.sign, name="snapshot_sign"),
    path("sweeps/<int:pk>/", sweeps.show, name="sweep"),
    path("sweeps/<int:pk>/cancel/", sweeps.cancel, name="sweep_cancel"),
    path("checkpoints/<int:pk>/download/", training.download, name="checkpoint_download"),
]
