#!/usr/bin/env python3
"""One training by PyTorch or scikit-learn, for bench/gradient.lua; float64, one thread.

Usage: gradient.py torch|sklearn adam|lbfgs X.npy Y.npy HIDDEN ITERATIONS BATCH RATE SEED
Prints the seconds of the training alone, the training MSE, the iterations made and the version.
"""
import sys
import time
import warnings

import numpy as np


def with_torch(x, y, hidden, iterations, batch, rate, seed):
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(seed)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, y.shape[1])
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    loss_of = torch.nn.MSELoss()
    started = time.perf_counter()
    for _ in range(iterations):
        order = torch.randperm(len(x))
        for first in range(0, len(x), batch):
            rows = order[first : first + batch]
            optimizer.zero_grad()
            loss_of(net(x[rows]), y[rows]).backward()
            optimizer.step()
    seconds = time.perf_counter() - started
    with torch.no_grad():
        return seconds, loss_of(net(x), y).item(), iterations, torch.__version__


def with_sklearn(x, y, hidden, iterations, batch, rate, seed, solver):
    import sklearn
    from sklearn.neural_network import MLPRegressor

    warnings.filterwarnings("ignore")  # that it has not converged
    net = MLPRegressor(
        hidden_layer_sizes=(hidden,), activation="relu", solver=solver, alpha=0, tol=0,
        max_iter=iterations, n_iter_no_change=10**9, batch_size=batch, learning_rate_init=rate,
        random_state=seed,
    )
    y = y.ravel()
    started = time.perf_counter()
    net.fit(x, y)
    seconds = time.perf_counter() - started
    return seconds, np.mean((net.predict(x) - y) ** 2), net.n_iter_, sklearn.__version__


def main():
    peer, solver, x, y, *numbers = sys.argv[1:]
    x, y = np.load(x), np.load(y)
    hidden, iterations, batch, rate, seed = (float(n) for n in numbers)
    common = (x, y, int(hidden), int(iterations), int(batch), rate, int(seed))
    result = with_torch(*common) if peer == "torch" else with_sklearn(*common, solver)
    print("%.6f %.10g %d %s" % result)


main()
