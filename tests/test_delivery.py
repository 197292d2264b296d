"""Static files as pages get them: drawn together, named by content, compressed; and pages in gzip."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import StreamingHttpResponse
from django.templatetags.static import static
from django.urls import reverse

from config import bundles, delivery


@pytest.fixture
def source(tmp_path):
    """A module that imports two, one of which imports the other."""
    (tmp_path / "store.js").write_text("export const start = 1;\nexport function twice(n) {\n  return 2 * n;\n}\n")
    (tmp_path / "sum.js").write_text('import { twice as double } from "./store.js";\nexport const sum = double(21);\n')
    (tmp_path / "page.js").write_text(
        'import { start } from "./store.js";\nimport { sum } from "./sum.js";\nconsole.log(start, sum);\n'
    )
    return tmp_path / "page.js"


def test_a_stylesheet_holds_what_it_imports_in_its_order(tmp_path):
    (tmp_path / "a.css").write_text("a { color: red; }\n")
    (tmp_path / "b.css").write_text('@import url("a.css");\nb { color: blue; }\n')

    assert bundles.css(tmp_path / "b.css") == "a { color: red; }\nb { color: blue; }\n"


def test_a_module_is_drawn_in_once_and_before_those_that_use_it(source):
    text = bundles.javascript(source)

    assert text.count("const $store =") == 1
    assert text.index("const $store =") < text.index("const $sum =") < text.index("console.log")
    assert not re.search(r"^(import|export)", text, re.MULTILINE)


def test_modules_drawn_together_run_as_they_do_apart(source):
    if not (node := shutil.which("node")):
        pytest.skip("no node here")

    found = subprocess.run([node, "-e", bundles.javascript(source)], capture_output=True, text=True, check=True)

    assert found.stdout == "1 42\n"


@pytest.mark.parametrize("line", ["export default 1;", "export let a = 1;", 'import x from "./y.js";'])
def test_what_the_subset_lacks_is_refused_with_its_line(tmp_path, line):
    (tmp_path / "x.js").write_text(line + "\n")

    with pytest.raises(bundles.CannotBundle, match=re.escape(f"x.js: «{line}»")):
        bundles.javascript(tmp_path / "x.js")


def test_a_plain_script_stays_as_it_is(tmp_path):
    (tmp_path / "x.js").write_text("(() => {})();\n")

    assert bundles.javascript(tmp_path / "x.js") == "(() => {})();\n"


def test_a_file_is_named_by_its_content_and_stands_beside_its_gzip():
    name = delivery.names()["js/rank.js"]

    path = Path(finders.find(name))
    assert re.fullmatch(r"js/rank\.[0-9a-f]{12}\.js", name)
    assert gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes()) == path.read_bytes()
    assert static("js/rank.js") == f"/static/{name}"


def test_such_a_file_is_kept_by_the_browser_for_years(client):
    response = client.get(static("css/site.css"), headers={"Accept-Encoding": "gzip"})

    assert "immutable" in response["Cache-Control"]
    assert response["Content-Encoding"] == "gzip"


def test_while_developing_the_sources_are_served(settings):
    settings.DEBUG = True

    assert static("js/rank.js") == "/static/js/rank.js"


def test_every_page_script_can_be_drawn_together():
    names = {path.relative_to(settings.BASE_DIR / "static").as_posix() for path in _scripts()}

    assert names
    assert names <= set(delivery.names())


def test_pages_are_sent_in_gzip(client, ana):
    client.force_login(ana.user)

    response = client.get(reverse("home"), headers={"Accept-Encoding": "gzip"})

    assert response["Content-Encoding"] == "gzip"
    assert b"My work" in gzip.decompress(response.content)


def test_downloads_are_sent_as_they_are(rf):
    response = StreamingHttpResponse([b"x" * 1000])
    request = rf.get("/", headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in delivery.PagesInGzip(lambda _: response)(request)


def _scripts():
    return sorted((settings.BASE_DIR / "static" / "js").glob("*.js"))
