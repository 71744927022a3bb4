"""Text that any stream can show, and no terminal, page or spreadsheet obeys."""

import codecs
import re

UNENCODABLE = "selfdistill.readable"
"""Name of the error handler for signs that a stream's encoding lacks."""
STAND_INS = {
    **{"–": "-", "—": "-", "−": "-", "…": "...", "·": ".", "×": "x", "±": "+-", "⋅": ".", "⊙": "*"},
    **{"✓": "ok", "→": "->", "←": "<-", "↑": "^", "↓": "v", "≈": "~", "≤": "<=", "≥": ">="},
    **{"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "°": " deg", "²": "^2", "√": "sqrt"},
    **{"∑": "sum", "∈": "in", "∞": "inf", "‖": "||", "∥": "||", "█": "#", "Σ": "Sigma"},
    **{"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta"},
    **{"θ": "theta", "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau"},
    **{"φ": "phi", "ω": "omega"},
}
"""What signs of our own become where a stream's encoding lacks them."""
MAX_CHARACTERS = 2000
HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but \t and \n
    "\u202a-\u202e\u2066-\u2069"  # direction of writing
    "\u2028\u2029\ufeff\ud800-\udfff]"  # line separators, byte order, halves of pairs
)
BREAKS = re.compile(r"[\t\n]")
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheets take for the beginning of a formula, the wide forms included."""


def encodable(text: str, encoding: str | None) -> str:
    """The text, with stand-ins or escapes for what an encoding lacks."""
    encoding = encoding or "utf-8"
    return text.encode(encoding, UNENCODABLE).decode(encoding)


def shown(text: str) -> str:
    """The text without signs that a terminal, a page or a figure would obey instead of showing.

    Control characters but line breaks and tabs, marks that turn the direction of writing, and parts
    of characters become escapes, which JSON reads as the same text.
    """
    return HARMFUL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shown_name(text: str) -> str:
    """A name on a line of its own, as by :func:`shown`."""
    return BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", shown(text))


def csv_text(text: str) -> str:
    """Text as a cell that no spreadsheet takes for a formula."""
    name = shown_name(text)
    return f"'{name}" if name.startswith(FORMULA) else name


def one_line(text: str) -> str:
    """A message as one line of bounded length without control characters."""
    line = "".join(c if c.isprintable() else _escape(c) for c in " ".join(text.split()))
    if len(line) <= MAX_CHARACTERS:
        return line
    half = MAX_CHARACTERS // 2
    return f"{line[:half]} … {line[-half:]}"


def _replace(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    return "".join(STAND_INS.get(c) or _escape(c) for c in lacking), error.end


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


codecs.register_error(UNENCODABLE, _replace)
