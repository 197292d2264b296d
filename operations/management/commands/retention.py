"""manage.py retention: what may go and why; --apply removes it."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from operations import retention
from rlhf import store


class Command(BaseCommand):
    help = "Show what nobody needs any more, with why. Nothing is removed without --apply."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--apply", action="store_true", help="remove it")
        parser.add_argument("--days", type=int, default=30, help="how long what failed can be resumed (1 or more)")
        parser.add_argument(
            "--keep",
            type=int,
            help="also weights nothing was made from, but for the newest so many of a kind (1 or more)",
        )

    def handle(self, *args: object, apply: bool, days: int, keep: int | None, **options: object) -> None:
        for name, value in (("--days", days), ("--keep", keep)):
            if value is not None and value < 1:
                raise CommandError(f"{name}: expected 1 or more; got {value}.")
        try:
            items = retention.plan(days=days, keep=keep)
            for item in items:
                self.stdout.write(
                    f"{item.size / 1e6:12,.1f} MB  {item.path.relative_to(settings.DATA_DIR)}: {item.why}"
                )
                if apply:
                    item.remove()
        except store.Unreachable as problem:
            raise CommandError(str(problem)) from None
        total = sum(item.size for item in items) / 1e6
        done = "removed" if apply else "would go; --apply removes them"
        self.stdout.write(f"{len(items)} things, {total:,.1f} MB: {done}" if items else "Nothing is there to remove.")
