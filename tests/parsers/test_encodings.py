"""Bytes to text: every encoding that documents come in."""

import pytest

from processing.parsers.encodings import clean, decode
from processing.parsers.errors import CorruptFileError

GERMAN = "Die Frau zahlte 15,50 € und sagte: „Köstlich!“ Das Café schließt um sechs. "
SAMPLES = {
    "cp1252": GERMAN,
    "latin-1": "Le café coûte trois euros. Où est la bibliothèque ? ",
    "cp850": "Die schöne Frau zahlt für Äpfel. ",
    "mac_roman": "Le café coûte trois euros. Où est la bibliothèque ? ",
    "cp1250": "Smlouva je uzavřena v Praze. Žluťoučký kůň úpěl ďábelské ódy. ",
    "iso8859-2": "Umowa została zawarta w mieście Łódź. Zażółć gęślą jaźń. ",
    "cp1254": "Sözleşme İstanbul şehrinde imzalanmıştır. Ödeme otuz gün içinde yapılır. ",
    "cp1251": "Договор заключён в Москве. Оплата производится в течение тридцати дней. ",
    "koi8-r": "Договор заключён в Москве. Оплата производится в течение тридцати дней. ",
    "cp1253": "Η σύμβαση προμήθειας συνάπτεται μεταξύ των μερών στην Αθήνα. ",
    "cp1255": "הסכם האספקה נחתם בין הצדדים בעיר תל אביב. התשלום יבוצע תוך שלושים יום. ",
    "cp1256": "هذا العقد مبرم بين الطرفين في مدينة القاهرة ويتم الدفع خلال ثلاثين يوما ",
    "euc-kr": "이 계약은 서울에서 당사자 간에 체결되었습니다. 지급은 삼십일 이내에 이루어집니다. ",
    "cp932": "この契約は東京において当事者間で締結されました。支払いは三十日以内に行われます。",
    "euc_jp": "この契約は東京において当事者間で締結されました。支払いは請求書から三十日以内です。",
    "iso2022_jp": "この契約は東京において当事者間で締結されました。",
    "gb18030": "本合同由双方在北京签订。付款应在发票日期起三十天内完成。",
    "big5": "本合約由雙方在台北簽訂。付款應在發票日期起三十天內完成。",
    "utf-8": GERMAN,
    "utf-8-sig": GERMAN,
    "utf-16": GERMAN,
    "utf-16-le": "Plain text in wide characters, without a mark. ",
    "utf-16-be": "Plain text in wide characters, without a mark. ",
    "utf-32": GERMAN,
}


@pytest.mark.parametrize("encoding", sorted(SAMPLES))
@pytest.mark.parametrize("repeats", [1, 30])
def test_text_is_read_in_the_encoding_it_was_written_in(encoding: str, repeats: int) -> None:
    text = SAMPLES[encoding] * repeats
    assert decode(text.encode(encoding)) == text


def test_one_foreign_letter_at_the_end_of_a_long_file_is_enough() -> None:
    text = "Plain English, line after line.\n" * 20_000 + "Signed in Köln, naïvely, for 5 €.\n"
    assert decode(text.encode("cp1252")) == text


def test_a_declared_encoding_wins_over_a_guess() -> None:
    assert decode("Zażółć".encode("iso8859-2"), declared="iso-8859-2") == "Zażółć"


@pytest.mark.parametrize("declared", ["no-such-thing", "rot13", "unicode_escape", "punycode"])
def test_a_declaration_that_means_nothing_is_ignored(declared: str) -> None:
    assert decode(GERMAN.encode(), declared=declared) == GERMAN


def test_a_wrong_declaration_does_not_spoil_the_text() -> None:
    text = "Die Grüße kommen später"
    assert decode(text.encode("cp1252"), declared="utf-8") == text


def test_line_ends_become_one_and_control_characters_visible() -> None:
    assert clean("a\r\nb\rc\x0bd\x0ce\x85f\u2028g") == "a\nb\nc d\ne\nf\ng"
    assert clean("nul\x00 bell\x07 half\ud800") == "nul\ufffd bell\ufffd half\ufffd"
    assert clean("\ufeffmarked") == "marked"


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(CorruptFileError):
        decode(bytes(range(128, 256)) * 20 + b"\x00\x01\x02\xff" * 50)
