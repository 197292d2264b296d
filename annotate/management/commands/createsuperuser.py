"""Django's createsuperuser; the account it makes stands in the audit log."""

from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User
from django.db import transaction

from annotate import audit


class Command(createsuperuser.Command):
    def handle(self, *args: object, **options: object) -> None:
        before = set(User.objects.values_list("pk", flat=True))
        with transaction.atomic():
            super().handle(*args, **options)
            for user in User.objects.exclude(pk__in=before):
                audit.record(audit.Kind.ACCOUNT_MADE, f"account {user.pk}", after=audit.account(user))
