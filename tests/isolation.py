"""Tests keep out of the checkout's own data: unless told otherwise, each session has a data directory of its own.

Each of xdist's processes has a part of it: their databases count runs alike, and would meet in one run's directory.

Loaded by pytest before Django's settings are (`-p tests.isolation` in pyproject.toml).
"""

import atexit
import os
import shutil
import tempfile

if "CONCORD_DATA_DIR" not in os.environ:
    os.environ["CONCORD_DATA_DIR"] = tempfile.mkdtemp(prefix="concord-tests-")
    atexit.register(shutil.rmtree, os.environ["CONCORD_DATA_DIR"], ignore_errors=True)
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["CONCORD_DATA_DIR"] = os.path.join(os.environ["CONCORD_DATA_DIR"], worker)
    os.makedirs(os.environ["CONCORD_DATA_DIR"], exist_ok=True)
