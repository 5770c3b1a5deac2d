# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads subject and expiry of a certificate in DER (X.509, RFC 5280, section 4.1), without verifying its signature.

Python's ssl module returns them only for a verified certificate. A probe shows a certificate; it does not trust it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone

# Tags of DER (X.690, section 8).
_SEQUENCE, _EXPLICIT_VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
# Attributes of a name (X.520) by their object identifier in DER.
_NAMES = {
    b"\x55\x04\x03": "CN",
    b"\x55\x04\x06": "C",
    b"\x55\x04\x07": "L",
    b"\x55\x04\x08": "ST",
    b"\x55\x04\x0a": "O",
    b"\x55\x04\x0b": "OU",
}
_ENCODINGS = {0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x14: "latin-1"}


class CertificateError(ValueError):
    """The bytes are no readable certificate."""


@dataclass(frozen=True)
class Certificate:
    """The subject of a certificate, such as "CN=a1, O=Example", and its expiry."""

    subject: str
    not_after: datetime


def read_certificate(der: bytes) -> Certificate:
    """Return subject and expiry of a certificate. Raises CertificateError."""
    try:
        return _read(der)
    except (IndexError, ValueError, StopIteration) as error:
        raise CertificateError(f"no certificate in DER: {error}") from error


def _read(der: bytes) -> Certificate:
    (_tag, certificate) = next(_read_items(der))
    (_tag, signed) = next(_read_items(certificate))
    fields = [item for item in _read_items(signed) if item[0] != _EXPLICIT_VERSION]
    # Serial number, signature, issuer, validity, subject.
    (_validity, validity), (_subject, subject) = fields[3:5]
    _before, (tag, after) = _read_items(validity)
    return Certificate(_read_name(subject), _read_time(tag, after))


def _read_items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element in order. Raises IndexError or ValueError for truncated data."""
    start = 0
    while start < len(data):
        tag, length, start = data[start], data[start + 1], start + 2
        if length & 0x80:
            size = length & 0x7F
            length, start = int.from_bytes(data[start : start + size], "big"), start + size
        if start + length > len(data):
            raise ValueError("the data is truncated")
        yield tag, data[start : start + length]
        start += length


def _read_name(data: bytes) -> str:
    parts = []
    for _set, attributes in _read_items(data):
        for _sequence, attribute in _read_items(attributes):
            (_oid, kind), (tag, value) = _read_items(attribute)
            name = _NAMES.get(kind, kind.hex())
            parts.append(f"{name}={value.decode(_ENCODINGS.get(tag, 'utf-8'), 'replace')}")
    return ", ".join(parts)


def _read_time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    with suppress(ValueError):
        # RFC 5280, 4.1.2.5: the two-digit years 50 to 99 mean 1950 to 1999.
        if tag == _UTC_TIME:
            text = ("19" if int(text[:2]) >= 50 else "20") + text
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
    raise ValueError(f"{text!r} is no time")
