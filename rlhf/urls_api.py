"""The REST API of training, under /api/v1/."""

urlpatterns: list[object] = []
