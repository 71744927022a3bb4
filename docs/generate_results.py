"""Writes the results in the READMEs and on pages from the summaries under results/.

A block begins with ``<!-- results: STUDY [SPLIT] [LANGUAGE] -->`` and ends with ``<!-- end -->``.
"""

import re
from pathlib import Path

from selfdistill import reports

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "README.zh.md")
BLOCK = re.compile(
    r"(<!-- results: (\w+)(?: (test|validation))?( zh)? -->\n).*?(<!-- end -->)", re.DOTALL
)
CHINESE = {
    "method": "方法",
    "seeds": "种子数",
    "accuracy": "准确率",
    "difference to cross-entropy": "与交叉熵之差",
    "network parameters": "网络参数量",
    "training parameters": "训练参数量",
    "seconds per run": "每次训练秒数",
    "step ratio": "单步耗时比",
    "reference": "基准",
    "test split, last epoch; accuracy and ECE in percent, ± standard deviation": (
        "测试集，最后一轮；准确率与 ECE 以百分数计，± 为标准差"
    ),
    "differences in points, with joint 95 % intervals over seeds (Dunnett, unpooled)": (
        "差值以百分点计，附跨种子的联合 95 % 置信区间（Dunnett，不合并方差）"
    ),
    "step ratio across processes: an indication, no benchmark": (
        "单步耗时比取自不同进程，仅供参考，不作基准"
    ),
}
PHRASES = (
    (r"\] better", "] 更好"),
    (r"\] worse", "] 更差"),
    (r"\] not distinguishable", "] 无法区分"),
    (r"no verdict under (\d+) seeds", r"不足 \1 个种子，不作结论"),
    (
        r"([\d,]+) test images: sampling error up to (\S+) points",
        r"\1 张测试图像：抽样误差至多 \2 个百分点",
    ),
)


def runs(study: str) -> list[reports.StoredRun]:
    """The summaries of a study."""
    return [reports.read(file) for file in sorted((ROOT / "results" / study).glob("*.json"))]


def block(study: str, split: str, chinese: bool = False) -> str:
    """The comparison of a study's summaries, as Markdown."""
    text = reports.as_markdown(reports.compare(runs(study), split)).strip()
    return in_chinese(text) if chinese else text


def in_chinese(text: str) -> str:
    """A table with its headings, verdicts and notes in Chinese.

    Raises:
        ValueError: If something is left that has no translation.
    """
    lines = []
    for line in text.splitlines():
        parts = line.split(" | ") if line.startswith("|") else [line]
        for number, part in enumerate(parts):
            words = part.strip("|- ")
            if words in CHINESE:
                parts[number] = part.replace(words, CHINESE[words])
            for pattern, phrase in PHRASES:
                parts[number] = re.sub(pattern, phrase, parts[number])
        lines.append(" | ".join(parts))
    rest = re.search(r"(?<![\w\\])[a-z]{3,}(?![\w\\=])", "\n".join(lines))
    if rest:
        raise ValueError(f"no Chinese for {rest[0]!r}: add it to docs/generate_results.py")
    return "\n".join(lines)


def written(text: str) -> str:
    """The text with every marked block made anew."""
    return BLOCK.sub(lambda m: f"{m[1]}{block(m[2], m[3] or 'test', bool(m[4]))}\n{m[5]}", text)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page.read_text()))
