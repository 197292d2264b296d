"""The API's limit, by account."""

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from operations import limits


class AccountThrottle(BaseThrottle):
    """429 with Retry-After for an account that asks more often than operations.limits.API says."""

    def allow_request(self, request: Request, view: object) -> bool:
        self.seconds = limits.seconds_to_wait(limits.API, request.user.pk)
        return self.seconds == 0

    def wait(self) -> int:
        return self.seconds
