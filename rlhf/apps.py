"""The rlhf application."""

from django.apps import AppConfig


class RlhfConfig(AppConfig):
    name = "rlhf"
