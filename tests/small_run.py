"""Words of a run that takes a second: few digits, a narrow network."""

WORDS = [
    *("--config", "digits", "--method", "SKDSAM", "--backbone.width", "8", "--epochs", "3"),
    *("--warmup-epochs", "1", "--batch-size", "16", "--precision", "fp32", "--threads", "1"),
    *("--data.train-per-class", "5", "--data.test-per-class", "4"),
]
