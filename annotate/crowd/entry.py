"""Who a crowd worker says they are, and how far we believe it.

A provider sends a worker to an address that holds their id, so whoever writes another's id there would be them. What
limits it:

1. The address holds a key: a signature of project, provider, study and link number under SECRET_KEY. Without it nothing
   is looked up, so an id alone opens nothing. The key is the same for all workers of a study: it keeps outsiders out,
   not one worker from another.
2. A worker has one session in a study (participations.enter): who guesses a colleague's id needs their session id too,
   which only the provider and that colleague know. What is left: a worker may come in under the id of a colleague who
   has not come yet, and a provider without a session parameter lacks this limit.
3. With `asks_provider` Prolific's API must know the session as that worker's, in that study, and not ended. Then nobody
   can begin as another either. Recommended wherever there is a token.

What a worker may do once inside is an annotator's: their own work, and nothing of others.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from annotate.crowd import prolific
from annotate.crowd.settings import PROLIFIC_PARAMETERS, Crowd
from annotate.models import Project

KEY = "key"
LIVE = ("RESERVED", "ACTIVE", "AWAITING REVIEW")
SHOWN_CHARS = 40


class Refused(Exception):
    """A worker who is not let in; the message is for them."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True)
class Claim:
    """What a worker's address says, in the right shape and with the right key."""

    worker: str
    study: str = ""
    session: str = ""


def key(project: Project, crowd: Crowd, study: str) -> str:
    """Return the key of a study's link."""
    signed = f"{project.pk}:{crowd.provider}:{study}:{crowd.link_number}"
    return salted_hmac("annotate.crowd.entry", signed, algorithm="sha256").hexdigest()[:32]


def link(project: Project, crowd: Crowd, study: str) -> str:
    """Return the path to give to the provider, with its placeholders where it has some."""
    fixed = {KEY: key(project, crowd, study)}
    if not crowd.is_prolific and study:
        fixed[crowd.study_parameter] = study
    filled = "".join(f"&{name}={{{{%{name}%}}}}" for name in PROLIFIC_PARAMETERS.names.values())
    own = "".join(f"&{name}=…" for name in (crowd.id_parameter, crowd.session_parameter) if name)
    path = reverse("crowd_enter", args=[project.slug, crowd.provider])
    return f"{path}?{urlencode(fixed)}{filled if crowd.is_prolific else own}"


def claim(project: Project, crowd: Crowd, sent: QueryDict) -> Claim:
    """Return what an address claims. Raises Refused."""
    found = {holds: _one(sent, name, crowd) for holds, name in crowd.parameters.names.items()}
    claimed = Claim(worker=found["id"], study=found.get("study", ""), session=found.get("session", ""))
    if not constant_time_compare(sent.get(KEY, ""), key(project, crowd, claimed.study)):
        raise Refused(_("This link is not complete, or no longer valid. Open it from the provider's page."), status=403)
    if claimed.study and claimed.study not in crowd.studies:
        raise Refused(_("This project does not know the study that the link names."), status=403)
    return claimed


def ask_provider(claimed: Claim) -> None:
    """Ask Prolific whether the session is this worker's, in this study, and live. Raises Refused."""
    try:
        submission = prolific.submission(claimed.session)
    except prolific.NotFound:
        raise Refused(
            _("Prolific does not know this session. Open the study from Prolific's page."), status=403
        ) from None
    except prolific.ProlificError:
        raise Refused(
            _("Prolific cannot be reached to check your session. Try again in a minute."), status=503
        ) from None
    if (submission.participant, submission.study) != (claimed.worker, claimed.study):
        raise Refused(_("This session belongs to another study or person. Open the study from Prolific."), status=403)
    if submission.status not in LIVE:
        raise Refused(_("Prolific says that this session has ended. Open the study from Prolific's page."), status=409)


def _one(sent: QueryDict, name: str, crowd: Crowd) -> str:
    values = sent.getlist(name)
    if len(values) != 1:
        raise Refused(_("The link must have exactly one {name}. Open it from the provider's page.").format(name=name))
    if not crowd.id_shape.fullmatch(values[0]):
        raise Refused(
            _("{name} does not look like one: {given}. Open the link from the provider.").format(
                name=name, given=repr(values[0][:SHOWN_CHARS])
            )
        )
    return values[0]
