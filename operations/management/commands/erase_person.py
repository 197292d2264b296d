"""Erase who a person is: name, e-mail, provider ids, sessions, tokens. What they said stays, under their pseudonym."""

from argparse import ArgumentParser

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from operations import leaving


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", help="the username, or the annotator's pseudonym")
        parser.add_argument("--yes", action="store_true", help="it cannot be undone: without this nothing is done")

    def handle(self, *args: object, person: str, yes: bool, **options: object) -> None:
        user = User.objects.filter(username=person).first() or User.objects.filter(annotator__pseudonym=person).first()
        if user is None:
            raise CommandError(f"There is no account and no annotator with an account called {person!r}.")
        if not yes:
            raise CommandError(f"Account {user.pk} would be erased; it cannot be undone. Add --yes to do it.")
        try:
            gone = leaving.erase(user)
        except leaving.MayNotLeave as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"Account {user.pk} is erased: " + ", ".join(f"{n} {what}" for what, n in gone.items()) + ".")
        self.stdout.write("What they said stays under the pseudonym. Backups made before still hold who they were.")
