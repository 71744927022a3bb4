"""Which parameters learn at which rate, which weight decay shrinks, and the average of weights."""

import pytest
import torch
from torch import nn

import selfdistill as sd
from selfdistill.config import parse
from selfdistill.methods import SKDSAM
from selfdistill.training.optimizer import average_share, build_optimizer, update_average

NETWORKS = ["resnet18", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"]


def groups_by_name(method, *words):
    recipe = parse(["--config", "digits", *words]).ingredients
    names = {id(p): name for name, p in method.named_parameters()}
    optimizer = build_optimizer(method, recipe)
    return [({names[id(p)] for p in g["params"]}, g) for g in optimizer.param_groups]


@pytest.mark.parametrize("network", NETWORKS)
def test_biases_norms_and_what_a_network_names_are_spared(network):
    method = SKDSAM(sd.create_backbone(network, 3, image_size=224))
    words = ("--decay-biases", "false", "--backbone-lr-scale", "0.1")
    decay = {
        name: g["weight_decay"] for names, g in groups_by_name(method, *words) for name in names
    }
    shapes = {name: p.ndim for name, p in method.named_parameters()}
    assert decay.keys() == shapes.keys()
    positions = {name for name in shapes if "pos_embed" in name or "relative_position" in name}
    spared = {name for name, dims in shapes.items() if dims < 2} | positions
    assert {name for name in decay if decay[name] == 0} == spared | (
        {name for name in shapes if name.endswith("cls_token")}
    )
    assert len({value for value in decay.values() if value}) == 1


def test_all_are_decayed_in_one_group_unless_told():
    method = SKDSAM(sd.create_backbone("small", 3))
    ((names, group),) = groups_by_name(method)
    assert names == {name for name, _ in method.named_parameters()}
    assert group["weight_decay"] == 5e-4


def test_what_stays_frozen_is_in_no_group():
    method = SKDSAM(sd.create_backbone("small", 3))
    first = next(iter(method.parameters()))
    first.requires_grad_(False)
    groups = groups_by_name(method, "--decay-biases", "false")
    assert sum(len(names) for names, _ in groups) == len(list(method.parameters())) - 1


def test_an_optimizer_without_weight_decay_takes_the_groups():
    method = SKDSAM(sd.create_backbone("small", 3))
    groups = groups_by_name(method, "--optimizer", "Rprop", "--decay-biases", "false")
    assert len(groups) == 2


@pytest.mark.parametrize("word", ["true", "false"])
def test_only_a_choice_of_ones_own_changes_the_hash(word):
    plain = parse(["--config", "digits"]).recipe.values
    chosen = parse(["--config", "digits", "--decay-biases", word]).recipe.values
    assert chosen == (plain if word == "true" else plain | {"decay_biases": False})


def test_a_step_without_gradient_shrinks_weights_alone():
    torch.manual_seed(0)
    method = SKDSAM(sd.create_backbone("small", 3))
    recipe = parse(["--config", "digits", "--decay-biases", "false"]).ingredients
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    for parameter in method.parameters():
        parameter.grad = torch.zeros_like(parameter)
    build_optimizer(method, recipe).step()
    for name, parameter in method.named_parameters():
        changed = not torch.equal(parameter, before[name])
        assert changed == (parameter.ndim > 1 and bool(before[name].any())), name


def test_an_average_remembers_no_more_steps_than_there_were():
    shares = [average_share(0.9999, step) for step in range(0, 10**6, 1000)]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert average_share(0.9999, 60) > 0.06
    assert shares[-1] > 1e-4
    assert average_share(0.75, 8) == 0.25
    assert average_share(0.9, 10**6) == 1 - 0.9


def test_after_sixty_steps_the_first_weights_are_forgotten():
    average, module = nn.Linear(1, 1), nn.Linear(1, 1)
    for step in range(60):
        with torch.no_grad():
            module.weight.fill_(1.0 if step else 100.0)
        update_average(average, module, share=torch.tensor(average_share(0.9999, step)))
    assert abs(average.weight.item() - 1) < 0.1
