"""The published bad inputs that only a whole file can be: encodings, archives, broken tables, disguises."""

import gzip
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq

PAIR = {"prompt": "Name a river.", "completions": ["Rhine.", "Nile."]}
LINE = json.dumps(PAIR).encode() + b"\n"
HEADER = b"prompt,completions\r\n"
CELLS = b'Name a river.,"[""a"", ""b""]"\r\n'
NOT_LINES = "x.jsonl: is not JSON Lines: it looks like"
NOT_CSV = "x.csv: is not CSV: it looks like"
NOT_TEXT = "is not UTF-8; save the file as UTF-8."
EMPTY = "the file is empty (0 records)."


def table(**columns: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def archive(*members: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as written:
        for member in members:
            written.writestr(member, LINE)
    return sink.getvalue()


def twins() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table([["a"], ["b"]], names=["prompt", "prompt"]), sink)
    return sink.getvalue()


def bomb() -> bytes:
    """80 MB of text in a few kB: the same long text over and over, which Parquet stores once."""
    sink = io.BytesIO()
    schema = pa.schema([("prompt", pa.string()), ("completions", pa.string())])
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        rows = {"prompt": ["x" * 100_000] * 800, "completions": ['["a", "b"]'] * 800}
        writer.write_table(pa.table(rows, schema=schema))
    return sink.getvalue()


TEXTS = ["x"]
PAIRS = {"completions": [["a", "b"]]}
FILES = [
    ("B01", "x.jsonl", b"", f"x.jsonl: {EMPTY}"),
    ("B01", "x.jsonl", b" \n\t\n\r\n", f"x.jsonl: {EMPTY}"),
    ("B01", "x.json", b"", f"x.json: {EMPTY}"),
    ("B01", "x.csv", b"", f"x.csv: {EMPTY}"),
    ("B01", "x.csv", b"\n\n\n", f"x.csv: {EMPTY}"),
    ("B01", "x.parquet", table(prompt=pa.array([], pa.string())), "x.parquet: holds no rows (0 records)"),
    ("B02", "x.jsonl", HEADER + CELLS, "x.jsonl:1: is not JSON: Expecting value at column 1."),
    ("B02", "x.csv", LINE, "x.csv"),
    ("B02", "x.csv", b"\x89PNG\r\n\x1a\n", f"{NOT_CSV} a PNG picture."),
    ("B02", "x.jsonl", b"\xff\xd8\xff\xe0JFIF", f"{NOT_LINES} a JPEG picture."),
    ("B02", "x.json", gzip.compress(LINE), "x.json: is not JSON Lines: it looks like a gzip file."),
    (
        "B02",
        "x.xlsx",
        archive("xl/workbook.xml"),
        "x.xlsx: is not JSON Lines: it looks like a zip file or spreadsheet.",
    ),
    ("B02", "x.csv", archive("xl/workbook.xml"), f"{NOT_CSV} a zip file or spreadsheet."),
    ("B02", "x.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"{NOT_CSV} an old Office file."),
    ("B02", "x.jsonl", b"%PDF-1.7\n", f"{NOT_LINES} a PDF file."),
    ("B02", "x.jsonl", b"SQLite format 3\0", f"{NOT_LINES} a SQLite database."),
    ("B02", "x.parquet", LINE.replace(b"}", b""), "x.parquet:1: is not JSON"),
    ("B04", "x.jsonl", LINE.decode().encode("utf-16"), f"{NOT_LINES} UTF-16 text."),
    ("B04", "x.jsonl", b"\xfe\xff" + LINE.decode().encode("utf-16-be"), f"{NOT_LINES} UTF-16 text."),
    ("B04", "x.jsonl", LINE.decode().encode("utf-16-le"), f"{NOT_LINES} UTF-16 text."),
    ("B04", "x.jsonl", LINE.decode().encode("utf-32"), f"{NOT_LINES} UTF-32 text."),
    ("B04", "x.csv", (HEADER + CELLS).decode().encode("utf-16"), f"{NOT_CSV} UTF-16 text."),
    ("B04", "x.jsonl", LINE + b'{"prompt": "caf\xe9"}\n', f"x.jsonl:2: byte 0xE9 at column 16 {NOT_TEXT}"),
    ("B04", "x.jsonl", LINE * 16 + b'{"prompt": "\xe9"}\n', f"x.jsonl:17: byte 0xE9 at column 13 {NOT_TEXT}"),
    ("B04", "x.jsonl", LINE + b'{"prompt": "caf\xc3', f"x.jsonl:2: byte 0xC3 at column 16 {NOT_TEXT}"),
    ("B04", "x.jsonl", b'{"prompt": "\xed\xa0\x80"}', f"x.jsonl:1: byte 0xED at column 13 {NOT_TEXT}"),
    ("B04", "x.json", b'[{"prompt": "caf\xe9"}]', f"x.json:1: byte 0xE9 {NOT_TEXT}"),
    ("B04", "x.csv", HEADER + b"caf\xe9,x\r\n", f"x.csv:2: byte 0xE9 at column 4 {NOT_TEXT}"),
    ("B07", "x.jsonl", gzip.compress(LINE * 100_000), f"{NOT_LINES} a gzip file."),
    ("B07", "x.csv", gzip.compress(b"0" * 2**20), f"{NOT_CSV} a gzip file."),
    ("B07", "x.jsonl", b"(\xb5/\xfd\x04\x00", f"{NOT_LINES} a zstd file."),
    ("B07", "x.jsonl", b"BZh91AY", f"{NOT_LINES} a bzip2 file."),
    ("B07", "x.jsonl", b"\xfd7zXZ\0", f"{NOT_LINES} an xz file."),
    ("B07", "x.parquet", bomb(), "x.parquet: expands to more than 20 times its size"),
    ("B08", "x.zip", archive("../../evil"), "x.zip: is not JSON Lines: it looks like a zip file"),
    ("B08", "x.jsonl", archive("/abs", "nested.zip"), f"{NOT_LINES} a zip file"),
    ("B08", "x.parquet", archive("../../evil"), "x.parquet: is not JSON Lines: it looks like a zip file"),
    ("B10", "x.parquet", table(prompt=TEXTS)[:-20], "x.parquet: cannot be read as Parquet or Arrow"),
    ("B10", "x.parquet", b"PAR1" + b"\0" * 99, "x.parquet: cannot be read as Parquet or Arrow"),
    ("B10", "x.parquet", b"PAR1PAR1", "x.parquet: cannot be read as Parquet or Arrow"),
    ("B10", "x.parquet", b"ARROW1\0\0", "x.parquet: cannot be read as Parquet or Arrow"),
    ("B10", "x.arrow", b"\xff\xff\xff\xff\x10\0\0\0", "x.arrow: cannot be read as Parquet or Arrow"),
    ("B10", "x.parquet", table(prompt=[5], **PAIRS), "x.parquet: column prompt is int64, expected string."),
    ("B10", "x.parquet", table(prompt=[0.5], **PAIRS), "x.parquet: column prompt is double, expected string."),
    ("B10", "x.parquet", table(prompt=[True], **PAIRS), "x.parquet: column prompt is bool, expected string."),
    ("B10", "x.parquet", table(prompt=TEXTS, completions=[["a", None]]), "x.parquet:1: completions[1]: expected"),
    ("B10", "x.parquet", table(prompt=TEXTS, completions=[[["a"], ["b"]]]), "x.parquet:1: completions[0]: expected"),
    ("B10", "x.parquet", table(prompt=TEXTS, completions=[[1, 2]]), "x.parquet:1: completions[0]: expected an object"),
    ("B10", "x.parquet", table(prompt=TEXTS, completions=[{"a": "b"}]), "x.parquet:1: completions: expected a list"),
    ("B10", "x.parquet", table(prompt=pa.array([None], pa.string()), **PAIRS), "x.parquet:1: prompt: is missing."),
    ("B10", "x.parquet", table(prompt=pa.nulls(1), **PAIRS), "x.parquet"),
    (
        "B10",
        "x.parquet",
        table(prompt=pa.array([0], pa.timestamp("us"))),
        "x.parquet: column prompt is timestamp[us], e",
    ),
    ("B10", "x.parquet", table(prompt=pa.array([1], pa.decimal128(3, 1))), "x.parquet: column prompt is decimal128"),
    ("B10", "x.parquet", table(prompt=pa.array([b"\xff"], pa.binary()), **PAIRS), "x.parquet: column prompt is binary"),
    ("B10", "x.parquet", table(prompt=TEXTS), "x.parquet:1: completions: is missing."),
    ("B10", "x.parquet", table(prompt=TEXTS, overlap=[0.5], **PAIRS), "x.parquet:1: overlap: expected a whole number"),
    (
        "B10",
        "x.parquet",
        table(prompt=TEXTS, overlap=[float("nan")], **PAIRS),
        "x.parquet:1: overlap: expected a whole",
    ),
    ("B10", "x.parquet", twins(), "x.parquet: prompt: the file has two columns of this name."),
    ("B11", "x.csv", HEADER + b'"Name,x\r\nmore\r\n', "x.csv:2: unclosed quote in the row that begins at line 2."),
    ("B11", "x.csv", HEADER + CELLS + b'"a\r\n' * 3, "x.csv:"),
    ("B11", "x.csv", HEADER + CELLS + b"a,b,c\r\n", "x.csv:3: the row has 3 cells, the header has 2."),
    ("B11", "x.csv", HEADER + CELLS + b"a\r\n", "x.csv:3: the row has 1 cells, the header has 2."),
    ("B11", "x.csv", b"prompt,prompt\r\na,b\r\n", "x.csv:1: the header has the column 'prompt' twice."),
    ("B11", "x.csv", b"prompt,\r\na,b\r\n", "x.csv:1: column 2 of the header has no name."),
    ("B11", "x.csv", b",\r\na,b\r\n", "x.csv:"),
    ("B11", "x.csv", HEADER, f"x.csv: {EMPTY}"),
    ("B11", "x.csv", b"Name a river.,Rhine.\r\nx,y\r\n", "x.csv:2: Name a river.: unknown field; expected prompt"),
    ("B11", "x.csv", HEADER + b'a,"b"c\r\n', "x.csv:2: is not CSV:"),
    ("B11", "x.csv", HEADER + b"a\0b,x\r\n", "x.csv:2:"),
    ("B11", "x.csv", HEADER + b"a\rb,x\r\n", "x.csv:2:"),
    ("B11", "x.csv", HEADER + b"x" * 9_000_000 + b",x\r\n", "x.csv:2:"),
    ("B16", "x.jsonl", b"null\n", "x.jsonl:1: expected an object per line, got null."),
    ("B16", "x.jsonl", b'"text"\n', "x.jsonl:1: expected an object per line, got text 'text'."),
    ("B16", "x.jsonl", b"5\n", "x.jsonl:1: expected an object per line, got number 5."),
    ("B16", "x.jsonl", b"[]\n", "x.jsonl:1: expected an object per line, got a list."),
    ("B16", "x.jsonl", LINE + b"{}\n", "x.jsonl:2: prompt: is missing."),
    ("B16", "x.json", b"[5]", "x.json:1: expected an object, got number 5."),
    ("B16", "x.json", b"[" + LINE + b", [", "x.json:2: is not JSON: the list is cut off."),
    ("B16", "x.json", b"[" + LINE + LINE + b"]", "x.json:2: is not JSON: expected a comma or the end of the list."),
    ("B17", "x.json", b"[" * 100_000, "x.json:1: is nested too deeply."),
    ("B17", "x.jsonl", b"[" * 100_000, "x.jsonl:1: is nested too deeply."),
    (
        "B26",
        "x.jsonl",
        b'{"prompt": "' + b"x" * 9_000_000 + b'"}',
        "x.jsonl:1: the line is longer than 8,388,608 bytes",
    ),
    (
        "B26",
        "x.json",
        b'[{"completions": [], "prompt": "' + b"x" * 9_000_000 + b'"}]',
        "x.json:1: prompt: has 9,000,000 characters",
    ),
]
VOTE = {"comparison": "c1", "annotator": "w1", "submitted_at": "2020-01-01"}
AGAIN = VOTE | {"annotator": "w2", "tie": ["a", "b"]}
ONE_OF = "ranking: expected exactly one of `ranking`, `chosen` with `rejected`, or `tie`."
TIME, SECONDS = "submitted_at: expected a time", "seconds: expected a number from 0 to 86400"
VOTES = [
    ("B19", {"tie": ["a", "b"], "seconds": "nan"}, SECONDS),
    ("B23", {"tie": "a"}, "tie: expected"),
    ("B23", {"tie": ["a", 5]}, "tie[1]: ids are text"),
    ("B23", {"ranking": "a>b"}, "ranking: expected"),
    ("B23", {"ranking": ["a", "b"]}, "ranking[0]: expected"),
    ("B23", {"tie": ["a", "b"], "is_all_bad": "yes"}, "is_all_bad: expected true or false"),
    ("B23", {"tie": ["a", "b"], "strength": 9}, "strength: expected a whole number from 0 to 3"),
    ("B23", {"tie": ["a", "b"], "ratings": {"a": 8}}, "ratings.a: expected a whole number from 1 to 7"),
    ("B23", {"tie": ["a", "b"], "origin": "martian"}, "origin: expected one of"),
    ("B25", {}, ONE_OF),
    ("B25", {"chosen": "a"}, "rejected: is missing."),
    ("B25", {"annotator": "\u200b", "tie": ["a", "b"]}, "annotator: is empty after trimming invisible"),
    ("B35", {"chosen": "a", "rejected": "a"}, "A completion is ranked twice."),
    ("B35", {"chosen": "a", "rejected": "z"}, "ranking: 'z' is no completion of 'c1'; it has a, b."),
    ("B35", {"chosen": "a", "rejected": "c2-only"}, "ranking: 'c2-only' is no completion of 'c1'"),
    ("B35", {"chosen": 0, "rejected": 1}, "chosen: ids are text"),
    ("B35", {"ranking": [["a"], []]}, "ranking[1]: needs 1 to 9 completion ids, got 0."),
    ("B35", {"ranking": [["a"]]}, "ranking: 1 of 2 completions are not ranked yet."),
    ("B35", {"ranking": [["a"], ["a"], ["b"]]}, "A completion is ranked twice."),
    ("B35", {"ranking": [["a"], ["b"]], "tie": ["a", "b"]}, ONE_OF),
    ("B35", {"tie": ["a", "b"], "order": ["a"]}, "order: expected each of the 2 completions once."),
    ("B37", {"tie": ["a", "b"], "seconds": 10**9}, SECONDS),
    ("B37", {"tie": ["a", "b"], "seconds": -1}, SECONDS),
    ("B37", {"tie": ["a", "b"], "submitted_at": "1970-01-01"}, f"{TIME} from 2000 to now, got '1970-01-01'."),
    ("B37", {"tie": ["a", "b"], "submitted_at": "2999-01-01"}, f"{TIME} from 2000 to now, got '2999-01-01'."),
    ("B37", {"tie": ["a", "b"], "submitted_at": "yesterday"}, "submitted_at: "),
    ("B37", {"tie": ["a", "b"], "submitted_at": 1584000000}, "submitted_at: "),
    ("B41", {"comparison": "gone", "tie": ["a", "b"]}, "comparison: 'gone' is not in this project; import the"),
    ("B41", {"annotator": "w2", "tie": ["a", "b"]}, "annotator: 'w2' ranks 'c1' in line 1 already."),
    ("B41", {"tie": ["a", "b"], "revision": 2}, "revision: revision 1 of this ranking must come before it."),
]
