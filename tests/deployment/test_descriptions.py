"""Model folders from strangers: what they say is checked before anything is built of it."""

import json
import pickle
import struct

import pytest
import torch

from selfdistill.backbones import create_backbone, load_backbone
from selfdistill.backbones.create import build_own
from selfdistill.data import Preprocessing
from selfdistill.deployment import load, model_files

HUGE = 10**9


def declared(**changes):
    return lambda config: config["pretrained_cfg"].update(changes)


CHANGES = {
    "architecture": lambda c: c.update(architecture=5),
    "no architecture": lambda c: c.pop("architecture"),
    "num_classes": lambda c: c.update(num_classes="ten"),
    "num_classes within": lambda c: c.update(num_classes=HUGE),
    "num_classes too": lambda c: c.update(num_classes=True),
    "label_names": lambda c: c.update(label_names=["a"]),
    "label_names of kinds": lambda c: c.update(label_names=["a", 3]),
    "arguments.x": lambda c: c.update(arguments={"x": 1}),
    "arguments.pretrained": lambda c: c.update(arguments={"pretrained": True}),
    "arguments.pretrained path": lambda c: c.update(arguments={"pretrained": "/etc/passwd"}),
    "arguments.width": lambda c: c.update(arguments={"width": HUGE}),
    "arguments.in_chans": lambda c: c.update(arguments={"in_chans": HUGE}),
    "arguments.image_size": lambda c: c.update(arguments={"image_size": 10**6}),
    "arguments": lambda c: c.update(arguments=[1]),
    "pretrained_cfg.crop_pct": declared(crop_pct=0),
    "pretrained_cfg.crop_pct tiny": declared(crop_pct=1e-9),
    "pretrained_cfg.crop_pct of kind": declared(crop_pct=float("nan")),
    "pretrained_cfg.input_size": declared(input_size=[3, 100_000, 100_000]),
    "pretrained_cfg.input_size short": declared(input_size=[3, 16]),
    "pretrained_cfg.mean": declared(mean=[0.5, 0.5]),
    "pretrained_cfg.mean of kinds": declared(mean=["a", "b", "c"]),
    "pretrained_cfg.std": declared(std=[0, 0, 0]),
    "pretrained_cfg": lambda c: c.update(pretrained_cfg=None),
    "WRN-100006-1": lambda c: c.update(architecture="wrn_100006_1", arguments={}),
    "wrn_10_999999": lambda c: c.update(architecture="wrn_10_999999", arguments={}),
    "config.json": lambda c: c.clear(),
}


SEEN = Preprocessing((16, 16), mean=(0.5,) * 3, std=(0.5,) * 3)


@pytest.fixture
def folder(tmp_path):
    backbone = create_backbone("small", 2, image_size=16, width=4)
    files = model_files(backbone, classes=("a", "b"), preprocessing=SEEN, origin={})
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("change", CHANGES)
def test_a_strange_description_is_one_line(folder, change):
    config = json.loads((folder / "config.json").read_text())
    CHANGES[change](config)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"config\.json") as caught:
        load(folder)
    said = str(caught.value)
    assert "\n" not in said
    if "_" in change or "." in change:
        assert change.split()[0] in said


@pytest.mark.parametrize("damage", ["empty", "cut", "header", "another"])
def test_damaged_weights_are_one_line(folder, damage):
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    other = create_backbone("small", 2, image_size=16, width=8)
    files = model_files(other, classes=("a", "b"), preprocessing=SEEN, origin={})
    file.write_bytes(
        {
            "empty": b"",
            "cut": whole[:1000],
            "header": struct.pack("<Q", 2**62) + b"{}",
            "another": files["model.safetensors"],
        }[damage]
    )
    for read in (load, load_backbone):
        with pytest.raises(ValueError, match=str(folder)) as caught:
            read(folder)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_classes": HUGE},
        {"num_classes": 10, "width": HUGE},
        {"num_classes": 10, "width": 10**6},
        {"num_classes": 10, "image_size": HUGE},
    ],
)
def test_a_network_larger_than_memory_is_refused_before_it_is_built(arguments):
    with pytest.raises(ValueError, match="memory"):
        create_backbone("small", **arguments)


def test_a_bound_check_draws_no_random_number():
    torch.manual_seed(0)
    first = create_backbone("small", 2, width=4).network.state_dict()
    torch.manual_seed(0)
    plain = build_own("small", 2, width=4).state_dict()
    assert all(torch.equal(plain[name], first[name]) for name in plain)


class Evil:
    def __reduce__(self):
        return print, ("RUN",)


@pytest.mark.parametrize("make", [torch.save, lambda x, p: p.write_bytes(pickle.dumps(x))])
def test_weights_that_would_run_code_are_refused_without_advice_to_run_it(tmp_path, make, capsys):
    for content in ({"fc.weight": Evil()}, [Evil()]):
        make(content, tmp_path / "evil.pt")
        with pytest.raises(ValueError, match=r"evil\.pt cannot be read as weights") as caught:
            create_backbone("test_resnet", 6, pretrained=tmp_path / "evil.pt")
        assert "weights_only" not in str(caught.value)
    torch.save({"fc.weight": 3}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match=r"evil\.pt is not a state dict"):
        create_backbone("test_resnet", 6, pretrained=tmp_path / "evil.pt")
    assert "RUN" not in capsys.readouterr().out
