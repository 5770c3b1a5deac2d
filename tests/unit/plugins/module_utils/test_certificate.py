# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our reader against a library that knows all of X.509."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509

from ansible_collections.gatehouse.kong.plugins.module_utils._probe.certificate import (
    CertificateError,
    read_certificate,
)
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils.certificates import make

OID = x509.NameOID


def name(*attributes):
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (name((OID.COMMON_NAME, "a1.example")), "CN=a1.example"),
        (
            name((OID.COUNTRY_NAME, "DE"), (OID.STATE_OR_PROVINCE_NAME, "Bavaria"), (OID.LOCALITY_NAME, "München"),
                 (OID.ORGANIZATION_NAME, "Example"), (OID.ORGANIZATIONAL_UNIT_NAME, "Gates"), (OID.COMMON_NAME, "a1")),
            "C=DE, ST=Bavaria, L=München, O=Example, OU=Gates, CN=a1",
        ),
        (name(), ""),
        (name((OID.COMMON_NAME, "x" * 64), (OID.ORGANIZATION_NAME, "y" * 64), (OID.LOCALITY_NAME, "z" * 128)),
         f"CN={'x' * 64}, O={'y' * 64}, L={'z' * 128}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("year", [1995, 2026, 2049, 2050, 9999])
def test_subject_and_expiry(subject, text, year):
    not_after = dt.datetime(year, 12, 31, 23, 59, 59, tzinfo=dt.timezone.utc)
    many = x509.SubjectAlternativeName([x509.DNSName(f"host-{number}.example") for number in range(200)])
    for extensions in ((), (many,)):
        found = read_certificate(make(subject, not_after, extensions=extensions)[0])
        assert (found.subject, found.not_after) == (text, not_after)


def test_what_is_no_certificate_is_told():
    der = make(name((OID.COMMON_NAME, "a")), dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc))[0]
    for broken in [
        b"",
        b"\x30",
        b"\x30\x80",
        b"hello",
        *(der[:size] for size in range(0, len(der), 7)),
        der[1:],
        bytes(400),
    ]:
        with pytest.raises(CertificateError):
            read_certificate(broken)


def test_no_damage_raises_anything_else():
    der = bytearray(make(name((OID.COMMON_NAME, "a")), dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc))[0])
    for at in range(min(len(der), 220)):
        for value in (0x00, 0x30, 0x7F, 0x80, 0x84, 0xFF):
            damaged = bytes(der[:at]) + bytes([value]) + bytes(der[at + 1 :])
            try:
                read_certificate(damaged)
            except CertificateError:
                continue
