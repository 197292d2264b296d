"""The queue in Redis: kombu's, but a broker that goes away twice in a row does not end the worker.

Kombu puts back what was not acknowledged when it closes a channel. Where the broker went away again meanwhile, the
channel has no connection any more, and the AttributeError that this raises is none of those that a worker survives
(kombu issue 582). What was not put back is in Redis still, or gone with it: a message is a bell that is rung again.
config.celery puts it in the place of `redis://` and `rediss://`.
"""

import logging

from kombu.transport import redis

log = logging.getLogger(__name__)


class Channel(redis.Channel):
    """A channel that can be closed whatever became of its connection."""

    def close(self) -> None:
        try:
            super().close()
        except AttributeError as problem:
            if self.connection is not None and self.connection.client is not None:
                raise
            log.warning("the broker went away while a channel to it was closed (%s)", problem)


class Transport(redis.Transport):
    """`redis://` with such channels."""

    Channel = Channel
