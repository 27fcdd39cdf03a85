"""What a host takes from a receipt, and each reason for which it takes nothing."""

from __future__ import annotations

import msgspec
import pytest

from policyd.audit.event import rfc3339
from policyd.errors import ReceiptError
from policyd.model import Source
from policyd.receipts.verification import (
    CLOCK_SKEW,
    MAX_RECEIPT,
    receipt_text,
    unverified,
    verified,
)
from policyd.workloads.model import GrantDeclaration
from tests.support.cases import cases
from tests.support.receipts import (
    GRANT,
    HOUR,
    KEY,
    NOW,
    OTHER_KEY,
    TRAIN,
    admission,
    envelopes,
    receipt,
)

KEYS = [OTHER_KEY.public, KEY.public]
GPU = GrantDeclaration("gpus", "nvidia", ("0",), ("services", "train", "gpus"), "gpus: 0")


@cases("host", ["gpu-01", None])
def test_a_valid_receipt_states_what_was_decided(host: str | None) -> None:
    found = verified(receipt(), KEYS, now=NOW, host=host)

    assert found.admission == admission()
    assert found.key_id == KEY.public.key_id


def test_the_admission_suffices_and_the_order_does_not_matter() -> None:
    first, second = envelopes()

    assert verified(receipt_text([first]), KEYS, now=NOW).admission == admission()
    assert verified(receipt_text([second, first]), KEYS, now=NOW).admission == admission()


def test_it_is_valid_until_it_expires_and_a_little_before_it_was_made() -> None:
    verified(receipt(), KEYS, now=NOW + HOUR - 1)
    verified(receipt(), KEYS, now=NOW - CLOCK_SKEW)
    with pytest.raises(ReceiptError) as late:
        verified(receipt(), KEYS, now=NOW + HOUR)
    with pytest.raises(ReceiptError) as early:
        verified(receipt(), KEYS, now=NOW - CLOCK_SKEW - 1)

    assert str(late.value) == (
        f"the receipt expired on {rfc3339(NOW + HOUR)}; request a new review with policyd review "
        "--receipt"
    )
    assert str(early.value) == (
        f"the receipt is dated {rfc3339(NOW)}, which is in the future; check the clock of this "
        "machine"
    )


FIRST, SECOND = envelopes()
OTHERS, _ = envelopes(sequence=8)
_, DENIAL = envelopes(allowed=False)


@cases(
    ("text", "host", "sentence"),
    [
        (receipt(OTHER_KEY), "gpu-02", "the receipt is for the host gpu-01, not gpu-02"),
        (
            receipt(source=Source()),
            "gpu-02",
            "the receipt is not for a host; request the review with --host gpu-02",
        ),
        (receipt(allowed=False), None, "the decision d-1 denied the project"),
        (receipt_text([SECOND]), None, "the receipt has no admission"),
        (
            receipt_text([FIRST, FIRST]),
            None,
            "the receipt has an unexpected statement 'https://policyd.example/admission/v1'",
        ),
        (
            receipt_text([SECOND, SECOND]),
            None,
            "the receipt has an unexpected statement 'https://slsa.dev/verification_summary/v1'",
        ),
        (
            receipt_text([OTHERS, SECOND]),
            None,
            "the summary in the receipt is not that of its admission",
        ),
        (
            receipt_text([FIRST, DENIAL]),
            None,
            "the summary in the receipt is not that of its admission",
        ),
        (b"", None, "the receipt has 0 lines; expected 1 to 2, each a DSSE envelope"),
        (receipt() * 2, None, "the receipt has 4 lines; expected 1 to 2, each a DSSE envelope"),
        (b" " * (MAX_RECEIPT + 1), None, "the receipt exceeds the limit of 8388608 bytes"),
    ],
)
def test_any_other_receipt_is_refused_with_the_reason(text, host, sentence) -> None:
    with pytest.raises(ReceiptError) as raised:
        verified(text, KEYS, now=NOW, host=host)

    assert str(raised.value) == sentence


def test_all_lines_must_be_signed_by_a_trusted_key() -> None:
    _, foreign = envelopes(OTHER_KEY)

    with pytest.raises(ReceiptError, match="no trusted key signed the receipt"):
        verified(receipt_text([FIRST, foreign]), [KEY.public], now=NOW)


def test_inspecting_needs_no_key() -> None:
    assert unverified(receipt(OTHER_KEY, allowed=False)) == admission(allowed=False)
    with pytest.raises(ReceiptError, match="the receipt has no admission"):
        unverified(receipt_text([SECOND]))


def test_grants_end_with_the_receipt_or_before() -> None:
    soon = msgspec.structs.replace(GRANT, expires=rfc3339(NOW + 10))
    found = verified(receipt(grants=(GRANT, soon)), KEYS, now=NOW)

    assert found.grants(NOW) == (GRANT, soon)
    assert found.grants(NOW + 10) == (GRANT,)
    assert found.grants(NOW + HOUR) == ()


def test_a_container_with_the_settings_of_a_service_is_covered() -> None:
    found = verified(receipt(), KEYS, now=NOW)
    gpu = msgspec.structs.replace(TRAIN, grants=(GPU,))
    other = msgspec.structs.replace(GPU, method="device-node")

    covered = found.covering(gpu, NOW)

    assert covered is not None
    assert (covered.name, covered.replicas) == ("train", 1)
    assert found.covering(TRAIN, NOW) == covered
    assert found.covering(gpu, NOW + HOUR) is None
    assert found.covering(TRAIN, NOW + HOUR) is None
    assert found.covering(msgspec.structs.replace(TRAIN, privileged=True), NOW) is None
    assert found.covering(msgspec.structs.replace(TRAIN, grants=(GPU, other)), NOW) is None


def test_a_container_of_another_service_or_with_other_settings_is_not_admitted() -> None:
    found = verified(receipt(), KEYS, now=NOW)

    assert found.admits(TRAIN)
    assert not found.admits(msgspec.structs.replace(TRAIN, service="web"))
    assert not found.admits(msgspec.structs.replace(TRAIN, cap_add=("SYS_ADMIN",)))


def test_a_check_grants_nothing_so_it_covers_no_accelerator() -> None:
    found = verified(receipt(operation="CHECK", grants=()), KEYS, now=NOW)

    assert found.covering(msgspec.structs.replace(TRAIN, grants=(GPU,)), NOW) is None
    assert found.covering(TRAIN, NOW) is not None
