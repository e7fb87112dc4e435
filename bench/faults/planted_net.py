"""Faults of the network, in doses."""

from torch import nn

from bench.faults import plant_loop as p
from bench.faults import plant_net as n
from bench.faults.fault import fault

NET = (
    fault(
        "batch-mixing",
        without="tokens binary",
        input_reshaped=n.before(lambda x: x.transpose(0, -1).reshape(x.shape)),
        features_reshaped=n.between(lambda h: h.t().reshape(h.shape)),
        features_rolled=n.between(lambda h: 0.5 * h + 0.5 * h.roll(1, 0)),
    ),
    fault(
        "batch-mixing",
        also="input-ignored",
        first_row_for_all=n.before(lambda x: x[:1].expand_as(x)),
    ),
    fault("batch-mixing", needs="transformer", batch_second=n.net_option(batch_first=False)),
    fault(
        "input-ignored",
        without="tokens",
        constant=n.before(lambda x: x * 0 + 0.5),
        overwritten=n.between(lambda h: h.detach() * 0 + 1),
    ),
    fault("input-ignored", needs="tokens", constant=n.before(lambda x: x * 0 + 5)),
    fault(
        "no-gradient",
        detached=n.between(lambda h: h.detach()),
        no_grad=n.with_change(n.no_gradient_body),
        rounded=n.between(lambda h: h.round()),
    ),
    fault(
        "not-in-optimizer", head_only=p.groups(p.only_head), second_half=p.groups(p.without_first)
    ),
    fault(
        "not-in-optimizer",
        needs="flat",
        also="no-gradient",
        in_a_list=n.with_change(n.hidden_in_list),
    ),
    fault(
        "symmetric-init",
        near="init-too-small no-gradient dead-at-init",
        zero=n.constant_init(0.0),
        hundredth=n.constant_init(0.01),
        tenth=n.constant_init(0.1),
    ),
    fault(
        "init-too-small",
        near="gradient-vanishing flat-then-sudden",
        x0_1=n.scaled_init(0.1),
        x0_01=n.scaled_init(0.01),
        x0_001=n.scaled_init(1e-3),
    ),
    fault(
        "init-too-large",
        near="initial-loss-off saturated-units loss-exploded gradient-exploding",
        x3=n.scaled_init(3),
        x10=n.scaled_init(10),
        x100=n.scaled_init(100),
    ),
    fault(
        "initial-loss-off",
        also="init-too-large",
        head_x30=n.scaled_init(30, head_only=True),
        head_x300=n.scaled_init(300, head_only=True),
        bias_20=n.head_bias(20),
    ),
    fault(
        "dead-at-init",
        needs="relu",
        also="dead-units",
        near="no-gradient",
        bias_5=n.negative_biases(-5),
        bias_20=n.negative_biases(-20),
    ),
    fault(
        "dead-units",
        needs="relu plain",
        also="dead-at-init lr-too-high",
        first_steps_x300=p.first_steps(300, 3),
        first_steps_x3000=p.first_steps(3000, 3),
    ),
    fault(
        "saturated-units",
        needs="plain",
        also="init-too-large",
        near="gradient-vanishing",
        tanh_x10=n.saturating(10, nn.Tanh),
        sigmoid_x30=n.saturating(30, nn.Sigmoid),
        tanh_x100=n.saturating(100, nn.Tanh),
    ),
    fault(
        "gradient-vanishing",
        needs="flat",
        near="underfitting plateau init-too-small saturated-units",
        sigmoid_6=n.deep(6, 32, nn.Sigmoid, 1.0),
        sigmoid_10=n.deep(10, 32, nn.Sigmoid, 1.0),
        tanh_20_small=n.deep(20, 32, nn.Tanh, 0.3),
    ),
    fault(
        "gradient-exploding",
        needs="flat",
        also="init-too-large",
        near="initial-loss-off loss-exploded",
        relu_10_x4=n.deep(10, 32, nn.ReLU, 4.0),
        relu_16_x6=n.deep(16, 32, nn.ReLU, 6.0),
    ),
    fault(
        "gradient-wrong",
        needs="relu",
        sign=n.wrong_backward("sign"),
        mask=n.wrong_backward("mask"),
        value=n.wrong_backward("value"),
        lost=n.wrong_backward("lost"),
    ),
    fault(
        "loss-not-finite",
        needs="relu plain",
        root=n.rooted(),
        logarithm=n.logarithm(),
        spread=n.unit_spread(),
    ),
    fault(
        "loss-not-finite",
        needs="classification",
        without="binary",
        hand_written=lambda q: p.rate(30)(n.with_fields(make_loss=n.HandWritten, alter=None)(q)),
    ),
    fault("batch-norm-tiny-batch", needs="batch-norm", also="batch-too-small", two=p.batches_of(2)),
    fault(
        "dropout-before-batch-norm",
        needs="batch-norm",
        half=n.dropout_before_norm(0.5),
        four_fifths=n.dropout_before_norm(0.8),
    ),
    fault(
        "norm-statistics-stale",
        needs="batch-norm",
        momentum_1e3=n.slow_statistics(1e-3),
        momentum_1e4=n.slow_statistics(1e-4),
        never=n.slow_statistics(0.0),
    ),
    fault(
        "underfitting",
        without="tokens group-norm",
        two_units=n.net_option(hidden=(2, 2)),
        one_unit=n.net_option(hidden=(1, 1)),
    ),
    fault(
        "underfitting",
        needs="dropout",
        drop_90=n.net_option(dropout=0.9),
        drop_97=n.net_option(dropout=0.97),
    ),
    fault(
        "cannot-overfit-tiny-batch",
        also="underfitting",
        needs="classification",
        one_number=n.between(lambda h: h.mean(1, keepdim=True).expand_as(h)),
        feature_softmax=n.between(lambda h: (h * 0.01).softmax(1)),
    ),
)
