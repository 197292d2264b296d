"""Which crowd works on a project: Project.crowd as a checked dataclass.

A provider sends workers with parameters in the address and takes them back at an address with a code. Prolific is one
with fixed names; any other is described by its own.
"""

import re
from dataclasses import asdict, dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

PROLIFIC = "prolific"
PROLIFIC_ID = re.compile(r"[0-9a-f]{24}")
PROLIFIC_RETURN = "https://app.prolific.com/submissions/complete?cc={code}"
ANY_ID = re.compile(r"[A-Za-z0-9._~-]{1,80}")
NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
CODE = re.compile(r"[A-Za-z0-9_-]{1,40}")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
PLACEHOLDERS = ("code", "id", "study", "session")
MAX_STUDIES = 100
MAX_QUOTA = 10_000
RESERVED_NAMES = ("finished",)
"""Names that stand in the address of a page of ours."""


class BadCrowd(ValueError):
    """A crowd that cannot work; `field` is what is wrong with it, the message says why."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True)
class Parameters:
    """The names of the address's parameters; an empty one is not asked for."""

    id: str
    study: str = ""
    session: str = ""

    @property
    def names(self) -> dict[str, str]:
        """What each captured parameter is called, by what it holds."""
        return {name: value for name, value in asdict(self).items() if value}


PROLIFIC_PARAMETERS = Parameters(id="PROLIFIC_PID", study="STUDY_ID", session="SESSION_ID")


@dataclass(frozen=True)
class Crowd:
    """A project's crowd. `provider` is empty where there is none."""

    provider: str = ""
    studies: tuple[str, ...] = ()
    quota: int | None = None  # comparisons in one stay
    cohort: str = ""
    completion_code: str = ""
    failed_code: str = ""  # for those who did not qualify
    reward: str = ""  # of a finished stay, in the project's currency
    link_number: int = 1  # raising it makes earlier links invalid
    asks_provider: bool = False  # Prolific: let nobody in whose submission its API does not know
    discards_failed_stays: bool = False  # rankings of stays returned, timed out or rejected make no labels
    id_parameter: str = ""  # this one and those below: of a provider other than Prolific
    study_parameter: str = ""
    session_parameter: str = ""
    completion_url: str = ""

    def __post_init__(self) -> None:
        if self.provider:
            _check(self)

    @property
    def is_prolific(self) -> bool:
        return self.provider == PROLIFIC

    @property
    def parameters(self) -> Parameters:
        """The parameters with which the provider sends workers."""
        if self.is_prolific:
            return PROLIFIC_PARAMETERS
        return Parameters(self.id_parameter, self.study_parameter, self.session_parameter)

    @property
    def id_shape(self) -> re.Pattern[str]:
        return PROLIFIC_ID if self.is_prolific else ANY_ID

    @property
    def reward_amount(self) -> Decimal | None:
        return Decimal(self.reward) if self.reward else None

    def return_url(self, *, code: str, worker: str, study: str, session: str) -> str:
        """Return the provider's address for a worker who is done, with the code in it."""
        values = {"code": code, "id": worker, "study": study, "session": session}
        template = PROLIFIC_RETURN if self.is_prolific else self.completion_url
        return PLACEHOLDER.sub(lambda found: quote(values[found[1]], safe=""), template)


def parse(values: dict[str, Any]) -> Crowd:
    """Return the crowd stored in Project.crowd; what is left out takes its default. Raises BadCrowd."""
    known = {field.name for field in fields(Crowd)}
    if unknown := set(values) - known:
        raise BadCrowd(min(unknown), f"{min(unknown)}: unknown; known are {', '.join(sorted(known))}.")
    return Crowd(**(values | {"studies": tuple(values.get("studies", ()))}))


def to_json(crowd: Crowd) -> dict[str, Any]:
    """Return a crowd as Project.crowd holds it; parse() of it gives an equal crowd."""
    return asdict(crowd) | {"studies": list(crowd.studies)}


def _check(crowd: Crowd) -> None:
    _check_provider(crowd)
    _check_studies(crowd)
    if not isinstance(crowd.quota, int) or not 1 <= crowd.quota <= MAX_QUOTA:
        raise BadCrowd("quota", f"Say how many comparisons one stay has: 1 to {MAX_QUOTA:,}.")
    _check_codes(crowd)
    _check_reward(crowd)


def _check_provider(crowd: Crowd) -> None:
    if not NAME.fullmatch(crowd.provider) or crowd.provider in RESERVED_NAMES:
        raise BadCrowd("provider", f"1-30 of a-z, 0-9 and -, a letter first; got {crowd.provider!r}.")
    if crowd.asks_provider and not crowd.is_prolific:
        raise BadCrowd("asks_provider", "Only Prolific can be asked.")
    if crowd.is_prolific:
        return
    for field in ("id_parameter", "study_parameter", "session_parameter"):
        name = getattr(crowd, field)
        if (name or field == "id_parameter") and (not PARAMETER.fullmatch(name) or name == "key"):
            raise BadCrowd(field, f"1-40 letters, digits, _ . or -, a letter first, and not «key»; got {name!r}.")
    names = list(crowd.parameters.names.values())
    if len(set(names)) != len(names):
        raise BadCrowd("id_parameter", "Each parameter needs a name of its own.")
    _check_completion_url(crowd.completion_url)


def _check_completion_url(url: str) -> None:
    if not re.fullmatch(r"https://[!-~]{1,400}", url):
        raise BadCrowd("completion_url", "An address that begins with https:// and has no spaces.")
    placeholders = PLACEHOLDER.findall(url)
    if unknown := set(placeholders) - set(PLACEHOLDERS):
        raise BadCrowd(
            "completion_url", f"{{{min(unknown)}}} is unknown; known are {{code}}, {{id}}, {{study}}, {{session}}."
        )
    if re.search(r"[{}]", PLACEHOLDER.sub("", url)) or "{" in url.partition("//")[2].partition("/")[0]:
        raise BadCrowd("completion_url", "Braces stand only around {code}, {id}, {study} or {session}, after the host.")


def _check_studies(crowd: Crowd) -> None:
    if crowd.parameters.study and not 1 <= len(crowd.studies) <= MAX_STUDIES:
        raise BadCrowd(
            "studies", f"Name 1 to {MAX_STUDIES} studies whose workers may come in; got {len(crowd.studies)}."
        )
    for study in crowd.studies:
        if not crowd.id_shape.fullmatch(study):
            shape = "24 of 0-9 and a-f" if crowd.is_prolific else "1-80 letters, digits, . _ ~ or -"
            raise BadCrowd("studies", f"The id of a study is {shape}; got {study[:80]!r}.")


def _check_codes(crowd: Crowd) -> None:
    for field in ("completion_code", "failed_code"):
        code = getattr(crowd, field)
        if (code or field == "completion_code") and not CODE.fullmatch(code):
            raise BadCrowd(field, f"1-40 letters, digits, _ or -; got {code[:60]!r}.")
    if crowd.completion_code == crowd.failed_code:
        raise BadCrowd(
            "failed_code", "It must differ from the completion code, or the provider cannot tell them apart."
        )


def _check_reward(crowd: Crowd) -> None:
    try:
        amount = crowd.reward_amount
    except InvalidOperation:
        raise BadCrowd("reward", f"An amount such as 4.50; got {crowd.reward[:40]!r}.") from None
    if amount is not None and not (amount.is_finite() and 0 <= amount < 1_000_000):
        raise BadCrowd("reward", f"An amount from 0 to 999,999; got {crowd.reward[:40]!r}.")
