"""Take the second factor from an account whose owner lost their device; they set a new one up at their next sign-in."""

from argparse import ArgumentParser

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from operations import second_factor


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: object, username: str, **options: object) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no account {username!r}.")
        second_factor.reset(user)
        self.stdout.write(f"{username} sets up a new second factor at the next sign-in.")
