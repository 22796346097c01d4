"""L-BFGS: line searches over all images, with the L2 term in their loss."""

import numpy as np
import pytest
import torch

from layergraph import ArgumentError
from layergraph.training import TrainingOptions


def joint(net, data, l2):
    """The loss that L-BFGS lowers, in the dtype of the network, with L2 on the weights alone."""
    images = torch.stack([torch.from_numpy(image).movedim(-1, 0) for image, _ in data])
    targets = torch.stack([torch.from_numpy(target) for _, target in data])
    weights = [p for name, p in net.named_parameters() if name.endswith("weight")]
    return net.loss(images, targets) + 0.5 * l2 * sum(w.square().sum() for w in weights)


def test_it_equals_torchs_own_on_the_joint_loss(tiny, pairs, train, double_precision):
    data = [(image.astype(np.float64), target) for image, target in pairs(6)]
    net = tiny().compile()
    other = net.layer_graph().compile()
    trained, info = train(
        data, net, "lbfgs", max_epochs=5, mini_batch_size=2, l2_regularization=0.01, shuffle="never"
    )
    optimizer = torch.optim.LBFGS(
        other.parameters(), max_iter=1, history_size=10, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = joint(other, data, 0.01)
        loss.backward()
        return loss

    losses = []
    for _ in range(5):
        with torch.no_grad():
            losses.append(joint(other, data, 0).item())
        optimizer.step(closure)
    assert info.training_loss == pytest.approx(losses, rel=1e-9)
    assert len(info.training_loss) == 5  # one iteration per epoch
    for key, weight in other.state_dict().items():
        torch.testing.assert_close(trained.state_dict()[key], weight, rtol=1e-7, atol=1e-10)


def test_it_lowers_the_loss_faster_than_sgdm(tiny, pairs, train):
    """A network that is nearly convex: few line searches reach what many steps do not."""
    net = tiny().compile()
    _, fast = train(pairs(12), net, "lbfgs", max_epochs=20, validation_data=pairs(4))
    _, slow = train(pairs(12), net, "sgdm", max_epochs=20, mini_batch_size=12)
    assert fast.training_loss[-1] < slow.training_loss[-1]
    assert fast.base_learn_rate == [1.0] * 20


def test_what_it_cannot_do_is_refused(tiny, pairs, refusal):
    text = refusal(pairs(), tiny(weight_learn_rate_factor=2), solver="lbfgs", error=ArgumentError)
    assert text == (
        "train_network: learn-rate factors of layers must be 0 or 1 for the solver 'lbfgs', which has one "
        "direction for all weights, got 2; use another solver, or set the factor to 1"
    )
    for name, value in (("gradient_threshold", 1), ("accumulate_grad_batches", 2)):
        with pytest.raises(
            ArgumentError, match=rf"{name} must be (inf|1) for the solver 'lbfgs', got {value}; "
        ):
            TrainingOptions("lbfgs", **{name: value})
    with pytest.raises(ArgumentError, match="momentum must be None for the solver 'lbfgs'"):
        TrainingOptions("lbfgs", momentum=0.9)


def test_a_factor_of_0_freezes(tiny, pairs, train):
    net = tiny(weight_learn_rate_factor=0, bias_learn_rate_factor=0).compile()
    trained, _ = train(pairs(), net, "lbfgs", max_epochs=2)
    assert trained.state_dict()["conv1.weight"].equal(net.state_dict()["conv1.weight"])
    assert not trained.state_dict()["conv2.weight"].equal(net.state_dict()["conv2.weight"])
