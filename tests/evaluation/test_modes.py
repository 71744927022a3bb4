"""Looking at a method leaves each of its parts in the mode that it was in."""

import pytest
import torch

from selfdistill.data import ImageSet, Preprocessing
from selfdistill.evaluation import class_activation, macs_per_exit, predict
from selfdistill.methods import BYOT

IMAGES = ImageSet(torch.zeros(2, 3, 16, 16, dtype=torch.uint8), torch.zeros(2).long(), ("a",))


SEEN = Preprocessing((16, 16), mean=(0.5,) * 3, std=(0.25,) * 3)


def classify(method, **options):
    return predict(method, IMAGES, SEEN, **options)


def interrupted(method):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        classify(method, between=stop)


LOOKS = {
    "predict": classify,
    "interrupted": interrupted,
    "cost": macs_per_exit,
    "activation": lambda method: class_activation(method, torch.zeros(2, 3, 16, 16)),
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("training", [True, False])
def test_parts_that_were_frozen_by_hand_stay_so(backbone, look, training):
    method = BYOT(backbone).train(training)
    part = next(m for m in method.modules() if not list(m.children()))
    part.train(not training)
    modes = [module.training for module in method.modules()]
    LOOKS[look](method)
    assert [module.training for module in method.modules()] == modes
