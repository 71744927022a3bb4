"""Text that any stream can show."""

import pytest

from selfdistill import terminal


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("utf-8", "α – …", "α – …"),
        ("ascii", "α – … ✓", "alpha - ... ok"),
        ("cp1252", "α – … ✓", "alpha – … ok"),
        ("latin-1", "97.5 – 98 ± 1", "97.5 - 98 ± 1"),
        ("ascii", "日本.png", "\\u65e5\\u672c.png"),
        ("ascii", "😀", "\\U0001f600"),
        ("utf-8", "caf\udce9", "caf\\xe9"),
        (None, "café", "café"),
    ],
)
def test_what_an_encoding_lacks_has_a_stand_in(encoding, text, shown):
    assert terminal.encodable(text, encoding) == shown


def test_a_message_is_one_line_without_control_characters_and_bounded():
    assert terminal.one_line("a\n  b\x1b[31mc\x00") == "a b\\x1b[31mc\\x00"
    line = terminal.one_line("x" * 10**6 + " end")
    assert len(line) < 2010
    assert line.endswith(" end")


def test_a_file_gets_no_control_codes_though_colour_is_forced(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    console = terminal.console()
    assert not console.is_interactive
    console.print("[bold]name[/]", style="red")
    assert capsys.readouterr().out == "[bold]name[/]\n"
