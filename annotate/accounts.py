"""Who is signed in: the account with its roles in one query, because every request asks for both."""

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db.models import F


class AccountsWithRoles(ModelBackend):
    """Django's accounts; what a session stands for comes with its `group_names`, which annotate.access reads."""

    def get_user(self, user_id: int) -> User | None:
        rows = list(User.objects.filter(pk=user_id).annotate(group_name=F("groups__name")))
        if not rows or not self.user_can_authenticate(rows[0]):
            return None
        rows[0].group_names = {row.group_name for row in rows}
        return rows[0]
