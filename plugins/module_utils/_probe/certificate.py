# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subject and expiry of a certificate in DER (X.509, RFC 5280, section 4.1), without judging who signed it.

Python's ssl module tells them only of a certificate that it could verify, and here it is to be seen, not trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone

# Tags of DER (X.690, section 8).
_SEQUENCE, _EXPLICIT_VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
# Attributes of a name (X.520) by their object identifier, as it stands in DER.
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
    """The bytes are no certificate that this file can read."""


@dataclass(frozen=True)
class Certificate:
    """The subject, such as "CN=a1, O=Example", and until when it is valid."""

    subject: str
    not_after: datetime


def read_certificate(der: bytes) -> Certificate:
    """Return what the certificate says of itself. Raises CertificateError."""
    try:
        return _read(der)
    except (IndexError, ValueError, StopIteration) as error:
        raise CertificateError(f"no certificate in DER: {error}") from error


def _read(der: bytes) -> Certificate:
    (_tag, certificate) = next(_items(der))
    (_tag, signed) = next(_items(certificate))
    fields = [one for one in _items(signed) if one[0] != _EXPLICIT_VERSION]
    # Serial number, signature, issuer, validity, subject.
    (_validity, validity), (_subject, subject) = fields[3:5]
    _before, (tag, after) = _items(validity)
    return Certificate(_name(subject), _time(tag, after))


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element, one after the other; IndexError or ValueError where they do not end well."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("it ends early")
        yield tag, data[at : at + length]
        at += length


def _name(data: bytes) -> str:
    parts = []
    for _set, attributes in _items(data):
        for _sequence, attribute in _items(attributes):
            (_oid, kind), (tag, value) = _items(attribute)
            name = _NAMES.get(kind, kind.hex())
            parts.append(f"{name}={value.decode(_ENCODINGS.get(tag, 'utf-8'), 'replace')}")
    return ", ".join(parts)


def _time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    with suppress(ValueError):
        # RFC 5280, 4.1.2.5: years of two digits from 50 on are those of the last century.
        if tag == _UTC_TIME:
            text = ("19" if int(text[:2]) >= 50 else "20") + text
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
    raise ValueError(f"{text!r} is no time")
