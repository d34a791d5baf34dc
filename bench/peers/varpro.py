#!/usr/bin/env python3
"""Adam by PyTorch, fitted to a time, for bench/varpro.lua: float32, one thread, batches of 256 rows,
the rate from 0.03 to 3e-5 along a cosine of the processor time used.

Usage: varpro.py X.npy Y.npy HIDDEN SEED SECONDS...
Prints, of a run for each of these times, the training MSE; and the version.
"""
import math
import sys
import time

import numpy as np
import torch

BATCH, FIRST_RATE, LAST_RATE = 256, 0.03, 3e-5


def train(x, y, hidden, seed, budget):
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, y.shape[1])
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=FIRST_RATE)
    loss_of = torch.nn.MSELoss()
    started, share = time.process_time(), 0.0
    while share < 1:
        order = torch.randperm(len(x))
        for first in range(0, len(x), BATCH):
            share = (time.process_time() - started) / budget
            if share >= 1:
                break
            rate = LAST_RATE + (FIRST_RATE - LAST_RATE) * (1 + math.cos(math.pi * share)) / 2
            optimizer.param_groups[0]["lr"] = rate
            rows = order[first : first + BATCH]
            optimizer.zero_grad(set_to_none=True)
            loss_of(net(x[rows]), y[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        return loss_of(net(x), y).item()


def main():
    x, y, hidden, seed, *budgets = sys.argv[1:]
    torch.set_num_threads(1)
    x, y = (torch.from_numpy(np.load(name).astype(np.float32)) for name in (x, y))
    train(x, y, int(hidden), 0, 0.2)  # libraries are loaded, memory is there
    losses = [train(x, y, int(hidden), int(seed), float(budget)) for budget in budgets]
    print(*("%.8g" % loss for loss in losses), torch.__version__)


main()
