"""Data sets from their own hosts: fetched once, checked, unpacked into a folder of images that recipes can name.

Everything is below one root: `ROOT/archives` holds what was downloaded, `ROOT/NAME` the images. An interrupted download
goes on where it stopped; nothing half-downloaded or half-unpacked ever has its final name.
"""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ...errors import UserError
from ..registry import suggestion

ROOT_VARIABLE = "XNORSR_DATA"
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_CHUNK = 1 << 20
_TIMEOUT = 60  # seconds without a byte

Progress = Callable[[int, int], None]
"""Called with (bytes so far, bytes in all or 0 where the host does not say)."""


@dataclass(frozen=True)
class DataSet:
    """Where a data set comes from.

    Attributes:
        url: of one archive, zip or tar, compressed or not, on the host of the data set's own authors.
        checksum: "md5:..." or "sha256:..." of the archive; None where none is published.
        inside: folder of the archive that holds the images; what lies deeper is left out.
        images: how many there are.
        about: what it is, and its terms, in a line.
    """

    url: str
    checksum: str | None
    inside: str
    images: int
    about: str


_BENCHMARK = "https://cv.snu.ac.kr/research/EDSR/benchmark.tar"
_BSDS = "http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz"
DATA_SETS = {
    "div2k": DataSet(
        "http://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_train_HR.zip",
        "md5:bdc2d9338d4e574fe81bf7d158758658",
        "DIV2K_train_HR",
        800,
        "training, 3.5 GB; academic research only",
    ),
    "div2k-valid": DataSet(
        "http://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_valid_HR.zip",
        "md5:9fcdda83005c5e5997799b69f955ff88",
        "DIV2K_valid_HR",
        100,
        "validation, 0.4 GB; academic research only",
    ),
    "flickr2k": DataSet(
        "https://cv.snu.ac.kr/research/EDSR/Flickr2K.tar",
        "md5:5d3f39443d5e9489bff8963f8f26cb03",
        "Flickr2K/Flickr2K_HR",
        2650,
        "training, 20 GB; terms of the photographs' owners",
    ),
    "bsds500-train": DataSet(
        _BSDS, None, "BSR/BSDS500/data/images/train", 200, "training; non-commercial research and education"
    ),
    "bsds500-test": DataSet(
        _BSDS, None, "BSR/BSDS500/data/images/test", 200, "training; non-commercial research and education"
    ),
    "set5": DataSet(_BENCHMARK, None, "benchmark/Set5/HR", 5, "evaluation; no terms found"),
    "set14": DataSet(_BENCHMARK, None, "benchmark/Set14/HR", 14, "evaluation; no terms found"),
    "b100": DataSet(_BENCHMARK, None, "benchmark/B100/HR", 100, "evaluation; non-commercial research and education"),
    "urban100": DataSet(_BENCHMARK, None, "benchmark/Urban100/HR", 100, "evaluation; no terms found"),
}


def data_root() -> Path:
    """Where data sets lie: $XNORSR_DATA, or a folder in the user's cache."""
    given = os.environ.get(ROOT_VARIABLE)
    if given:
        return Path(given)
    import pooch

    return Path(pooch.os_cache("xnorsr"))


def find(name: str) -> DataSet:
    """A data set by name.

    Raises:
        UserError: there is none of that name.
    """
    if name not in DATA_SETS:
        raise UserError(
            f"data set {name}: there is none of that name.{suggestion(name, list(DATA_SETS))} There are: "
            f"{', '.join(DATA_SETS)}."
        )
    return DATA_SETS[name]


class _Resuming:
    """A pooch downloader that keeps what came in `part`, and asks the host for the rest of it.

    The host's name for this version of the file (ETag or Last-Modified) is kept beside it and goes along as If-Range
    (RFC 9110, 13.1.5): of a file that has changed since, the whole comes. Where a host names no version, only a known
    checksum allows going on.
    """

    def __init__(self, part: Path, checked: bool, progress: Progress) -> None:
        self.part, self.checked, self.progress = part, checked, progress
        self.version = part.with_name(f"{part.name}.version")

    def _range(self) -> dict[str, str]:
        """Headers that ask for the rest; none where the whole is wanted."""
        have = self.part.stat().st_size if self.part.exists() else 0
        version = self.version.read_text(encoding="latin-1") if have and self.version.exists() else ""
        if not have or not (version or self.checked):
            return {}
        return {"Range": f"bytes={have}-"} | ({"If-Range": version} if version else {})

    def _finish(self, output_file: str) -> None:
        self.version.unlink(missing_ok=True)
        os.replace(self.part, output_file)

    def __call__(self, url: str, output_file: str, _: object, check_only: bool = False) -> None:
        import requests
        import urllib3

        headers = self._range()
        have = self.part.stat().st_size if headers else 0
        # A compressed transfer could not be resumed.
        with requests.get(url, headers={**headers, "Accept-Encoding": "identity"}, stream=True, timeout=_TIMEOUT) as r:
            if r.status_code == requests.codes.requested_range_not_satisfiable:
                # It ended with the last byte. If the host has another file now, If-Range or the checksum tells.
                self._finish(output_file)
                return
            r.raise_for_status()
            if r.status_code != requests.codes.partial_content:
                have = 0
                version = r.headers.get("ETag", "")
                # A weak ETag names no bytes.
                version = version if version.startswith('"') else r.headers.get("Last-Modified", "")
                self.version.write_text(version, encoding="latin-1")
            total = have + int(r.headers.get("Content-Length", 0))
            with self.part.open("ab" if have else "wb") as f:
                try:
                    # What has arrived, at once: requests' own iterator loses the last chunk when a connection breaks.
                    while chunk := r.raw.read1(_CHUNK):
                        f.write(chunk)
                        have += len(chunk)
                        self.progress(have, total)
                except urllib3.exceptions.HTTPError as e:
                    raise requests.ConnectionError(f"it broke off after {have} of {total} bytes") from e
        if have < total:
            raise requests.ConnectionError(f"it broke off after {have} of {total} bytes")
        self._finish(output_file)


def download(url: str, checksum: str | None, folder: Path, progress: Progress = lambda *_: None) -> Path:
    """The archive of an address, in `folder`; from there if it is there already.

    Raises:
        UserError: the host cannot be reached or ends too early (what came is kept), it has no such file, or what came
            has another checksum (it is removed).
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # the progress says what it would
    name = PurePosixPath(url).name
    part = folder / f"{name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found: str = pooch.retrieve(
            url,
            known_hash=checksum,
            fname=name,
            path=folder,
            downloader=_Resuming(part, checksum is not None, progress),
        )
    except requests.HTTPError as e:
        raise UserError(
            f"{url}: the host answers {e.args[0]}; try later, or download the archive "
            f"elsewhere and put it at {folder / name}"
        ) from e
    except requests.RequestException as e:
        kept = f"what came is kept in {part}: " if part.exists() else ""
        raise UserError(f"{url}: the download failed: {e}; {kept}run the same command again to go on") from e
    except ValueError as e:  # pooch's word for a wrong hash
        raise UserError(
            f"{url}: what came is not the file that was asked for, its checksum is not {checksum}; it was removed: run "
            f"the same command again, or put the right archive at {folder / name}"
        ) from e
    except OSError as e:
        raise UserError(f"cannot write into {folder}: {e.strerror or e}; set {ROOT_VARIABLE} to another folder") from e
    return Path(found)


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[tuple[str, Callable[[], IO[bytes]]]]]:
    """(path, opener) of each file of a zip or tar archive."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as z:
            yield ((n, lambda n=n: z.open(n)) for n in z.namelist() if not n.endswith("/"))  # type: ignore[misc]
    else:
        with tarfile.open(archive) as t:

            def opener(member: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
                def opened() -> IO[bytes]:
                    stream = t.extractfile(member)
                    assert stream is not None  # a regular file
                    return stream

                return opened

            yield ((m.name, opener(m)) for m in t if m.isfile())
            # A compressed tar's checksum stands behind what tarfile reads.
            assert t.fileobj is not None
            while t.fileobj.read(_CHUNK):
                pass


#: What the standard library raises where an archive is damaged, besides OSError without a number.
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError)


def _damaged(archive: Path, error: Exception) -> UserError:
    why = f"{type(error).__name__}: {error}".partition("\n")[0]  # tarfile's list has a line for each compression
    return UserError(
        f"archive {archive} cannot be unpacked, it is damaged ({why}); remove it and run the command again"
    )


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write into {folder}: {error.strerror}; free some space, or set XNORSR_DATA to a folder that you may "
        "write"
    )


def unpack(archive: Path, inside: str, images: int, target: Path) -> None:
    """The images of one folder of an archive, into `target`, which exists only when all of them are there.

    Raises:
        UserError: no archive, a damaged one, or one without so many images there; or `target` cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
        place.chmod(0o755)  # as other folders: mkdtemp's is for its owner alone
    except OSError as e:
        raise _unwritable(target.parent, e) from e
    try:
        found = 0
        with _members(archive) as members:
            for path, opened in members:
                name = PurePosixPath(path)
                if str(name.parent).removeprefix("./") == inside and name.suffix.lower() in SUFFIXES:
                    with opened() as source, (place / name.name).open("wb") as f:
                        shutil.copyfileobj(source, f, _CHUNK)
                    found += 1
        if found != images:
            raise UserError(
                f"archive {archive} holds {found} images in {inside}, not {images}; remove it and run the command again"
            )
        os.replace(place, target)
    except OSError as e:
        if e.errno is not None:
            raise _unwritable(target.parent, e) from e
        raise _damaged(archive, e) from e  # gzip's and bz2's own
    except _DAMAGE as e:
        raise _damaged(archive, e) from e
    finally:
        shutil.rmtree(place, ignore_errors=True)


def get(name: str, root: Path | None = None, progress: Progress = lambda *_: None) -> Path:
    """The folder of a data set's images; fetched and unpacked unless it is there.

    Raises:
        UserError: see `find`, `download`, `unpack`.
    """
    wanted, root = find(name), root or data_root()
    folder = root / name
    if not folder.is_dir():
        archive = download(wanted.url, wanted.checksum, root / "archives", progress)
        unpack(archive, wanted.inside, wanted.images, folder)
    return folder


def resolve(source: Path) -> Path:
    """The folder that a recipe's `data.source` means: itself, or that of a data set of that name.

    Raises:
        UserError: the data set has not been fetched.
    """
    name = str(source)
    if source.exists() or name not in DATA_SETS:
        return source
    folder = data_root() / name
    if not folder.is_dir():
        raise UserError(f"data set {name} has not been fetched: run `xnorsr data get {name}` first")
    return folder


def describe() -> list[dict[str, Any]]:
    """Every data set: its name, number of images, terms, and whether it is here."""
    return [
        {"name": n, "images": d.images, "about": d.about, "here": (data_root() / n).is_dir(), "url": d.url}
        for n, d in DATA_SETS.items()
    ]
