"""What keeping the sums costs and saves, on a project of 1,000,000 votes in a scratch SQLite database.

There is no library to set beside: these are figures of the whole house.
"""

from collections.abc import Iterator

from django.utils.module_loading import import_string

from benchmarks import workplace
from benchmarks.measuring import Row


def rows(seed: int) -> Iterator[Row]:
    with workplace.fresh():
        yield from import_string("benchmarks.kept_sums.measured")(seed)  # with models: only when Django is set up
