"""Prolific's API, as far as we need it: read submissions, list a study's, approve one.

Documented at docs.prolific.com/api-reference/submissions. The token goes to settings.PROLIFIC_API_URL and nowhere else:
redirects are not followed. Nothing is tried again here; whoever calls comes back later.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings

from annotate.models import Participation

Status = Participation.Status
TIMEOUT_SECONDS = 10
PAGE_SIZE = 100
MAX_PAGES = 1_000
MAX_BYTES = 8 * 2**20
STATUSES = {
    "RESERVED": Status.ACTIVE,
    "ACTIVE": Status.ACTIVE,
    "AWAITING REVIEW": Status.SUBMITTED,
    "APPROVED": Status.APPROVED,
    "PARTIALLY APPROVED": Status.APPROVED,
    "REJECTED": Status.REJECTED,
    "RETURNED": Status.RETURNED,
    "TIMED-OUT": Status.TIMED_OUT,
    "SCREENED OUT": Status.SCREENED_OUT,
}
"""Prolific's statuses as ours; UNKNOWN and what may come later are not here, and change nothing."""


class ProlificError(Exception):
    """Prolific did not do what was asked; the message says why, and what to do."""


class NotFound(ProlificError):
    """Prolific does not know the id."""


class TryLater(ProlificError):
    """Too many requests, a fault at Prolific, or no connection: the same request may succeed later."""


@dataclass(frozen=True)
class Submission:
    """A worker's stay in a study as Prolific has it; its id is the SESSION_ID of the link."""

    id: str
    participant: str
    study: str
    status: str


def submission(session: str) -> Submission:
    """Return one submission. Raises ProlificError."""
    return _submission(_ask(f"submissions/{quote(session, safe='')}/"))


def submissions(study: str) -> Iterator[Submission]:
    """Yield a study's submissions, a page at a time. Raises ProlificError."""
    seen: set[str] = set()
    for page in range(1, MAX_PAGES + 1):
        query = urlencode({"study": study, "page": page, "page_size": PAGE_SIZE})
        rows = _ask(f"submissions/?{query}").get("results")
        if not isinstance(rows, list):
            raise ProlificError("Prolific's list of submissions has no `results`. Has its API changed?")
        new = [one for row in rows if (one := _submission(row, study=study)).id not in seen]
        yield from new
        seen |= {one.id for one in new}
        if len(rows) < PAGE_SIZE or not new:
            return


def approve(session: str) -> Submission:
    """Approve a submission, which pays its worker; approving it twice is harmless. Raises ProlificError."""
    return _submission(_ask(f"submissions/{quote(session, safe='')}/transition/", body={"action": "APPROVE"}))


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None  # urllib would send the token along


def _ask(path: str, *, body: dict[str, str] | None = None) -> dict[str, object]:
    if not settings.PROLIFIC_TOKEN:
        raise ProlificError("There is no token for Prolific. Set PROLIFIC_TOKEN in the environment.")
    request = Request(  # noqa: S310  the address is a setting, never a visitor's
        f"{settings.PROLIFIC_API_URL.rstrip('/')}/api/v1/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Token {settings.PROLIFIC_TOKEN}", "Content-Type": "application/json"},
    )
    try:
        with build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS) as response:
            return _json(response.read(MAX_BYTES + 1))
    except HTTPError as error:
        with error:
            raise _refusal(error.code, error.headers.get("Retry-After")) from None
    except (URLError, HTTPException, OSError) as error:
        raise TryLater(f"Prolific cannot be reached: {getattr(error, 'reason', error)}. Try again later.") from None


def _refusal(code: int, retry_after: str | None) -> ProlificError:
    if code == 404:
        return NotFound("Prolific does not know this id (404).")
    if code in (401, 403):
        return ProlificError(f"Prolific refuses the token ({code}). Set a valid PROLIFIC_TOKEN in the environment.")
    if code == 429:
        wait = f"in {retry_after} seconds" if (retry_after or "").isdigit() else "in a minute"
        return TryLater(f"Prolific has had too many requests (429). Try again {wait}.")
    if code >= 500:
        return TryLater(f"Prolific has a fault of its own ({code}). Try again later.")
    return ProlificError(f"Prolific refused the request ({code}).")


def _json(raw: bytes) -> dict[str, object]:
    if len(raw) > MAX_BYTES:
        raise ProlificError(f"Prolific's answer is larger than {MAX_BYTES // 2**20} MB.")
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):  # the latter: brackets without end
        raise TryLater("Prolific's answer is not JSON. Try again later.") from None
    if not isinstance(answer, dict):
        raise ProlificError("Prolific's answer is not a JSON object. Has its API changed?")
    return answer


def _submission(row: object, *, study: str = "") -> Submission:
    """Read a row of the list (participant_id, no study) or a single submission (participant, study_id)."""
    found = row if isinstance(row, dict) else {}
    values = (found.get("id"), found.get("participant", found.get("participant_id")), found.get("study_id", study))
    status = found.get("status")
    if not all(isinstance(value, str) and value for value in (*values, status)):
        raise ProlificError("A submission of Prolific's lacks id, participant, study or status. Has its API changed?")
    return Submission(*values, status)
