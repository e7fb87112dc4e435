"""Faults of optimiser, schedule and loop, in doses."""

from bench.faults import plant_loop as p
from bench.faults import plant_net as n
from bench.faults.fault import fault

TOO_HIGH = "loss-exploded loss-not-finite oscillating update-ratio-high dead-units"
TOO_LOW = "update-ratio-low still-improving underfitting"

LOOP = (
    fault(
        "lr-too-high",
        near=TOO_HIGH,
        x3=p.rate(3),
        x10=p.rate(10),
        x30=p.rate(30),
        x100=p.rate(100),
        x300=p.rate(300),
        x1000=p.rate(1000),
    ),
    fault("lr-too-low", near=TOO_LOW, by_10=p.rate(0.1), by_100=p.rate(0.01), by_1000=p.rate(1e-3)),
    fault(
        "oscillating",
        needs="sgd",
        also="lr-too-high",
        near=TOO_HIGH,
        momentum_99=p.momentum(0.99),
        momentum_999=p.momentum(0.999),
    ),
    fault(
        "update-ratio-high",
        also="lr-too-high",
        near=TOO_HIGH,
        head_x100=p.head_times(100),
        body_x100=p.body_times(100),
        body_x1000=p.body_times(1000),
        head_x3000=p.head_times(3000),
    ),
    fault(
        "update-ratio-low",
        also="lr-too-low",
        body_by_1000=p.body_times(1e-3),
        body_by_100=p.body_times(1e-2),
    ),
    fault("gradients-accumulate", near="lr-too-high", forgotten=p.loop(zero_grad=False)),
    fault("weights-unchanged", no_step=p.loop(take_step=False)),
    fault("weights-unchanged", also="not-in-optimizer", replaced=n.replaced_after),
    fault("gradient-ascent", near="loss-exploded", negated=p.negated, maximize=p.ascent),
    fault("same-batch-every-step", near="overfitting", fixed=p.loop(same_batch=True)),
    fault(
        "eval-mode-while-training",
        needs="batch-norm|dropout",
        near="norm-statistics-stale",
        never_train=p.loop(train_mode=False),
    ),
    fault(
        "train-mode-while-evaluating",
        needs="batch-norm|dropout",
        never_eval=p.loop(eval_mode=False),
    ),
    fault(
        "train-mode-while-evaluating",
        needs="dropout",
        never_eval_drop_50=lambda q: p.loop(eval_mode=False)(n.net_option(dropout=0.5)(q)),
    ),
    fault(
        "weight-decay-too-strong",
        needs="sgd",
        near="underfitting",
        decay_01=p.decay(0.1),
        decay_03=p.decay(0.3),
        decay_1=p.decay(1.0),
    ),
    fault(
        "weight-decay-too-strong",
        needs="adam",
        near="underfitting",
        decay_01=p.decay(0.1),
        decay_1=p.decay(1.0),
    ),
    fault(
        "weight-decay-too-strong",
        needs="adamw",
        near="underfitting",
        decay_3=p.decay(3.0),
        decay_10=p.decay(10.0),
        decay_100=p.decay(100.0),
    ),
    fault(
        "schedule-ended-early",
        near="lr-too-low plateau underfitting",
        share_10=p.early_end(0.10),
        share_5=p.early_end(0.05),
        share_2=p.early_end(0.02),
        steep=p.steep_decay(0.05),
    ),
    fault(
        "clipping-most-steps",
        needs="sgd",
        near="lr-too-low update-ratio-low",
        norm_01=p.loop(max_grad_norm=0.1),
        norm_001=p.loop(max_grad_norm=0.01),
        norm_0001=p.loop(max_grad_norm=1e-3),
    ),
    fault(
        "batch-too-small",
        needs="sgd",
        without="batch-norm",
        near="lr-too-high",
        one=p.batches_of(1),
        two=p.batches_of(2),
    ),
    fault(
        "still-improving",
        near="lr-too-low underfitting",
        run_20=p.loop(epochs_run=0.2),
        run_10=p.loop(epochs_run=0.1),
        run_5=p.loop(epochs_run=0.05),
    ),
)
