"""What a web process has loaded before it answers anybody."""

import os
import subprocess
import sys

LOADS = "import sys, config.wsgi; before = set(sys.modules); import config.urls; print(len(set(sys.modules) - before))"


def test_a_process_has_its_pages_loaded_before_the_first_visitor(tmp_path):
    environment = os.environ | {"CONCORD_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}

    done = subprocess.run([sys.executable, "-c", LOADS], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.split()[-1] == "0"
