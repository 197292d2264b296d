"""Tests keep out of the checkout's own data: unless told otherwise, each session has a data directory of its own.

Loaded by pytest before Django's settings are (`-p tests.isolation` in pyproject.toml).
"""

import atexit
import os
import shutil
import tempfile

if "CONCORD_DATA_DIR" not in os.environ:
    os.environ["CONCORD_DATA_DIR"] = tempfile.mkdtemp(prefix="concord-tests-")
    atexit.register(shutil.rmtree, os.environ["CONCORD_DATA_DIR"], ignore_errors=True)
