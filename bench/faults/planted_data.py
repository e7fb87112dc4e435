"""Faults of data, of outputs and of the loss, in doses."""

from torch import nn

from bench.faults import plant_data as d
from bench.faults import plant_loop as p
from bench.faults import plant_net as n
from bench.faults.fault import fault

DATA = (
    fault(
        "input-not-finite",
        without="tokens",
        near="loss-not-finite",
        one_nan=d.bad_inputs(float("nan"), 0.0),
        nan_3_percent=d.bad_inputs(float("nan"), 0.03),
        one_infinite=d.bad_inputs(float("inf"), 0.0),
    ),
    fault(
        "input-out-of-scale",
        without="tokens",
        near="lr-too-high loss-exploded",
        x1000=d.scaled_inputs(1000),
        x100=d.scaled_inputs(100),
        x0_001=d.scaled_inputs(1e-3),
        one_column_x10000=d.scaled_column(1e4),
    ),
    fault("label-out-of-range", needs="classification", from_one=d.shifted_labels(1)),
    fault(
        "label-out-of-range", needs="binary", also="loss-output-mismatch", signed=d.signed_labels()
    ),
    fault(
        "labels-sorted",
        needs="classification|binary",
        also="not-shuffled",
        whole=d.sorted_rows(1),
        two_pieces=d.sorted_rows(2),
        four_pieces=d.sorted_rows(4),
    ),
    fault(
        "not-shuffled",
        needs="regression",
        also="labels-sorted",
        whole=d.sorted_rows(1),
        four_pieces=d.sorted_rows(4),
    ),
    fault(
        "class-imbalance",
        needs="classification|binary",
        keep_10_percent=d.rare_classes(0.1),
        keep_3_percent=d.rare_classes(0.03),
        keep_1_percent=d.rare_classes(0.01),
    ),
    fault("split-overlap", whole=d.overlapping_parts(1.0), half=d.overlapping_parts(0.5)),
    fault(
        "label-noise",
        near="overfitting",
        noise_10=d.wrong_labels(0.1),
        noise_20=d.wrong_labels(0.2),
        noise_40=d.wrong_labels(0.4),
        noise_60=d.wrong_labels(0.6),
        noise_100=d.wrong_labels(1.0),
    ),
    fault(
        "overfitting", share_10=d.few_rows(0.1), share_5=d.few_rows(0.05), share_20=d.few_rows(0.2)
    ),
    fault(
        "bias-not-from-prior",
        needs="regression",
        also="initial-loss-off",
        offset_10=d.offset_target(10),
        offset_50=d.offset_target(50),
    ),
)

OUTPUT = (
    fault(
        "double-softmax",
        needs="classification",
        softmax=n.behind(lambda: nn.Softmax(1)),
        log_softmax_and_softmax=n.behind(lambda: nn.Sequential(nn.Softmax(1), nn.Softmax(1))),
    ),
    fault(
        "double-softmax", needs="binary", also="loss-output-mismatch", sigmoid=n.behind(nn.Sigmoid)
    ),
    fault(
        "missing-softmax",
        needs="classification",
        near="loss-exploded gradient-ascent",
        raw_nll=n.with_fields(make_loss=nn.NLLLoss),
    ),
    fault(
        "softmax-wrong-axis",
        needs="classification",
        log_softmax=n.behind(lambda: nn.LogSoftmax(0), make_loss=nn.NLLLoss),
        softmax=n.behind(lambda: nn.Softmax(0)),
    ),
    fault(
        "loss-output-mismatch",
        needs="classification",
        near="dead-units dead-at-init",
        relu=n.behind(nn.ReLU),
        class_number=n.squared_class_number,
    ),
    fault(
        "loss-output-mismatch",
        needs="regression",
        near="dead-units saturated-units",
        relu=n.behind(nn.ReLU),
        sigmoid=n.behind(nn.Sigmoid),
        softmax=n.behind(lambda: nn.Softmax(1)),
    ),
    fault("loss-broadcast", needs="regression", flat_target=n.flat_target),
    fault("loss-sum-reduction", needs="sgd", near="lr-too-high loss-exploded", summed=p.summed),
)
