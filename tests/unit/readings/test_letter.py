"""The bytes of a letter as people read them."""

from hypervisor.readings.views_dead_letters import MOST, HexLine, format_payload


def test_json_is_read_in_three_ways() -> None:
    found = format_payload('{"level": 1.3, "name": "é"}'.encode())
    assert found.pretty == '{\n  "level": 1.3,\n  "name": "é"\n}'
    assert found.text == '{"level": 1.3, "name": "é"}'
    assert found.lines[0] == HexLine(
        offset="0000", numbers="7b 22 6c 65 76 65 6c 22  3a 20 31 2e 33 2c 20 22",
        letters='{"level": 1.3, "',
    )  # fmt: skip
    assert found.lines[1].letters == 'name": "··"}'


def test_bytes_that_are_no_text() -> None:
    found = format_payload(bytes([1, 0x67, 0, 0xFA]))
    assert (found.text, found.pretty, found.size) == (None, None, 4)
    assert found.lines[0].numbers == "01 67 00 fa"


def test_text_that_is_no_json_and_nothing_at_all() -> None:
    assert format_payload(b"{").pretty is None
    assert format_payload(b"{").text == "{"
    assert format_payload(b"").lines == ()


def test_a_long_one_is_cut_between_characters() -> None:
    found = format_payload("é".encode() * MOST)
    assert found.cut
    assert found.pretty is None
    assert found.text is not None
    assert len(found.lines) == MOST // 16
