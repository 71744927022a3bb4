"""Stage by stage, a network says what it says as a whole, and stops where it is told to."""

import pytest
import torch
from torch import nn

from selfdistill import BYOT, FRSKD, SKDSAM, CrossEntropy, RotationExits, Tapped, create_backbone
from selfdistill.deployment import ExitGraph, confidence
from selfdistill.evaluation import macs_per_exit

NETWORKS = ["small", "wrn_16_2", "test_resnet", "test_vit"]


def method_of(network="small", learns=BYOT):
    torch.manual_seed(0)
    method = learns(create_backbone(network, 10))
    for module in method.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after training: not the identity
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    return method.eval()


def images_of(method, count):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, *method.backbone.input_size, generator=generator)


@pytest.fixture(scope="module")
def graph():
    return ExitGraph(method_of())


@pytest.fixture(scope="module")
def divided(graph):
    """A method, and its stages at all early exits."""
    return graph.method, graph.divide([cost.name for cost in graph.early])


@pytest.mark.parametrize("network", NETWORKS)
def test_all_stages_say_what_the_method_says(network):
    method = method_of(network)
    graph = ExitGraph(method)
    stages = graph.divide([cost.name for cost in graph.early])
    assert stages.exits == (*(f"exit{k + 1}" for k in range(len(graph.early))), "network")
    for count in (1, 3):
        images = images_of(method, count)
        with torch.no_grad():
            whole, staged = method.inspect(images).exits, stages(images)
        for name in stages.exits:
            torch.testing.assert_close(staged[name], whole[name])


@pytest.mark.parametrize("learns", [SKDSAM, RotationExits])
def test_exits_are_those_that_rest_on_less_than_the_network(learns):
    method = method_of(learns=learns)
    graph, macs = ExitGraph(method), macs_per_exit(method)
    assert [cost.name for cost in graph.early] == ["exit1", "exit2"]
    assert all(cost.macs == macs[cost.name] for cost in (*graph.early, graph.network))
    if learns is SKDSAM:
        with pytest.raises(ValueError, match=r"fusion, which rests on the whole network: .*exit1"):
            graph.divide(["fusion"])


@pytest.mark.parametrize("learns", [CrossEntropy, FRSKD])
def test_methods_without_an_early_exit_are_refused(learns):
    with pytest.raises(ValueError, match=f"{learns.__name__} cannot stop early"):
        ExitGraph(method_of(learns=learns))


def test_exits_that_are_not_asked_are_not_paid_for(graph, divided):
    _, every = divided
    deeper = next(cost for cost in graph.early if cost.name == "exit2")
    assert graph.divide(["exit2"]).macs[0] == deeper.macs < every.macs[1]
    assert graph.network.macs < graph.divide(["exit2"]).macs[1] < every.macs[2]


def test_images_that_left_never_reach_later_stages(divided):
    method, stages = divided
    seen = []
    handles = [
        stage.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
        for stage in stages.stages
    ]
    images = images_of(method, 12)
    with torch.no_grad():
        scores = confidence(stages(images)["exit1"])
    seen.clear()
    threshold = float(scores.sort().values[4])  # seven are surer
    answer = stages.answer(images, thresholds=[threshold, 0.0], temperatures=[1.0, 1.0, 1.0])
    assert seen == [12, 5]
    assert answer.exits.tolist() == [int(score <= threshold) for score in scores]
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize("batch", [1, 5, 16])
def test_answers_do_not_depend_on_the_batch(divided, batch):
    method, stages = divided
    images = images_of(method, 16)
    with torch.no_grad():
        whole = stages(images)
    thresholds = [float(whole[name].softmax(1).amax(1).median()) for name in ("exit1", "exit2")]
    temperatures = (1.0, 1.0, 2.0)
    parts = [
        stages.answer(part, thresholds=thresholds, temperatures=temperatures)
        for part in images.split(batch)
    ]
    exits = torch.cat([part.exits for part in parts])
    assert set(exits.tolist()) == {0, 1, 2}
    for row, exit, image in zip(
        torch.cat([p.logits for p in parts]), exits, range(16), strict=True
    ):
        expected = whole[stages.exits[exit]][image] / temperatures[exit]
        torch.testing.assert_close(row, expected)


def test_a_stage_takes_and_gives_one_row_an_image(divided):
    method, stages = divided
    carried = (images_of(method, 3),)
    for stage in stages.stages:
        outputs = stage(*carried)
        assert all(len(output) == 3 for output in outputs)
        carried = outputs[1:]
    assert carried == ()


def test_weights_are_the_methods_own(divided):
    method, stages = divided
    own = {parameter.data_ptr() for parameter in method.parameters()}
    assert {parameter.data_ptr() for parameter in stages.parameters()} <= own


class Odd(nn.Module):
    """A network of two stages that does something odd."""

    def __init__(self, odd):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1)
        self.second = nn.Conv2d(8, 16, 3, 2, 1)
        self.head = nn.Linear(16, 10)
        self.odd = odd

    def forward(self, images):
        x = self.first(images)
        return self.head(self.odd(self.second(x), images).mean((2, 3)))


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (lambda x, _: x - 9 * x.mean(0), "cannot be run stage by stage: its network answers"),
        (lambda x, _: x if x.sum() > 0 else -x, "cannot be run stage by stage: torch.export"),
        (lambda x, images: x * images[0].mean(), None),
    ],
)
def test_networks_that_cannot_be_divided_are_refused(odd, message):
    method = BYOT(Tapped(Odd(odd), ["first", "second"], input_size=(3, 16, 16))).eval()
    with pytest.raises(ValueError, match=message):
        ExitGraph(method).divide(["exit1"])


def test_a_network_may_look_back_at_its_images():
    """What is needed later is carried along, for the images that go on."""
    odd = Odd(lambda x, images: x * images.mean((1, 2, 3), keepdim=True) * images.shape[0] ** 0)
    method = BYOT(Tapped(odd, ["first", "second"], input_size=(3, 16, 16))).eval()
    stages = ExitGraph(method).divide(["exit1"])
    images = images_of(method, 4)
    with torch.no_grad():
        confidence = stages(images)["exit1"].softmax(1).amax(1)
    answer = stages.answer(images, thresholds=[float(confidence.median())], temperatures=[1.0, 1.0])
    late = answer.exits == 1
    assert late.sum() == 2
    torch.testing.assert_close(answer.logits[late], method.backbone(images)[late])
