"""The staff's pages, under /staff/."""

from django.urls import path

from annotate.views import comparisons, consistency, exports, intake, people, projects

urlpatterns = [
    path("", projects.index, name="projects"),
    path("new-project/", projects.new, name="project_new"),
    path("projects/<slug:slug>/", projects.show, name="project"),
    path("projects/<slug:slug>/settings/", projects.change, name="project_settings"),
    path("projects/<slug:slug>/guidelines/", projects.edit_guidelines, name="guidelines_edit"),
    path("projects/<slug:slug>/import/", intake.import_file, name="import"),
    path("projects/<slug:slug>/export/", exports.show, name="export"),
    path("projects/<slug:slug>/export/file/", exports.download, name="export_download"),
    path("projects/<slug:slug>/consistency/", consistency.show, name="consistency"),
    path("annotators/<int:pk>/", people.show, name="annotator"),
    path("annotators/<int:pk>/pause/", people.pause, name="annotator_pause"),
    path("comparisons/<int:pk>/", comparisons.show, name="comparison"),
    path("comparisons/<int:pk>/adjudicate/", comparisons.adjudicate, name="adjudicate"),
]
