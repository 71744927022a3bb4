import pytest
import torch

from selfdistill.evaluation import hardware

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("flags", "expected", "reason"),
    [
        ("fpu avx2 avx512f", ("fp32",), "no bf16 units"),
        ("fpu avx2 avx512f avx512_bf16", ("bf16", "fp32"), "avx512_bf16"),
        ("fpu avx512f amx_tile amx_bf16", ("bf16", "fp32"), "amx_bf16"),
        ("", ("fp32",), "no bf16 units"),
    ],
)
def test_auto_asks_the_processor(monkeypatch, flags, expected, reason):
    monkeypatch.setattr(hardware, "processor_flags", lambda: frozenset(flags.split()))
    precisions, why = hardware.possible_precisions("auto", CPU)
    assert precisions == expected
    assert reason in why


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), "fp16"), ((8, 0), "bf16")])
def test_auto_asks_the_gpu(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert hardware.possible_precisions("auto", torch.device("cuda"))[0] == (expected,)


def test_what_is_asked_for_is_taken():
    assert hardware.possible_precisions("bf16", CPU) == (("bf16",), "asked for")
    assert hardware.possible_precisions("auto", torch.device("mps"))[0] == ("fp32",)
