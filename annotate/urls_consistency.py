"""The consistency pages of a project, under /staff/projects/<slug>/consistency/."""

from django.urls import path

from annotate.views.consistency import (
    annotator,
    annotators,
    comparisons,
    downloads,
    effects,
    grades,
    ledgers,
    overview,
    pairs,
    prospects,
    refresh,
    systems,
    trend,
    what_if,
)

urlpatterns = [
    path("", overview.show, name="consistency"),
    path("trend/", trend.show, name="consistency_trend"),
    path("annotators/", annotators.show, name="consistency_annotators"),
    path("annotators/<int:pk>/", annotator.show, name="consistency_annotator"),
    path("annotators/<int:pk>/pause/", annotator.pause, name="consistency_pause"),
    path("annotators/<int:pk>/resume/", annotator.resume, name="consistency_resume"),
    path("annotators/<int:pk>/quarantine/", annotator.quarantine, name="quarantine"),
    path("annotators/<int:pk>/release/", annotator.release, name="quarantine_end"),
    path("comparisons/", comparisons.show, name="consistency_comparisons"),
    path("heat-map/", pairs.show, name="consistency_pairs"),
    path("heat-map/<int:first>/<int:second>/", pairs.pair, name="consistency_pair"),
    path("position-and-length/", ledgers.show, name="consistency_ledgers"),
    path("refresh/", refresh.refresh, name="consistency_refresh"),
    path("effects/", effects.show, name="consistency_effects"),
    path("ceiling-and-budget/", prospects.show, name="consistency_prospects"),
    path("ratings-and-flags/", grades.show, name="consistency_grades"),
    path("systems/", systems.show, name="consistency_systems"),
    path("what-if/", what_if.show, name="consistency_what_if"),
    path("download/<slug:table>/", downloads.download, name="consistency_download"),
]
