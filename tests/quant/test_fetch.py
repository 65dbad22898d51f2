"""Data sets over HTTP, from a server in this process that breaks off, lies and knows ranges."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from xnorsr.errors import UserError
from xnorsr.flows.cli import app
from xnorsr.quant.config import DataConfig
from xnorsr.quant.data import fetch, load_source
from xnorsr.quant.data.fetch import DataSet, download, get, unpack

NAMES = ("0001", "0002", "0003")


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 24, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


FILES = {f"Set/HR/{name}.png": png(i) for i, name in enumerate(NAMES)}
OTHERS = {"Set/HR/x2/0001.png": png(8), "Set/LR/0001.png": png(9), "Set/HR/readme.txt": b"terms"}


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        for name, content in {**OTHERS, **FILES}.items():
            z.writestr(name, content)
    return buffer.getvalue()


def tarred(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as t:  # type: ignore[call-overload]
        for name, content in {**OTHERS, **FILES}.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVE = zipped()


class Host(ThreadingHTTPServer):
    """Serves `content` for every path.

    Attributes:
        stops: lengths after which answers break off, one per request from the first on.
        ranges: whether it answers to ranges.
        missing: answers 404.
        version: the ETag that goes along, and that If-Range is held against.
        asked: what Range each request had.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content, self.ranges, self.missing = ARCHIVE, True, False
        self.version: str | None = None
        self.stops: list[int] = []
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/some/Set.zip"


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        host, wanted = self.server, self.headers.get("Range")
        host.asked.append(wanted)
        found = re.fullmatch(r"bytes=(\d+)-", wanted or "")
        same = self.headers.get("If-Range") in (None, host.version)
        first = int(found[1]) if found and host.ranges and same else 0
        if host.missing:
            self.send_error(404)
            return
        if first >= len(host.content):
            self.send_error(416)
            return
        body = host.content[first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(body)))
        if host.version:
            self.send_header("ETag", host.version)
        self.end_headers()
        self.wfile.write(body[: host.stops.pop(0)] if host.stops else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[Host]:
    server = Host()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def root(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of data sets, and one of them, "little", on the server."""
    little = DataSet(host.url, "md5:" + hashlib.md5(ARCHIVE).hexdigest(), "Set/HR", len(NAMES), "a test")
    monkeypatch.setitem(fetch.DATA_SETS, "little", little)
    monkeypatch.setenv(fetch.ROOT_VARIABLE, str(tmp_path / "root"))
    return tmp_path / "root"


def check(folder: Path) -> None:
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {f"{n}.png": FILES[f"Set/HR/{n}.png"] for n in NAMES}


def test_it_comes_once_and_recipes_name_it(host: Host, root: Path) -> None:
    seen: list[tuple[int, int]] = []
    assert get("little", progress=lambda *a: seen.append(a)) == root / "little"
    check(root / "little")
    assert seen[-1] == (len(ARCHIVE), len(ARCHIVE))
    get("little")
    assert len(host.asked) == 1, "it is there"
    train, held = load_source(DataConfig(source=[Path("little")], holdout=["0002"]))
    assert ([p.name for p in train], [p.name for p in held]) == (["0001", "0003"], ["0002"])


def test_a_broken_download_goes_on(host: Host, root: Path) -> None:
    host.stops = [1000, 500]
    for have in (1000, 1500):
        with pytest.raises(UserError) as e:
            get("little")
        part = root / "archives" / "Set.zip.part"
        assert str(e.value).startswith(
            f"{host.url}: the download failed: it broke off after {have} of {len(ARCHIVE)} bytes; what came is kept in"
        )
        assert str(e.value).endswith(f"; what came is kept in {part}: run the same command again to go on")
        assert part.read_bytes() == ARCHIVE[:have] and not (root / "little").exists()
    get("little")
    check(root / "little")
    assert host.asked == [None, "bytes=1000-", "bytes=1500-"]
    assert sorted(p.name for p in (root / "archives").iterdir()) == ["Set.zip"]


def test_a_host_without_ranges_starts_over(host: Host, root: Path) -> None:
    host.ranges, host.stops = False, [1000]
    with pytest.raises(UserError, match="the download failed"):
        get("little")
    get("little")
    check(root / "little")
    assert host.asked == [None, "bytes=1000-"]


@pytest.mark.parametrize(
    ("before", "after", "first"), [('"a"', '"a"', True), ('"a"', '"b"', False), (None, None, False)]
)
def test_without_a_checksum_the_versions_of_two_halves_must_be_one(
    host: Host, tmp_path: Path, before: str | None, after: str | None, first: bool
) -> None:
    """A file that changed between two halves comes whole; so does one whose host names no version."""
    host.version, host.stops = before, [100]
    with pytest.raises(UserError, match="broke off after 100"):
        download(host.url, None, tmp_path)
    host.version, host.content = after, ARCHIVE if first else bytes(reversed(ARCHIVE))
    assert download(host.url, None, tmp_path).read_bytes() == host.content
    assert host.asked == [None, "bytes=100-" if before else None]
    assert [p.name for p in tmp_path.iterdir()] == ["Set.zip"]


def test_interrupted_after_the_last_byte(host: Host, root: Path) -> None:
    (root / "archives").mkdir(parents=True)
    (root / "archives" / "Set.zip.part").write_bytes(ARCHIVE)
    get("little")
    check(root / "little")


@pytest.mark.parametrize("content", [ARCHIVE[:-7], b"<html>please log in</html>", ARCHIVE + b"!"])
def test_another_file_is_refused_and_removed(host: Host, root: Path, content: bytes) -> None:
    host.content = content
    with pytest.raises(UserError) as e:
        get("little")
    assert str(e.value) == (
        f"{host.url}: what came is not the file that was asked for, its checksum is not "
        f"{fetch.DATA_SETS['little'].checksum}; it was removed: run the same command again, or put the right archive "
        f"at {root / 'archives' / 'Set.zip'}"
    )
    assert not any((root / "archives").iterdir()) and not (root / "little").exists()
    host.content = ARCHIVE
    get("little")
    check(root / "little")


def test_no_such_file_and_no_such_host(host: Host, root: Path) -> None:
    host.missing = True
    with pytest.raises(
        UserError, match=r"the host answers 404 .*; try later, or download the archive elsewhere and put"
    ):
        get("little")
    with pytest.raises(UserError, match=r"the download failed: .*; run the same command again to go on"):
        download("http://127.0.0.1:9/Set.zip", None, root / "archives")


@pytest.mark.parametrize("content", [ARCHIVE, tarred("w"), tarred("w:gz")], ids=["zip", "tar", "tar.gz"])
def test_archives(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "archive").write_bytes(content)
    unpack(tmp_path / "archive", "Set/HR", 3, tmp_path / "out" / "set")
    check(tmp_path / "out" / "set")
    with pytest.raises(UserError, match=r"holds 3 images in Set/HR, not 4; remove it and run the command again"):
        unpack(tmp_path / "archive", "Set/HR", 4, tmp_path / "out" / "other")
    for damaged in (content[: len(content) // 2], b"no archive"):
        (tmp_path / "archive").write_bytes(damaged)
        with pytest.raises(UserError, match=r"cannot be unpacked, it is damaged .*; remove it|holds \d images"):
            unpack(tmp_path / "archive", "Set/HR", 3, tmp_path / "out" / "other")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["set"], "nothing half-unpacked stays"


@pytest.mark.parametrize("content", [ARCHIVE, tarred("w:gz"), tarred("w:xz")], ids=["zip", "tar.gz", "tar.xz"])
def test_every_flipped_byte_is_refused_or_harmless(tmp_path: Path, content: bytes) -> None:
    """Compressed data fail in their own ways; none of them is a traceback, and none leaves half a set."""
    said = []
    for at in range(0, len(content), max(len(content) // 150, 1)):
        (tmp_path / "archive").write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        target = tmp_path / "out" / str(at)
        try:
            unpack(tmp_path / "archive", "Set/HR", 3, target)
        except UserError as e:
            said.append(str(e))
            assert not target.exists()
        else:
            check(target)
    pattern = r"damaged \(.*\); remove it|holds \d images in Set/HR, not 3; remove it"
    assert [text for text in said if not re.search(pattern, text)] == []
    assert len(said) > 75, "of about 150"


def test_a_target_that_cannot_be_written_does_not_blame_the_archive(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(ARCHIVE)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write into .*file: .*; free some space, or set XNORSR_DATA"):
        unpack(tmp_path / "archive", "Set/HR", 3, tmp_path / "file" / "set")
    assert (tmp_path / "archive").exists()


def test_addresses_are_those_of_the_hosts() -> None:
    for name, one in fetch.DATA_SETS.items():
        assert re.match(r"https?://(data\.vision\.ee\.ethz\.ch|cv\.snu\.ac\.kr|www\.eecs\.berkeley\.edu)/", one.url), (
            name
        )
        assert one.checksum is None or re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", one.checksum)


def test_commands(host: Host, root: Path) -> None:
    run = CliRunner().invoke
    assert "little" in run(app, ["data", "list"]).output
    done = run(app, ["data", "get", "little"])
    assert done.exit_code == 0 and f"little: {root / 'little'}" in done.output.replace("\n", "")
    line = next(line for line in run(app, ["data", "list"]).output.splitlines() if line.startswith("little"))
    assert line.split() == ["little", "here", "a", "test", "3"]
    done = run(app, ["data", "get", "div2"])
    assert done.exit_code == 2
    assert "data set div2: there is none of that name. Did you mean 'div2k'? There are: div2k," in done.output


def test_a_recipe_that_names_what_is_not_here(root: Path) -> None:
    with pytest.raises(UserError) as e:
        load_source(DataConfig(source=[Path("div2k")]))
    assert str(e.value) == "data set div2k has not been fetched: run `xnorsr data get div2k` first"
