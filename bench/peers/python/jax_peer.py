"""JAX at its best: the data on the device, a whole run of steps compiled as one scan."""
import functools

import jax
import jax.numpy as jnp
from task import ACTIVATION, BATCH, OPTIMIZER, RATE, SIZES, batches, compete, glorot, load, np, task

images, labels = load("train")
x, y = jnp.array(images), jnp.array(labels.astype(np.int32))
rng = np.random.default_rng(0)
parameters = [(jnp.array(glorot(rng, *shape)), jnp.zeros(shape[1])) for shape in zip(SIZES, SIZES[1:])]
activation = {"sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu}[ACTIVATION]


def forward(p, h):
    for w, b in p[:-1]:
        h = activation(h @ w + b)
    w, b = p[-1]
    return h @ w + b


def loss(p, batch, targets):
    return -jnp.take_along_axis(jax.nn.log_softmax(forward(p, batch)), targets[:, None], 1).mean()


def step(state, rows):
    p, m, v, t = state
    g = jax.grad(loss)(p, x[rows], y[rows])
    if OPTIMIZER == "sgd":
        return (jax.tree.map(lambda w, a: w - RATE * a, p, g), m, v, t), None
    t = t + 1
    m = jax.tree.map(lambda a, b: a + 0.1 * (b - a), m, g)
    v = jax.tree.map(lambda a, b: a + 0.001 * (b * b - a), v, g)
    rate = RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    p = jax.tree.map(lambda w, a, b: w - rate * a / (jnp.sqrt(b) + 1e-7), p, m, v)
    return (p, m, v, t), None


@functools.partial(jax.jit, donate_argnums=0)
def run(state, rows):
    return jax.lax.scan(step, state, rows)[0]


zeros = functools.partial(jax.tree.map, jnp.zeros_like)
state = (parameters, zeros(parameters), zeros(parameters), jnp.float32(0))
SCAN = 200  # steps a call; what remains of a run is a call of its own, so the warm-up compiles both
task["warmUp"] = (SCAN + task["samples"] // BATCH % SCAN) * BATCH


def train_on(samples):
    global state
    rows = batches(rng, len(x), samples)
    whole = len(rows) // SCAN * SCAN
    for part in [*rows[:whole].reshape(-1, SCAN, rows.shape[1]), rows[whole:]]:
        if len(part):
            state = run(state, jnp.array(part))
    jax.block_until_ready(state)


compete(jax.__version__, train_on, lambda test: forward(state[0], jnp.array(test)))
