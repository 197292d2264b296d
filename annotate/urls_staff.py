"""The staff's pages, under /staff/."""

from django.urls import path

from annotate.views import comparisons, consistency, intake, people, projects, webhooks

urlpatterns = [
    path("", projects.index, name="projects"),
    path("new-project/", projects.new, name="project_new"),
    path("projects/<slug:slug>/", projects.show, name="project"),
    path("projects/<slug:slug>/settings/", projects.change, name="project_settings"),
    path("projects/<slug:slug>/guidelines/", projects.edit_guidelines, name="guidelines_edit"),
    path("projects/<slug:slug>/import/", intake.import_file, name="import"),
    path("projects/<slug:slug>/consistency/", consistency.show, name="consistency"),
    path("annotators/<int:pk>/", people.show, name="annotator"),
    path("annotators/<int:pk>/pause/", people.pause, name="annotator_pause"),
    path("comparisons/<int:pk>/", comparisons.show, name="comparison"),
    path("comparisons/<int:pk>/adjudicate/", comparisons.adjudicate, name="adjudicate"),
    path("projects/<slug:slug>/webhooks/", webhooks.index, name="webhooks"),
    path("webhooks/<int:pk>/", webhooks.show, name="webhook"),
    path("webhooks/<int:pk>/change/", webhooks.change, name="webhook_change"),
    path("deliveries/<int:pk>/redeliver/", webhooks.redeliver, name="redeliver"),
]
