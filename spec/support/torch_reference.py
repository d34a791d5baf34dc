#!/usr/bin/env python3
"""Writes spec/oracles/gradient.json: what PyTorch does with our starts, data and options.

Debian: apt install python3-torch. Run from the project's root:
    python3 spec/support/torch_reference.py > spec/oracles/gradient.json
Everything is float64; the specs only read the numbers.
"""
import json

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.1),
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def build(layers, activation):
    parts = []
    for k in range(len(layers) - 1):
        parts.append(nn.Linear(layers[k], layers[k + 1]))
        if k + 2 < len(layers):
            parts.append(ACTIVATIONS[activation]())
    return nn.Sequential(*parts)


def flat(net):
    """weight(1) row by row as inputs x outputs, bias(1), weight(2), ..."""
    values = []
    for part in net:
        if isinstance(part, nn.Linear):
            values += part.weight.detach().t().reshape(-1).tolist()
            values += part.bias.detach().tolist()
    return values


def loss_function(name, outputs):
    if name == "mse":
        return nn.MSELoss()
    if outputs == 1:
        return nn.BCEWithLogitsLoss()
    return lambda z, y: nn.functional.cross_entropy(z, y.argmax(dim=1))


def data(rows, inputs, outputs, loss, generator):
    x = torch.randn(rows, inputs, generator=generator)
    w = torch.randn(inputs, outputs, generator=generator)
    z = torch.sin(x @ w) + 0.1 * torch.randn(rows, outputs, generator=generator)
    if loss == "mse":
        return x, z
    if outputs == 1:
        return x, (z > 0).to(x.dtype)
    return x, nn.functional.one_hot(z.argmax(dim=1), outputs).to(x.dtype)


def optimiser(trainer, parameters, options):
    lr, decay = options["learning_rate"], options.get("weight_decay", 0)
    if trainer == "sgd":
        return torch.optim.SGD(parameters, lr=lr, weight_decay=decay,
                               momentum=options.get("momentum", 0),
                               dampening=options.get("dampening", 0),
                               nesterov=options.get("nesterov", False))
    if trainer == "adam":
        rule = torch.optim.AdamW if options.get("decoupled", False) else torch.optim.Adam
        return rule(parameters, lr=lr, weight_decay=decay,
                    betas=(options.get("beta1", 0.9), options.get("beta2", 0.999)),
                    eps=options.get("epsilon", 1e-8), amsgrad=options.get("amsgrad", False))
    if trainer == "adagrad":
        return torch.optim.Adagrad(parameters, lr=lr, weight_decay=decay,
                                   lr_decay=options.get("learning_rate_decay", 0),
                                   eps=options.get("epsilon", 1e-10))
    return torch.optim.LBFGS(parameters, lr=lr, max_iter=options["iterations"],
                             history_size=options.get("memory", 10))


def train_batches(net, x, y, criterion, step, options):
    """The mean over an epoch's batches, as they were seen; parameters after each epoch."""
    losses, trajectory = [], []
    size = options["batch_size"]
    for _ in range(options["epochs"]):
        seen = 0.0
        for first in range(0, len(x), size):
            bx, by = x[first:first + size], y[first:first + size]
            step.zero_grad()
            loss = criterion(net(bx), by)
            loss.backward()
            step.step()
            seen += loss.item() * len(bx)
        losses.append(seen / len(x))
        trajectory.append(flat(net))
    return losses, trajectory


def train_full(net, x, y, criterion, step, penalty):
    """L-BFGS evaluates as it likes: the objective of every evaluation."""
    losses = []

    def closure():
        step.zero_grad()
        loss = criterion(net(x), y)
        if penalty > 0:
            loss = loss + penalty * sum((p * p).sum() for p in net.parameters())
        loss.backward()
        losses.append(loss.item())
        return loss

    step.step(closure)
    return losses, [flat(net)]


def case(name, trainer, layers, activation, loss, rows, options, seed):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    net = build(layers, activation)
    start = flat(net)
    x, y = data(rows, layers[0], layers[-1], loss, generator)
    criterion = loss_function(loss, layers[-1])
    step = optimiser(trainer, net.parameters(), options)
    if trainer == "lbfgs":
        losses, trajectory = train_full(net, x, y, criterion, step, options.get("lambda", 0))
    else:
        losses, trajectory = train_batches(net, x, y, criterion, step, options)
    return {"name": name, "trainer": trainer, "layers": layers, "activation": activation,
            "loss": loss, "options": options, "X": x.tolist(), "Y": y.tolist(), "start": start,
            "losses": losses, "parameters": trajectory[-1],
            "final_loss": criterion(net(x), y).item()}


CASES = [
    ("sgd", "sgd", [3, 5, 2], "tanh", "mse", 20,
     {"learning_rate": 0.1, "batch_size": 5, "epochs": 5}),
    ("sgd, momentum and weight decay, batches that do not divide the rows", "sgd", [2, 6, 1],
     "sigmoid", "cross_entropy", 23,
     {"learning_rate": 0.2, "momentum": 0.9, "weight_decay": 0.01, "batch_size": 8, "epochs": 7}),
    ("sgd, Nesterov", "sgd", [3, 4, 4, 3], "relu", "cross_entropy", 20,
     {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.001,
      "batch_size": 4, "epochs": 4}),
    ("adam", "adam", [4, 6, 2], "leaky_relu", "mse", 20,
     {"learning_rate": 0.001, "batch_size": 5, "epochs": 5}),
    ("adam, weight decay and other moments, one batch larger than the data", "adam", [2, 5, 5, 3],
     "elu", "cross_entropy", 20,
     {"learning_rate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.05,
      "batch_size": 64, "epochs": 20}),
    ("adagrad", "adagrad", [3, 5, 1], "elu", "mse", 20,
     {"learning_rate": 0.05, "batch_size": 5, "epochs": 5}),
    ("adagrad, weight decay", "adagrad", [2, 4, 1], "relu", "cross_entropy", 21,
     {"learning_rate": 0.1, "weight_decay": 0.02, "epsilon": 1e-6, "batch_size": 6, "epochs": 5}),
    ("lbfgs", "lbfgs", [3, 6, 2], "tanh", "mse", 30,
     {"learning_rate": 1, "iterations": 20}),
    ("lbfgs, short memory and steps", "lbfgs", [2, 5, 4, 3], "sigmoid", "cross_entropy", 30,
     {"learning_rate": 0.5, "iterations": 20, "memory": 4}),
    ("lbfgs, relu", "lbfgs", [3, 8, 1], "relu", "mse", 40,
     {"learning_rate": 0.1, "iterations": 20}),
    ("sgd, dampened momentum and weight decay", "sgd", [3, 5, 2], "tanh", "mse", 22,
     {"learning_rate": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02,
      "batch_size": 6, "epochs": 6}),
    ("adam, amsgrad", "adam", [3, 5, 2], "tanh", "mse", 20,
     {"learning_rate": 0.05, "beta2": 0.9, "amsgrad": True, "weight_decay": 0.01, "batch_size": 5,
      "epochs": 8}),
    ("adam, decoupled (AdamW)", "adam", [2, 6, 1], "sigmoid", "cross_entropy", 23,
     {"learning_rate": 0.02, "weight_decay": 0.3, "decoupled": True, "batch_size": 8,
      "epochs": 8}),
    ("adam, decoupled amsgrad", "adam", [2, 5, 3], "elu", "cross_entropy", 20,
     {"learning_rate": 0.03, "beta2": 0.95, "weight_decay": 0.1, "decoupled": True,
      "amsgrad": True, "batch_size": 6, "epochs": 8}),
    ("adagrad, decay of the learning rate", "adagrad", [3, 5, 1], "relu", "mse", 21,
     {"learning_rate": 0.1, "learning_rate_decay": 0.05, "weight_decay": 0.02, "batch_size": 6,
      "epochs": 6}),
    ("lbfgs, lambda", "lbfgs", [3, 6, 2], "tanh", "mse", 30,
     {"learning_rate": 0.7, "iterations": 20, "lambda": 0.01}),
    ("lbfgs, lambda and cross-entropy", "lbfgs", [2, 5, 3], "sigmoid", "cross_entropy", 30,
     {"learning_rate": 0.5, "iterations": 20, "memory": 4, "lambda": 0.003}),
]

if __name__ == "__main__":
    print(json.dumps([case(*c, seed=k + 1) for k, c in enumerate(CASES)], indent=None))
