"""The message queue of a laptop: kombu's files, but a message can be seen only when it is whole.

Kombu opens the file under its final name and writes then; a worker that looks in between reads nothing and dies of it.
Here it is written under a hidden name and renamed. config.celery puts it in the place of `filesystem://`.
"""

import os
import time
import uuid
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """A channel whose messages appear whole."""

    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        target = Path(self.data_folder_out) / name
        hidden = target.with_name(f".{name}")
        try:
            hidden.write_text(dumps(payload), encoding="utf-8")
            os.replace(hidden, target)
        except OSError as problem:
            raise ChannelError(f"Cannot add the file {target} to the queue.") from problem


class Transport(filesystem.Transport):
    """`filesystem://` with such channels."""

    Channel = Channel
