import threading

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from selfdistill.backbones import create_backbone, pretrained


@pytest.fixture
def saved():
    return timm.create_model("test_resnet", num_classes=6).state_dict()


@pytest.fixture(params=["weights.safetensors", "weights.pt"])
def path(request, saved, tmp_path):
    path = tmp_path / request.param
    save_file(saved, path) if path.suffix == ".safetensors" else torch.save(saved, path)
    return path


def same(network, saved, *, but=()):
    state = network.state_dict()
    return all(torch.equal(state[key], saved[key]) for key in saved if key not in but)


def test_file_with_as_many_classes(path, saved):
    backbone = create_backbone("test_resnet", 6, pretrained=path)
    assert same(backbone.network, saved)
    assert "file" not in backbone.network.pretrained_cfg


def test_file_with_other_classes(path, saved):
    backbone = create_backbone("test_resnet", 4, pretrained=str(path))
    assert same(backbone.network, saved, but=("fc.weight", "fc.bias"))
    assert backbone.stages(torch.randn(2, 3, 64, 64)).logits.shape == (2, 4)
    assert backbone.architecture.arguments == {}


def test_file_of_another_network(path, tmp_path):
    with pytest.raises(ValueError, match=r"weights of resnet18: conv1.weight is missing$"):
        create_backbone("resnet18", 6, pretrained=path)
    with pytest.raises(ValueError, match=r"weights of test_vit: cls_token is missing$"):
        create_backbone("test_vit", 6, pretrained=path)
    with pytest.raises(ValueError, match="there is no weights file"):
        create_backbone("test_resnet", 6, pretrained=tmp_path / "missing.pt")


def test_file_of_another_width(path, saved):
    saved["conv1.0.weight"] = saved["conv1.0.weight"][:-1]
    save_file(saved, path) if path.suffix == ".safetensors" else torch.save(saved, path)
    with pytest.raises(ValueError, match=r"conv1.0.weight is \(\d+, .*\) there, \(\d+, .*\) here$"):
        create_backbone("test_resnet", 6, pretrained=path)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet", "test_convnext"])
def test_file_without_a_classifier(name, tmp_path):
    whole, path = timm.create_model(name, num_classes=0).state_dict(), tmp_path / "headless.pt"
    torch.save(whole, path)
    backbone = create_backbone(name, 4, pretrained=path)
    assert same(backbone.network, whole)
    assert backbone.num_classes == 4
    torch.save(dict(list(whole.items())[1:]), path)
    with pytest.raises(ValueError, match=f"{next(iter(whole))} is missing"):
        create_backbone(name, 4, pretrained=path)


def test_file_that_runs_code(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(ValueError, match="cannot be read as weights"):
        create_backbone("test_resnet", 6, pretrained=tmp_path / "module.pt")


def test_cached_weights_need_no_network(tmp_path, monkeypatch):
    published = timm.create_model("test_resnet", num_classes=1000).state_dict()
    save_file(published, tmp_path / "model.safetensors")
    monkeypatch.setattr(
        huggingface_hub,
        "try_to_load_from_cache",
        lambda hub_id, name: str(tmp_path / name) if hub_id == "timm/test_resnet.r160_in1k" else 1,
    )
    monkeypatch.setattr(pretrained, "within_reach", lambda _: pytest.fail("asked the network"))
    backbone = create_backbone("test_resnet", 6, pretrained=True)
    assert same(backbone.network, published, but=("fc.weight", "fc.bias"))
    assert backbone.num_classes == 6


def test_unreachable_weights_fail_at_once(monkeypatch):
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    answered = threading.Event()
    monkeypatch.setattr(pretrained, "answers_head", lambda _: answered.wait(600))
    with pytest.raises(ValueError, match=r"not in the cache, and .* does not answer"):
        create_backbone("test_resnet", 6, pretrained=True)
    answered.set()


def test_a_refused_connection_is_no_answer():
    assert not pretrained.answers_head("http://127.0.0.1:1/")


def test_network_without_published_weights():
    with pytest.raises(ValueError, match="nobody published"):
        create_backbone("ghostnet_050", 6, pretrained=True)
