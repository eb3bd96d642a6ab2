"""A log's bytes: is it gzipped, how large, which form (CSV, JSON, Parquet, Arrow, XES), which encoding, which hash.

Told by content, never by the suffix alone. Sizes are bounded, so that a small gzip file cannot unpack into more
memory than a log may need. What the bytes mean is for `calibration.caselog.table` and `calibration.caselog.xes`.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from calibration.caselog.diagnosis import Findings
from calibration.caselog.log import Source

MAX_DISK_BYTES = 1_000_000_000
MAX_TEXT_BYTES = 512_000_000
MAX_XES_BYTES = 2_000_000_000  # streamed: only what is kept takes memory
CHUNK = 1 << 20
SAMPLE = 1 << 18
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
ARROW = (b"ARROW1", b"\xff\xff\xff\xff")  # a file, a stream
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
NOT_TEXT = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"SQLite": "an SQLite database (OCEL logs come so too; they are object-centric and are not read)",
    b"FEA1": "an old Feather file; write it as Parquet",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
}

# encodings in which offices export tables, by the detector's name; rarer ones would be guesses
USUAL = {
    name: name for name in ("gb18030", "big5", "cp949", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "koi8_r")
}
USUAL |= {"gb2312": "gb18030", "gbk": "gb18030", "hz": "gb18030", "big5hkscs": "big5", "cp932": "cp932"}
USUAL |= {"shift_jis": "cp932", "euc_jp": "euc_jp", "euc_kr": "cp949", "johab": "cp949", "latin_1": "cp1252"}
USUAL |= {"iso8859_1": "cp1252", "iso8859_15": "iso8859_15", "iso8859_2": "iso8859_2", "utf_16_le": "utf_16_le"}


class Bytes:
    """The content of one file, unpacked as it is read.

    Parameters
    ----------
    path
        The file.
    findings
        Where trouble is told; reading stops there.
    """

    def __init__(self, path: Path, findings: Findings) -> None:
        self.path, self.findings = path, findings
        self.size_bytes = self._size()
        with self.open() as stream:
            self.head = self._first(stream, SAMPLE)
        self.form = self._form()

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the unpacked content; damage found while reading it stops with a finding."""
        try:
            with self.path.open("rb") as raw:
                packed = raw.read(2) == GZIP
                raw.seek(0)
                if not packed:
                    yield raw
                    return
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield unpacked  # type: ignore[misc]
        except EOFError:
            self.findings.stop("truncated_gzip", found="it ends before its end mark")
        except (gzip.BadGzipFile, zlib.error) as error:
            self.findings.stop("truncated_gzip", found=str(error))
        except OSError as error:
            self.findings.stop("unreadable", found=error.strerror or str(error))

    def source(self) -> Source:
        """Return name, hash and form for provenance."""
        with self.path.open("rb") as raw:
            digest = hashlib.file_digest(raw, "sha256").hexdigest()
        return Source(self.path.name, digest, self.form, self.size_bytes)

    def chunks(self, most: int | None = None) -> Iterator[bytes]:
        """Yield the content piece by piece; more than `most` bytes (by default what an XES file may have) stop."""
        most, seen = most or MAX_XES_BYTES, 0
        with self.open() as stream:
            while piece := stream.read(CHUNK):
                seen += len(piece)
                if seen > most:
                    self.findings.stop(
                        "too_large", found=f"more than {most:,} bytes unpacked", allowed=f"{most:,} bytes"
                    )
                yield piece

    def whole(self) -> bytes:
        """Return the whole content; it is bounded more tightly than what is streamed."""
        made = io.BytesIO()
        for piece in self.chunks(MAX_TEXT_BYTES):
            made.write(piece)
        return made.getvalue()

    def _size(self) -> int:
        try:
            if self.path.is_dir():
                self.findings.stop("unreadable", found="it is a folder")
            size = self.path.stat().st_size
        except OSError as error:
            self.findings.stop("unreadable", found=(error.strerror or str(error)).lower())
        if size > MAX_DISK_BYTES:
            self.findings.stop("too_large", found=f"{size:,} bytes", allowed=f"{MAX_DISK_BYTES:,} bytes on disk")
        if not size:
            self.findings.stop("no_rows")
        return size

    def _first(self, stream: IO[bytes], size: int) -> bytes:
        """Read up to `size` bytes; a damaged end is told later, when all is read."""
        parts: list[bytes] = []
        while size > 0 and (piece := stream.read(size)):
            parts.append(piece)
            size -= len(piece)
        return b"".join(parts)

    def _form(self) -> str:
        head = self.head
        if head[:4] == PARQUET:
            return "parquet"
        if head.startswith(ARROW):
            return "arrow"
        for mark, what in NOT_TEXT.items():
            if head.startswith(mark):
                self.findings.stop("not_a_log", found=what, allowed="CSV, JSON, Parquet, Arrow or XES")
        if not head.strip():
            self.findings.stop("no_rows")
        text = head.decode(_bom(head) or "utf-8", errors="ignore").lstrip("\ufeff \t\r\n")
        if text.startswith("<"):
            return "xes"
        return "json" if re.match(r"\[\s*[\[{\]]|\{\s*[\"}]", text) else "csv"


def encoding_of(raw: bytes, wanted: str | None, findings: Findings) -> str:
    """Return the encoding of a CSV file in which all of it decodes.

    Taken from the map, a byte order mark, or UTF-8; else detected and told aloud; else refused. The text itself is
    not made here, since it would take several times the memory of the bytes.
    """
    named = wanted or _bom(raw)
    if named:
        bad = first_bad(raw, named, findings)
        if bad is not None:
            told = [_place(raw, bad)]
            findings.stop("encoding", found=f"it is not {named}", examples=told, allowed=named)
        return named
    bad = first_bad(raw, "utf-8", findings)
    if bad is None:
        return "utf-8"
    if b"\x00" in raw[:SAMPLE]:
        findings.stop("not_a_log", found="binary data (zero bytes)", allowed="CSV, JSON, Parquet, Arrow or XES")
    return _detected(raw, bad, findings)


def first_bad(raw: bytes, encoding: str, findings: Findings) -> int | None:
    """Return the position of the first byte that does not decode, or None."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError:
        findings.stop("encoding", found=f"there is no encoding '{encoding}'", allowed="utf-8, gb18030, cp1252, ...")
    for begin in range(0, len(raw), CHUNK):
        held = len(decoder.getstate()[0])  # bytes of a character that began in the piece before
        piece = raw[begin : begin + CHUNK]
        try:
            decoder.decode(piece, final=begin + CHUNK >= len(raw))
        except UnicodeDecodeError as error:
            return max(0, begin - held + error.start)
    return None


def _place(raw: bytes, position: int) -> str:
    line = raw.count(b"\n", 0, position) + 1
    return f"line {line:,}: byte 0x{raw[min(position, len(raw) - 1)]:02x}"


def _detected(raw: bytes, bad: int, findings: Findings) -> str:
    """Name the encoding of text that is not UTF-8; UTF-8 with damage is refused."""
    begin = max(0, bad - SAMPLE // 2)
    text = raw[begin : begin + SAMPLE].decode("utf-8", errors="replace")
    wrong = text.count("\ufffd")
    right = sum(1 for c in text if ord(c) > 127 and c != "\ufffd")
    told = [_place(raw, bad)]
    if right > wrong:  # text in another encoding yields far more damage than accidental letters
        findings.stop("encoding", found="UTF-8 with damaged places", examples=told, allowed="UTF-8 throughout")
    name = _named(raw, bad, findings)
    if name is None:
        findings.stop("encoding", found="neither UTF-8 nor a usual encoding", examples=told, allowed="UTF-8")
    findings.warn("detected_encoding", found=name, examples=told)
    return name


def _named(raw: bytes, start: int, findings: Findings) -> str | None:
    """Name an encoding in which all bytes decode and which a statistical detector finds likely."""
    from charset_normalizer import from_bytes

    begin = raw.rfind(b"\n", 0, start) + 1
    lines = raw[begin : begin + SAMPLE].split(b"\n")
    outside = b"\n".join(one for one in lines if not one.isascii())  # ASCII lines tell nothing
    likely = [USUAL.get(one.encoding, "") for one in from_bytes(outside, threshold=0.4)]
    candidates = [*(["gb18030"] if _reads_as_chinese(outside) else []), *filter(None, likely)]
    return next((name for name in dict.fromkeys(candidates) if first_bad(raw, name, findings) is None), None)


def _reads_as_chinese(sample: bytes) -> bool:
    """Say whether GB18030 gives mostly the characters of level 1 and 2 of GB 2312, as real Chinese text does."""
    try:
        text = sample.decode("gb18030", errors="ignore")
    except LookupError:
        return False
    outside = [c for c in text if ord(c) > 127]
    if len(outside) < 2:
        return False
    usual = 0
    for c in outside:
        try:
            first = c.encode("gb2312")[0]
        except UnicodeEncodeError:
            continue
        usual += 0xA1 <= first <= 0xD7  # punctuation and the 3,755 usual characters
    return usual > 0.9 * len(outside)


def _bom(head: bytes) -> str | None:
    return next((name for mark, name in BOMS if head.startswith(mark)), None)
