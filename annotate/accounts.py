"""Who is signed in: the account with its roles in one query, because every request asks for both."""

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User

BACKEND = "annotate.accounts.AccountsWithRoles"
"""For django.contrib.auth.login: there is another backend, which only counts failures."""

SIGNED_IN = """
SELECT account.*, role.name AS group_name FROM auth_user account
LEFT JOIN auth_user_groups given ON given.user_id = account.id
LEFT JOIN auth_group role ON role.id = given.group_id WHERE account.id = %s
"""


class AccountsWithRoles(ModelBackend):
    """Django's accounts; what a session stands for comes with its `group_names`, which annotate.access reads."""

    def get_user(self, user_id: int) -> User | None:
        rows = list(User.objects.raw(SIGNED_IN, [user_id]))  # every request: spared the making of the same statement
        if not rows or not self.user_can_authenticate(rows[0]):
            return None
        rows[0].group_names = {row.group_name for row in rows}
        return rows[0]
