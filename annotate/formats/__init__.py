"""Other people's formats: a module for each, that reads its records and, where it can hold our rankings, writes them.

Reading has two floors: `files` makes records of a file (JSON lines, a JSON list, CSV, Parquet, a datasets folder) and
`shapes` makes comparisons and rankings of a record. Both are pure: no database; annotate.rows checks what comes out.
"""
