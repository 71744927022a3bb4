import subprocess
import sys
from functools import partial

import faults
import pytest
import torch

from selfdistill.methods import SKDSAM
from selfdistill.testing import (
    CHECKS,
    check_compile,
    check_method,
    check_reaches,
    check_two_processes,
    reached,
)
from selfdistill.testing.trial import BUILDS

BATCH_MEAN = partial(SKDSAM, attention="batch_mean")
FAULTS = [
    (faults.NotANumber, "finite"),
    (faults.ChangesImages, "finite"),
    (faults.LosesDouble, "double_precision"),
    (faults.HalfLoss, "half_precision"),
    (faults.UnsummedTerm, "loss_is_the_sum_of_its_terms"),
    (faults.WrongLogits, "logits_are_the_networks"),
    (faults.UnusedParameter, "every_parameter_learns"),
    (faults.Unfreezes, "frozen_parameters_stay"),
    (faults.AddsLayer, "backbone_is_untouched"),
    (faults.SwapsActivation, "backbone_is_untouched"),
    (faults.ChangesWeights, "backbone_is_untouched"),
    (faults.CopiesBackbone, "backbone_is_untouched"),
    (faults.FirstImageCounts, "order_is_irrelevant"),
    (faults.RemembersPlaces, "order_is_irrelevant"),
    (faults.Unlearns, "fits_one_batch"),
    (faults.Forgets, "state_round_trips"),
    (faults.ForgetsImages, "state_round_trips"),
    (faults.HardLabelsOnly, "soft_labels_work"),
    (faults.WeighsNothing, "weights_count"),
    (faults.NetworkNotFirst, "inspection_is_well_formed"),
    (faults.UnequalShares, "inspection_is_well_formed"),
    (faults.MixesMemories, "memory_is_well_formed"),
    (faults.RemembersTooMuch, "memory_is_well_formed"),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", BUILDS)
def test_every_method_keeps_its_contract(method, check):
    check(BUILDS[method])


@pytest.mark.parametrize("method", [faults.Sound, faults.Everything])
def test_a_strangers_method_passes(method):
    check_method(method)


@pytest.mark.parametrize(("method", "check"), FAULTS)
def test_each_fault_is_found_and_named(method, check):
    with pytest.raises(AssertionError) as caught:
        {c.__name__: c for c in CHECKS}[check](method)
    assert str(caught.value)
    with pytest.raises(AssertionError, match=r"^\w+: .+") as caught:
        check_method(method)
    assert "\n" not in str(caught.value)


def test_a_lost_detach_is_found_by_what_a_term_reaches():
    reaches = {"distillation": ("exit", "backbone.network.blocks.0")}
    check_method(faults.LostDetach)  # no value tells
    with pytest.raises(
        AssertionError, match=r"^reaches_as_declared: .*too much: .*backbone\.network\.head"
    ):
        check_method(faults.LostDetach, reaches=reaches)
    with pytest.raises(AssertionError, match=r"too little: .*exit\.weight"):
        check_reaches(faults.LostDetach, {"labels": ("backbone", "exit")})
    with pytest.raises(AssertionError, match="no term 'hint'"):
        check_reaches(faults.LostDetach, {"hint": ()})


def test_reached_names_what_has_gradient():
    module = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 1), "b": torch.nn.Linear(2, 1)})
    module["a"].bias.requires_grad_(False)
    inputs = torch.ones(1, 2)
    term = module["a"](inputs).sum() + 0 * module["b"](inputs).sum()
    assert reached(term, module) == {"a.weight"}
    assert reached(term.detach(), module) == set()


@pytest.mark.slow
def test_two_processes_agree_with_one():
    faulty = (faults.RemembersAlone, faults.SumsBatch)
    with pytest.raises(AssertionError) as caught:
        check_two_processes(*BUILDS.values(), BATCH_MEAN, faults.Everything, *faulty)
    first, second = str(caught.value).split("; ")
    assert first.startswith("RemembersAlone: the loss is")
    assert second.startswith("SumsBatch: the loss is")


@pytest.mark.slow
def test_methods_compile_as_one_graph():
    code = (
        "from selfdistill.testing import check_compile\n"
        "from selfdistill.testing.trial import BUILDS\n"
        "for build in BUILDS.values(): check_compile(build)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.slow
def test_a_graph_break_is_found():
    with pytest.raises(torch._dynamo.exc.Unsupported):
        check_compile(SKDSAM)  # the shape checks that tests put into the code break graphs
