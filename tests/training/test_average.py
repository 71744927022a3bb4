"""The moving average of weights, from the first step on."""

import torch
from torch import nn

from selfdistill.training.optimizer import average_share, update_average


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
        update_average(average, module, share=average_share(0.9999, step))
    assert abs(average.weight.item() - 1) < 0.1
