"""Text that any stream can show."""

import io
import json

import pytest
from rich.table import Table
from rich.text import Text

from selfdistill import consoles, terminal
from selfdistill.cli.streams import lasting_streams


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
    console = consoles.console()
    assert not console.is_interactive
    console.print("[bold]name[/]", style="red")
    assert capsys.readouterr().out == "[bold]name[/]\n"


HOSTILE = "\x1b]0;pwned\x07\x1b[31mred\x9b2J\x7f\r\u202egnp.\u2066"


def test_what_a_terminal_would_obey_is_shown():
    assert terminal.shown(HOSTILE) == (
        "\\u001b]0;pwned\\u0007\\u001b[31mred\\u009b2J\\u007f\\u000d\\u202egnp.\\u2066"
    )
    assert terminal.shown("a\tb\n日本 é – 👩‍💻") == "a\tb\n日本 é – 👩‍💻"
    assert terminal.shown_name("a\nb\tc") == "a\\u000ab\\u0009c"
    assert json.loads(terminal.shown(json.dumps(HOSTILE, ensure_ascii=False))) == HOSTILE


@pytest.mark.parametrize("text", ["=1+2", "+1", "-1", "@x", "\t=1", "\r=1", "＝1", "\n=1"])
def test_a_cell_is_no_formula(text):
    assert terminal.csv_text(text)[0] in "'\\"


def test_consoles_obey_no_name_and_keep_their_own_codes(monkeypatch, capsys):
    monkeypatch.setattr(consoles, "is_terminal", lambda **_: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    with lasting_streams(out=stream, err=None):
        table = Table("name")
        table.add_row(Text(HOSTILE))
        shown = consoles.console()
        shown.print(table)
        shown.print(HOSTILE, style="red")
        print(HOSTILE)
    content = stream.getvalue()
    assert "\x1b[31m\\u001b]0;pwned" in content
    assert "\x1b]" not in content
    assert not set(content) & set("\x07\x9b\x7f\u202e\u2066")
