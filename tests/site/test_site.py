"""The documentation site: it builds without warnings, and a browser finds its way in it."""

import functools
import http.server
import importlib.util
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import dualdiff as dd

TOP = Path(__file__).parents[2]
REFERENCE = TOP / "docs" / "reference"
TOOLS = ("sphinx", "myst_parser", "furo", "sklearn", "matplotlib")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def test_the_reference_has_every_public_name() -> None:
    text = "".join(p.read_text(encoding="utf-8") for p in REFERENCE.glob("*.md"))
    modules = {"dualdiff": dd, "dualdiff.extend": dd.extend, "dualdiff.optimize": dd.optimize}
    apart = {"DualdiffError", "errors", "extend", "numpy", "optimize", "scipy", "structures"}
    missing = [
        f"{home}.{name}"
        for home, module in modules.items()
        for name in module.__all__
        if name not in apart and f"{home}.{name}" not in text
    ]
    assert not missing


def test_the_bounds_on_the_page_of_benchmarks_are_those_in_their_file() -> None:
    bounds = (TOP / "benchmarks" / "bounds.md").read_text(encoding="utf-8")
    assert (TOP / "docs" / "benchmarks.md").read_text(encoding="utf-8").endswith(bounds)


def test_troubleshooting_has_every_error() -> None:
    text = (TOP / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    headings = " ".join(re.findall(r"^### (.*)$", text, re.MULTILINE))
    assert not [name for name in dir(dd.errors) if name not in f"{headings} DualdiffError"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    missing = [name for name in TOOLS if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"the site needs {', '.join(missing)}: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run([*command, "docs", folder], cwd=TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    handler.log_message = lambda *args: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def shown(url: str, profile: Path) -> tuple[str, list[str]]:
    """The page as Chromium has it after its scripts have run, and the errors of its console."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    options = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync "
        "--enable-logging=stderr --virtual-time-budget=10000 --dump-dom"
    )
    command = [CHROMIUM, *options.split(), f"--user-data-dir={profile}", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, console


@pytest.mark.slow
def test_the_site_builds_without_warnings(site: Path) -> None:
    for page in ("index", "start", "tutorials/fit", "reference/derivatives", "gallery/index"):
        assert (site / f"{page}.html").exists()


@pytest.mark.slow
def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    broken = []
    for page in site.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", link) or link.startswith("//"):
                continue
            if not (page.parent / link).exists():
                broken.append(f"{page.relative_to(site)}: {link}")
    assert not broken


@pytest.mark.slow
def test_search_finds_jacobian(address: str, tmp_path: Path) -> None:
    dom, console = shown(f"{address}/search.html?q=jacobian", tmp_path)
    results = dom.partition('id="search-results"')[2]
    assert "reference/derivatives" in results
    assert not console


@pytest.mark.slow
def test_the_gallery_shows_its_pictures(address: str, site: Path, tmp_path: Path) -> None:
    dom, console = shown(f"{address}/gallery/index.html", tmp_path)
    pictures = re.findall(r'<img[^>]*src="([^"]+\.png)"', dom)
    assert len(pictures) >= 8
    assert all((site / "gallery" / p).resolve().exists() for p in pictures)
    assert not console


@pytest.mark.slow
@pytest.mark.parametrize("page", ["index", "reference/optimize", "troubleshooting"])
def test_pages_have_no_error_in_the_console(address: str, page: str, tmp_path: Path) -> None:
    dom, console = shown(f"{address}/{page}.html", tmp_path)
    assert "<h1>" in dom
    assert not console
