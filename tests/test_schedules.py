"""How learning rate and KL weight change over the steps, beside torch's schedules and the papers' words."""

import numpy as np
import pytest
import torch

from pairvae.settings import Pretrain
from pairvae.train.schedules import cyclic_annealing, kl_factor, learning_rate_factor, step_decay

STEPS = 200


def rates_of(schedule):
    """What one of torch's schedules makes of a rate of 1, step by step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    torchs = schedule(optimizer)
    found = []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        torchs.step()
    return found


def test_one_cycle_is_torchs():
    settings = Pretrain(schedule="one_cycle", warmup_fraction=0.3)
    expected = rates_of(
        lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, STEPS, 0.3, cycle_momentum=False)
    )
    assert [learning_rate_factor(settings, step, STEPS) for step in range(STEPS)] == pytest.approx(expected, rel=1e-9)


def test_step_decay_without_warm_up_is_torchs():
    settings = Pretrain(schedule="step", warmup_fraction=0.0, step_every_fraction=0.3, step_factor=0.2)
    expected = rates_of(lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, round(0.3 * STEPS), 0.2))
    assert [learning_rate_factor(settings, step, STEPS) for step in range(STEPS)] == pytest.approx(expected, rel=1e-9)


def test_step_decay_rises_first():
    found = [step_decay(step, STEPS, 0.1, 0.5, 0.1) for step in range(STEPS)]
    assert found[0] == pytest.approx(1 / 21)
    assert np.all(np.diff(found[:20]) > 0)
    assert found[20:100] == [1.0] * 80


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "step"])
def test_no_rate_exceeds_the_peak(schedule):
    settings = Pretrain(schedule=schedule)
    found = [learning_rate_factor(settings, step, STEPS) for step in range(STEPS + 1)]
    assert 0.9 < max(found) <= 1
    assert min(found) >= 0


def test_cyclic_annealing_rises_in_each_cycle_and_rests_at_one():
    found = [cyclic_annealing(step, STEPS, 0.5, 4) for step in range(STEPS)]
    one = np.minimum(np.arange(50) / 25, 1)
    assert found == pytest.approx(np.tile(one, 4).tolist())
    assert cyclic_annealing(STEPS, STEPS, 0.5, 4) == 1


@pytest.mark.parametrize(
    ("schedule", "quarter", "end"), [("constant", 1, 1), ("linear", 0.5, 1), ("cosine", 0.5, 1), ("cyclic", 1, 1)]
)
def test_kl_weight_begins_at_zero_unless_constant_and_ends_at_its_value(schedule, quarter, end):
    settings = Pretrain(kl_schedule=schedule, kl_warmup_fraction=0.5, kl_cycles=2)
    begin, found, last = (kl_factor(settings, step, STEPS) for step in (0, STEPS / 4, STEPS))
    assert begin == (schedule == "constant")
    assert (found, last) == pytest.approx((quarter, end))
