"""Send a directory as a tar archive, a block at a time: a checkpoint may be larger than memory and disk together."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

CHUNK = 2**20


def tar_stream(directory: Path, *, name: str) -> Iterator[bytes]:
    """Yield the bytes of a tar (PAX) of the files below `directory`, under the folder `name`; owners are left out."""
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        size = path.stat().st_size
        entry = tarfile.TarInfo(f"{name}/{path.relative_to(directory).as_posix()}")
        entry.size, entry.mtime = size, int(path.stat().st_mtime)
        yield entry.tobuf(tarfile.PAX_FORMAT)
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
        yield bytes(-size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)
