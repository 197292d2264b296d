"""Send what the outbox holds to its webhooks, signed. No network inside a transaction.

The signature is HMAC-SHA256, with the webhook's secret, over «<timestamp>.<body>», in the header
`Concord-Signature: t=<timestamp>,v1=<hex>`. A receiver refuses old timestamps, so that nothing can be played back.
"""

import hashlib
import hmac
import json
import time

from annotate import outbox, posting
from annotate.models import Event
from annotate.outbox import Claim

SECONDS_A_ROUND = 30.0
"""A round ends in time for the beat's other work; what is left waits for the next."""


def deliver_due() -> int:
    """Send what is due, for half a minute at most; return how many arrived."""
    until, arrived = time.monotonic() + SECONDS_A_ROUND, 0
    while time.monotonic() < until and (claims := outbox.claim_due(limit=1)):
        arrived += sum(_deliver(claim) for claim in claims)
    return arrived


def signature(body: bytes, *, secret: str, timestamp: int) -> str:
    """Return the value of the signature header.

    >>> signature(b"{}", secret="s", timestamp=1)[:7]
    't=1,v1='
    """
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={signed.hexdigest()}"


def body_of(event: Event) -> bytes:
    """Return what is sent for an event: the same bytes at every attempt."""
    told = {
        "id": event.pk,
        "kind": event.kind,
        "project": event.project.slug,
        "created_at": event.created_at.isoformat(),
        "data": event.payload,
    }
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode()


def _deliver(claim: Claim) -> bool:
    """Send once and write down what came of it; say whether it arrived."""
    event, webhook = claim.delivery.event, claim.delivery.webhook
    body = body_of(event)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Concord-Webhook/1",
        "Concord-Event": event.kind,
        "Concord-Event-Id": str(event.pk),
        "Concord-Signature": signature(body, secret=webhook.secret, timestamp=int(time.time())),
    }
    try:
        status = posting.post(webhook.url, body, headers=headers)
    except (posting.Refused, posting.NotDelivered) as problem:
        outbox.failed(claim, str(problem))
        return False
    if not 200 <= status < 300:
        outbox.failed(claim, f"The answer was {status}; expected 200-299. Redirects are not followed.")
        return False
    outbox.delivered(claim)
    return True
