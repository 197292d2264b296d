"""Uploaded files go straight to the data directory, a chunk at a time, and are gone when the request is over.

The system's temporary folder is often a small one in memory; an import may be gigabytes.
"""

import tempfile
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler

SUFFIX = ".upload"
LEFT_OVER_SECONDS = 86_400


class DataDirUpload(TemporaryUploadedFile):
    """An upload in the data directory; the browser's file name is kept for messages and never used as a path."""

    def __init__(self, name, content_type, size, charset, content_type_extra=None):
        file = tempfile.NamedTemporaryFile(suffix=SUFFIX, dir=_folder())  # noqa: SIM115  lives as long as the upload
        UploadedFile.__init__(self, file, name, content_type, size, charset, content_type_extra)

    @property
    def path(self) -> Path:
        """Where the file lies until the request is over."""
        return Path(self.temporary_file_path())


class DataDirUploadHandler(TemporaryFileUploadHandler):
    """Django's handler, with the file elsewhere."""

    def new_file(self, *args, **kwargs):
        FileUploadHandler.new_file(self, *args, **kwargs)
        remove_left_over()
        self.file = DataDirUpload(self.file_name, self.content_type, 0, self.charset, self.content_type_extra)


def remove_left_over() -> None:
    """Remove uploads that a killed server left behind a day ago or more."""
    for path in left_over():
        path.unlink(missing_ok=True)


def left_over() -> list[Path]:
    """Return the uploads that a killed server left behind a day ago or more; another request's may end meanwhile."""
    long_ago, found = time.time() - LEFT_OVER_SECONDS, []
    for path in sorted(_folder().glob(f"*{SUFFIX}")):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < long_ago:
                found.append(path)
    return found


def _folder() -> Path:
    folder = Path(settings.DATA_DIR) / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
