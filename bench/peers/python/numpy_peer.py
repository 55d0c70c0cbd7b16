"""NumPy from scratch: forward, backward and the optimizer by hand."""
from task import ACTIVATION, CLASSES, OPTIMIZER, RATE, SIZES, batches, compete, glorot, load, np

x, y = load("train")
rng = np.random.default_rng(0)
one_hot = np.eye(CLASSES, dtype=np.float32)
layers = [(glorot(rng, *shape), np.zeros(shape[1], np.float32)) for shape in zip(SIZES, SIZES[1:])]
parameters = [p for layer in layers for p in layer]
means = [np.zeros_like(p) for p in parameters]
squares = [np.zeros_like(p) for p in parameters]
steps = 0
activate, slope_at = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda h: h * (1 - h)),
    "relu": (lambda z: np.maximum(z, 0), lambda h: h > 0),
}[ACTIVATION]


def forward(batch):
    """What goes into each layer, and the logits."""
    inputs = [batch]
    for w, b in layers[:-1]:
        inputs.append(activate(inputs[-1] @ w + b))
    w, b = layers[-1]
    return inputs, inputs[-1] @ w + b


def step(rows):
    inputs, logits = forward(x[rows])
    powers = np.exp(logits - logits.max(1, keepdims=True))
    error = (powers / powers.sum(1, keepdims=True) - one_hot[y[rows]]) / np.float32(len(rows))
    gradients = []
    for i in reversed(range(len(layers))):
        gradients = [inputs[i].T @ error, error.sum(0), *gradients]
        if i > 0:
            error = error @ layers[i][0].T * slope_at(inputs[i])
    sgd(gradients) if OPTIMIZER == "sgd" else adam(gradients)


def sgd(gradients):
    for p, g in zip(parameters, gradients):
        p -= np.float32(RATE) * g


def adam(gradients):
    global steps
    steps += 1
    rate = np.float32(RATE * np.sqrt(1 - 0.999**steps) / (1 - 0.9**steps))
    for p, g, m, v in zip(parameters, gradients, means, squares):
        m += np.float32(0.1) * (g - m)
        v += np.float32(0.001) * (g * g - v)
        p -= rate * m / (np.sqrt(v) + np.float32(1e-7))


def train_on(samples):
    for rows in batches(rng, len(x), samples):
        step(rows)


compete(np.__version__, train_on, lambda test: forward(test)[1])
