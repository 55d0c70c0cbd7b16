"""What every Python peer shares: the task it is given (a JSON object), the data, and the answer it prints."""
import json
import os
import sys
import time

task = json.loads(sys.argv[1])
if task["threads"] == 1 and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # some frameworks heed no other limit

import numpy as np  # noqa: E402  (after the affinity, which it reads)

BATCH = task["batch"]
SIZES = [784, *task["hidden"], 10]
INPUTS, CLASSES = SIZES[0], SIZES[-1]
ACTIVATION, OPTIMIZER, RATE = task["activation"], task["optimizer"], task["learningRate"]


def load(prefix):
    """Images as float32 rows from 0 to 1, labels as bytes."""
    path = os.path.join(task["data"], prefix)
    images = np.fromfile(path + "-images-idx3-ubyte", np.uint8)[16:].reshape(-1, INPUTS)
    return (images / np.float32(255)).astype(np.float32), np.fromfile(path + "-labels-idx1-ubyte", np.uint8)[8:]


def glorot(rng, inputs, outputs):
    limit = np.sqrt(6 / (inputs + outputs))
    return rng.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)


def batches(rng, rows, samples):
    """Indices [steps, BATCH] of whole batches, in a new random order for each pass over the rows."""
    steps, per_pass = samples // BATCH, rows // BATCH
    passes = [rng.permutation(rows)[: per_pass * BATCH].reshape(per_pass, BATCH) for _ in range(-(-steps // per_pass))]
    return np.concatenate(passes)[:steps] if steps else np.empty((0, BATCH), int)


def compete(version, train_on, test_scores):
    """Warms up, trains against the clock, prints the answer."""
    train_on(task["warmUp"])
    samples = task["samples"] // BATCH * BATCH
    start = time.perf_counter()
    train_on(samples)
    seconds = time.perf_counter() - start
    x, y = load("t10k")
    right = float((np.asarray(test_scores(x)).argmax(1) == y).mean())
    answer = dict(samplesPerSec=samples / seconds, samples=samples, seconds=seconds, testAccuracy=right, version=version)
    print(json.dumps(answer), flush=True)
