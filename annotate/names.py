"""What annotators are called outside: in a project's files each has one name, which leads nowhere in another's.

The project's own secret is in the name, so that two files of different projects cannot be joined by people, and the
same project's can, however often they are exported.
"""

import hashlib
import hmac

from annotate.models import Project


def outside(project: Project, pseudonym: str) -> str:
    """Return the name that stands in a project's exports for an annotator, known here by a pseudonym.

    Its first part (annotator, simulated, imported) stays; the rest is 48 bits of HMAC-SHA256 under `names_key`.
    """
    kind = pseudonym.rpartition("-")[0]
    return f"{kind}-{hmac.digest(project.names_key.encode(), pseudonym.encode(), hashlib.sha256).hex()[:12]}"
