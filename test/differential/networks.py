"""A whole fit, evaluate and predict of a dense network in plain NumPy: what the sum of all parts must come to."""

import numpy as np

from call import Near, Stub, complaint
from elementwise import logistic
from memory import permutation

ACTIVATIONS = {  # y of x, and dx of dy, x and y
    "Sigmoid": (logistic, lambda dy, x, y: dy * y * (1 - y)),
    "Tanh": (np.tanh, lambda dy, x, y: dy * (1 - y * y)),
    "Relu": (lambda x: np.maximum(x, 0), lambda dy, x, y: dy * (x > 0)),
    "LeakyRelu": (lambda x: np.where(x < 0, x * 0.01, x), lambda dy, x, y: np.where(x < 0, dy * 0.01, dy)),
    "Softmax": (lambda x: rows(x), lambda dy, x, y: y * (dy - (dy * y).sum(-1, keepdims=True))),
}
TOLERANCE = {"float32": 3e-4, "float64": 1e-9}  # a step of Adam divides by gradients that may be near 0


def rows(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class Order:
    """As much of a command as memory.permutation reads."""

    def __init__(self, n, rng):
        self.n, self.rng = [n], rng

    def raw(self, name):
        return self.rng


class Network:
    def __init__(self, spec, weights):
        self.spec, self.w = spec, weights
        self.memory = [[np.zeros_like(w) for w in weights] for _ in range(2)]
        self.t = 0

    def forward(self, x):
        self.seen = [x]
        place = 0
        for layer in self.spec["layers"]:
            if layer == "Affine":
                x = x @ self.w[place] + self.w[place + 1]
                place += 2
            else:
                x = ACTIVATIONS[layer][0](x)
            self.seen.append(x)
        return x

    def loss(self, p, t):
        """Its mean over the batch, and dL/dp."""
        n, kind = len(p), self.spec["loss"]
        if kind == "meanSquaredError":
            return ((p - t) ** 2).mean(), 2 * (p - t) / p.size
        if kind == "binaryCrossentropy":
            return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(), (p - t) / (p * (1 - p)) / p.size
        return -(t * np.log(p)).sum() / n, -t / p / n

    def figures(self, p, t):
        best = (p > 0.5) == (t > 0.5) if p.shape[1] == 1 else p.argmax(1) == t.argmax(1)
        return [self.loss(p, t)[0], best.mean(), ((p - t) ** 2).mean()]

    def train(self, x, t):
        p = self.forward(x)
        figures, dy = self.figures(p, t), self.loss(p, t)[1]
        gradients, place = [None] * len(self.w), len(self.w)
        for layer, x, y in reversed(list(zip(self.spec["layers"], self.seen, self.seen[1:]))):
            if layer == "Affine":
                place -= 2
                gradients[place], gradients[place + 1] = x.T @ dy, dy.sum(0)
                dy = dy @ self.w[place].T
            else:
                dy = ACTIVATIONS[layer][1](dy, x, y)
        self.t += 1
        for i, g in enumerate(gradients):
            self.w[i] = self.step(self.w[i], g, i)
        return figures

    def step(self, w, g, i):
        o = self.spec["optimizer"]
        lr, (m, v) = o["learningRate"], self.memory
        w = w - lr * o["weightDecay"] * w
        if o["kind"] == "SGD":
            m[i] = o["momentum"] * m[i] - lr * g
            return w + (o["momentum"] * m[i] - lr * g if o["nesterov"] else m[i])
        if o["kind"] == "RMSProp":
            v[i] = o["rho"] * v[i] + (1 - o["rho"]) * g * g
            return w - lr * g / np.sqrt(v[i] + o["epsilon"])
        m[i] = o["beta1"] * m[i] + (1 - o["beta1"]) * g
        v[i] = o["beta2"] * v[i] + (1 - o["beta2"]) * g * g
        a = lr * np.sqrt(1 - o["beta2"] ** self.t) / (1 - o["beta1"] ** self.t)
        return w - a * m[i] / (np.sqrt(v[i]) + o["epsilon"])


def fit(network, x, t):
    """Logs of epochs [loss, accuracy, mse, and the same of the validation], of steps; of evaluate at last."""
    s = network.spec
    rng = np.array([s["seed"], 1 << 21, 0, 0], np.int32)
    kept = int(np.floor(len(x) * (1 - s["validation"])))
    epochs, steps = [], []
    for _ in range(s["epochs"]):
        order = np.arange(kept)
        if s["shuffle"]:
            result = permutation(Order(kept, rng))
            order, rng = result["y"].value, result["rng"].value
        batches = [order[at:at + s["batchSize"]] for at in range(0, kept, s["batchSize"])]
        logs = [network.train(x[b], t[b]) for b in batches]
        steps += logs
        epochs.append(np.average(np.array(logs), 0, [len(b) for b in batches]))
        if kept < len(x):
            epochs[-1] = np.concatenate([epochs[-1], network.figures(network.forward(x[kept:]), t[kept:])])
    return np.array(epochs), np.array(steps)


def judged(header, arrays):
    """A line of JSON about a whole training; the arrays are x, t, weights and, by backend, what came of them."""
    call = Stub(header["dtype"])
    named = {(where, name): a for (where, name, *_), a in zip(header["arrays"], arrays)}
    spec = header["network"]
    weights = [named["before", f"w{i}"].astype(call.wide).reshape(s) for i, s in enumerate(header["shapes"])]
    x, t = (named["before", k].astype(call.wide).reshape(spec["rows"], -1) for k in ("x", "t"))
    network = Network(spec, weights)
    epochs, steps = fit(network, x, t)
    p = network.forward(x)
    expected = {"epochs": epochs, "steps": steps, "evaluate": np.array(network.figures(p, t)), "predict": p}
    expected |= {f"w{i}": w for i, w in enumerate(network.w)}
    for (where, name), got in named.items():
        if where == "before":
            continue
        value = expected[name]
        if name in ("epochs", "steps", "evaluate"):
            column = np.arange(value.shape[-1]) % 3
            keep = column != 1 if header["dtype"] == "float32" else column >= 0  # a row at the border counts on either side
            if spec["loss"].startswith("sparse"):
                keep &= column != 2  # labels have no squared error
            value, got = value[..., keep], got.reshape(value.shape)[..., keep].reshape(-1)
        bound = TOLERANCE[header["dtype"]] * np.maximum(1, np.abs(value))
        error, share = complaint(call, name, Near(value, bound), got)
        if error:
            return {"error": f"{where}: {error}"}
    return {"worst": 0}
