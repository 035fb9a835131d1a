"""Each kind of personal data is found where it is, and not where it only looks like it."""

import pytest

from processing.errors import PolicyBlockedError
from processing.payloads import GateOutcome
from tenants.configuration import DEFAULT_PII_TYPES, PiiPolicy, PiiType
from tests.policy.documents import cleared, document_of

EXAMPLES = [
    (PiiType.SSN, "His number is {}, they said.", "123-45-6789"),
    (PiiType.SSN, "SSN: {}", "536 22 8726"),
    (PiiType.SSN, "Social Security No. {}", "536228726"),
    (PiiType.SSN, "On file as {}", "XXX-XX-6789"),
    (PiiType.DOB, "Date of birth: {}", "01/02/1980"),
    (PiiType.DOB, "She was born in Leeds on {}.", "5 May 1975"),
    (PiiType.DOB, "DOB {}", "1980-01-31"),
    (PiiType.DOB, "Birthday: {}", "January 5th, 1980"),
    (PiiType.EMAIL, "Write to {}.", "bob.smith+x@example.co.uk"),
    (PiiType.EMAIL, "<{}>;", "alice@corp.internal"),
    (PiiType.PHONE, "{} is the office", "(555) 123-4567"),
    (PiiType.PHONE, "or {}", "+44 20 7946 0958"),
    (PiiType.PHONE, "mobile {}", "07700 900123"),
    (PiiType.PHONE, "Phone: {}", "5551234567"),
    (PiiType.FINANCIAL_ACCOUNT, "paid by {}", "4111 1111 1111 1111"),
    (PiiType.FINANCIAL_ACCOUNT, "card {}", "378282246310005"),
    (PiiType.FINANCIAL_ACCOUNT, "to {} by Friday", "DE89 3704 0044 0532 0130 00"),
    (PiiType.FINANCIAL_ACCOUNT, "my iban is {}", "gb82west12345698765432"),
    (PiiType.FINANCIAL_ACCOUNT, "Account number: {}", "12345678901"),
    (PiiType.FINANCIAL_ACCOUNT, "routing number {}", "021000021"),
    (PiiType.MEDICAL_RECORD, "MRN: {}", "00123456"),
    (PiiType.MEDICAL_RECORD, "the medical record number is {}", "A12-34567"),
    (PiiType.MEDICAL_RECORD, "Patient ID {}", "4567890"),
    (PiiType.PASSPORT, "Passport No. {}", "C01234567"),
    (PiiType.PASSPORT, "passport number {}", "123456789"),
    (PiiType.DRIVERS_LICENSE, "Driver's license: {}", "D123-4567-8901"),
    (PiiType.DRIVERS_LICENSE, "driving licence {}", "MORGA657054SM9IJ"),
    (PiiType.NAME, "The contract was signed by {} on Monday.", "Angela Merkel"),
    (PiiType.ADDRESS, "They moved to {} last year.", "Germany"),
    (PiiType.ADDRESS, "Send it to {}, please.", "12 North Main Street, Apt 4"),
]

HARMLESS = [
    "Revenue 2019-2020 was 123456789 dollars, up from 98765432.",
    "Order 987654321 shipped 2024-05-06 with 5551234 items.",
    "Invoice 4500123456 dated 12/05/2023, see pages 100-200-3000.",
    "ISBN 978-3-16-148410-0, part no 123-4567, SKU AB12-3456-CD",
    "GDP of 2,123.456.7890 and 1,234,567,890 shares",
    "Table 4: 1234 5678 9101 1121; a total of 4111 1111 1111 1112",
    "The passport office opened on 5 May 1987; call the function 12 times.",
    "IP 192.168.100.200, build 20240506, EIN 12-3456789, tax year 2019/2020",
    "Driver's licenses expire on 2024-05-06 in accounting for 2,019 employees.",
    "latitude 51.5074 -0.1278, born free, 25 years on account of 3 things",
]


@pytest.mark.parametrize(("kind", "frame", "value"), EXAMPLES)
def test_value_is_redacted_and_its_surroundings_stay(kind: PiiType, frame: str, value: str) -> None:
    result = cleared(document_of(frame.format(value)), kinds=[kind])

    assert result.chunks[0].text == frame.format(f"[REDACTED:{kind.value}]")
    assert result.gates[0].counts == {kind.value: 1}
    assert result.gates[0].outcome is GateOutcome.REDACTED


@pytest.mark.parametrize(("kind", "frame", "value"), EXAMPLES)
def test_flagged_value_stays_and_its_span_is_recorded(
    kind: PiiType, frame: str, value: str
) -> None:
    text = frame.format(value)
    result = cleared(document_of(text), kinds=[kind], policy=PiiPolicy.FLAG)

    (finding,) = result.findings
    assert result.chunks[0].text == text
    assert result.gates[0].outcome is GateOutcome.FLAGGED
    assert text[finding.start_char : finding.end_char] == value
    assert (finding.gate, finding.kind, finding.page) == ("pii", kind.value, 1)


@pytest.mark.parametrize(("kind", "frame", "value"), EXAMPLES)
def test_blocked_document_names_kinds_and_never_values(
    kind: PiiType, frame: str, value: str
) -> None:
    with pytest.raises(PolicyBlockedError) as raised:
        cleared(document_of(frame.format(value)), kinds=[kind], policy=PiiPolicy.BLOCK)

    error = raised.value
    assert error.extra["counts"] == {kind.value: 1}
    assert error.remediation
    assert value not in repr((error, error.message, error.remediation, error.extra))


@pytest.mark.parametrize(("kind", "frame", "value"), EXAMPLES)
def test_kind_that_is_not_asked_for_is_left_alone(kind: PiiType, frame: str, value: str) -> None:
    others = [other for other in DEFAULT_PII_TYPES if other is not kind]
    result = cleared(document_of(frame.format(value)), kinds=others)

    assert kind.value not in result.gates[0].counts


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_business_text_is_left_alone(text: str) -> None:
    result = cleared(document_of(text))

    assert result.chunks[0].text == text
    assert result.gates[0].outcome is GateOutcome.PASSED
    assert result.findings == ()
