"""Operations up to each exit, against a count by hand."""

from selfdistill.backbones import Tapped
from selfdistill.evaluation import macs_per_exit
from selfdistill.methods import BYOT, SKDSAM, SLASD, CrossEntropy

# positions × inputs of a kernel × outputs, on images of 16 pixels
STAGES = (256 * 27 * 4, 64 * 36 * 6, 16 * 54 * 8)
HEAD = 8 * 5
NETWORK = sum(STAGES) + HEAD
EXITS = (
    256 * 4 * 2 + 16 * (2 * 16) * 2 + 16 * 2 * 8 + HEAD,
    64 * 6 * 2 + 16 * (2 * 4) * 2 + 16 * 2 * 8 + HEAD,
)
BY_HAND = {
    "network": NETWORK,
    "exit1": STAGES[0] + EXITS[0],
    "exit2": STAGES[0] + STAGES[1] + EXITS[1],
}
ATTENTION = 16 * 3 * (8 + 4 + 6)


def test_an_exit_costs_the_stages_before_it_and_its_branch(backbone):
    assert macs_per_exit(BYOT(backbone)) == BY_HAND


def test_the_fused_prediction_costs_all_exits_and_the_attention(backbone):
    method = SKDSAM(backbone, attention_dim=3)
    assert macs_per_exit(method) == {**BY_HAND, "fusion": NETWORK + sum(EXITS) + ATTENTION}
    assert method.training
    uniform = macs_per_exit(SKDSAM(backbone, attention="uniform"))
    assert uniform["fusion"] == NETWORK + sum(EXITS)


def test_four_rotations_cost_four_passes(backbone):
    joint = 8 * 20
    counted = macs_per_exit(SLASD(backbone, aggregate=True))
    assert counted == {"network": NETWORK, "aggregate": 4 * (sum(STAGES) + joint)}
    assert macs_per_exit(SLASD(backbone)) == macs_per_exit(CrossEntropy(backbone))


def test_it_needs_no_knowledge_of_the_network(backbone):
    names = [f"blocks.{stage}" for stage in range(3)]
    tapped = Tapped(backbone.network, names, input_size=(3, 16, 16))
    assert macs_per_exit(BYOT(tapped)) == BY_HAND
