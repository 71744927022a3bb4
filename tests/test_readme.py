"""The README's code runs, and both READMEs say the same."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_its_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(import torch\n.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "net.pt").exists()


def test_its_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert f"\n{target}:" in makefile


def test_results_are_those_under_results():
    import generate_choice
    import generate_results

    for page in generate_results.PAGES:
        text = page.read_text()
        assert generate_results.BLOCK.search(text)
        assert generate_results.written(text) == text, "run python docs/generate_results.py"
    choice = generate_choice.PAGE.read_text()
    assert generate_choice.page() == choice, "run python docs/generate_choice.py"


def test_words_without_a_translation_are_refused():
    import generate_results

    with pytest.raises(ValueError, match="no Chinese for 'colour'"):
        generate_results.in_chinese("| method | colour |")


def test_the_chinese_readme_says_what_the_english_one_does():
    chinese = (ROOT / "README.zh.md").read_text()
    assert commands(chinese) == commands(README)
    links = [
        re.sub(r"#.*", "", link) for link in re.findall(r"\]\((docs/[^)]+|results/[^)]+)\)", README)
    ]
    assert set(re.findall(r"\]\((docs/[^)#]+|results/[^)#]+)\)", chinese)) == set(links)
    for pattern in (r"^## ", r"^\| `selfdistill", r"^```"):
        count = len(re.findall(pattern, README, re.MULTILINE))
        assert len(re.findall(pattern, chinese, re.MULTILINE)) == count, pattern
    english, own = (
        re.search(r"<!-- results.*?<!-- end -->", text, re.DOTALL)[0] for text in (README, chinese)
    )
    figures = r"[+−±]?\d[\d.,]*\d|\d"
    assert re.findall(figures, re.sub("95 %|CIFAR-100", "", own)) == re.findall(
        figures, re.sub("95 %|CIFAR-100", "", english)
    )


def commands(text):
    """The code of a README without its comments."""
    return [
        re.sub(r" +#.*", "", block)
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    ]
