"""How pages and static files go over the wire: few, small, and kept by the browser for as long as they are the same.

When a web process starts, each file of static/ is written with what it imports (config.bundles) under a name with its
hash, beside a gzip copy. There is no step to run and none to forget: the same sources give the same names. With DEBUG
the sources themselves are served.
"""

import gzip
import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

from config import bundles

KINDS = (".css", ".js", ".svg")
DEVICES = ("camera", "display-capture", "geolocation", "gyroscope", "microphone", "midi", "payment", "usb")
NO_DEVICES = ", ".join(f"{device}=()" for device in DEVICES)
DRAWN = {Path("css"): bundles.css, Path("js"): bundles.javascript}
"""By folder; the others, vendor/ among them, are taken as they are."""


class NamedByContent(StaticFilesStorage):
    """`{% static %}` gives the name with the hash."""

    def url(self, name: str) -> str:
        return super().url(name if settings.DEBUG else names().get(name, name))


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise, once the files that it is to serve are there."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        if not settings.DEBUG:
            names()
        super().__init__(*args, **kwargs)


class PagesInGzip(GZipMiddleware):
    """Compress pages, but no downloads: they are streamed, and large or compressed already.

    BREACH needs a secret that stays the same beside text of the attacker's choice: Django masks the CSRF token anew in
    each response, pages repeat nothing of their URL, and GZipMiddleware adds up to 100 random bytes.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        return response if response.streaming else super().process_response(request, response)


def without_devices(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: tell browsers that no page here, and nothing in it, asks for a camera, a place or the like."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", NO_DEVICES)
        return response

    return answer


@cache
def names() -> dict[str, str]:
    """Write the files for this process's pages, if they are not there yet; return their names by the sources'."""
    source = settings.BASE_DIR / "static"
    found = sorted(path for path in source.rglob("*") if path.suffix in KINDS)
    return {path.relative_to(source).as_posix(): _written(path, path.relative_to(source)) for path in found}


def _written(path: Path, name: Path) -> str:
    content = DRAWN.get(name.parent, Path.read_text)(path).encode()
    digest = hashlib.sha256(content).hexdigest()[:12]
    target = settings.STATIC_BUILT / name.with_name(f"{name.stem}.{digest}{name.suffix}")
    if not target.with_name(f"{target.name}.gz").exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(target, content)
        _write_whole(target.with_name(f"{target.name}.gz"), gzip.compress(content, mtime=0))
    return target.relative_to(settings.STATIC_BUILT).as_posix()


def _write_whole(target: Path, content: bytes) -> None:
    """Write under a name of this process's own and rename: two processes may start at once.

    Outside of the folder that is served: another process that looks into it just then would take the name for a file.
    """
    mine = settings.DATA_DIR / f".{target.name}.{os.getpid()}"
    mine.write_bytes(content)
    mine.rename(target)
