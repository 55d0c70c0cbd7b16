"""PyTorch. usage: torch_peer.py TASK eager|compile"""
import sys

from task import ACTIVATION, OPTIMIZER, RATE, SIZES, batches, compete, load, np, task
import torch

torch.set_num_threads(task["threads"])
torch.manual_seed(0)
images, labels = load("train")
x, y = torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))
activation = {"sigmoid": torch.nn.Sigmoid, "relu": torch.nn.ReLU}[ACTIVATION]
layers = [layer for shape in zip(SIZES, SIZES[1:]) for layer in (torch.nn.Linear(*shape), activation())]
model = torch.nn.Sequential(*layers[:-1])
if OPTIMIZER == "adam":
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, eps=1e-7, fused=True)
else:
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, fused=True)
cross_entropy = torch.nn.CrossEntropyLoss()


def loss(batch, targets):
    return cross_entropy(model(batch), targets)


if sys.argv[2] == "compile":
    loss = torch.compile(loss)
rng = np.random.default_rng(0)


def train_on(samples):
    for rows in torch.from_numpy(batches(rng, len(x), samples)):
        optimizer.zero_grad()
        loss(x[rows], y[rows]).backward()
        optimizer.step()


def test_scores(test):
    with torch.no_grad():
        return model(torch.from_numpy(test)).numpy()


compete(torch.__version__, train_on, test_scores)
