"""Keras on the backend that KERAS_BACKEND names, with its own fit; the last argument is steps_per_execution, 1 by default in Keras."""
import sys

from task import ACTIVATION, BATCH, CLASSES, INPUTS, OPTIMIZER, RATE, compete, load, task
import keras

x, y = load("train")
model = keras.Sequential(
    [
        keras.Input((INPUTS,)),
        *(keras.layers.Dense(units, activation=ACTIVATION) for units in task["hidden"]),
        keras.layers.Dense(CLASSES, activation="softmax"),
    ]
)
model.compile(
    optimizer={"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[OPTIMIZER](RATE),
    loss="sparse_categorical_crossentropy",
    jit_compile=keras.backend.backend() == "jax",
    steps_per_execution=int(sys.argv[-1]),
)


def train_on(samples):
    while samples > 0:
        count = min(samples, len(x))
        model.fit(x[:count], y[:count], epochs=1, batch_size=BATCH, verbose=0)
        samples -= count


compete(keras.__version__, train_on, lambda test: model.predict(test, verbose=0))
