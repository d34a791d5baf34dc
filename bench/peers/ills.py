#!/usr/bin/env python3
"""ILLS in numpy for bench/ills.lua: one hidden layer, one output, the specification's iteration in
the published form ("paper") and the guarded one ("robust").

Usage: ills.py ORACLES.json X.npy Y.npy PARAMETERS.npy paper|robust ITERATIONS RUNS
Checks itself against the oracles, then prints microseconds an iteration, the same a try, the least
loss and numpy's version.
"""
import json
import sys
import time

import numpy as np

ACTIVATIONS = {  # value, derivative by the value, inverse by the margin
    "tanh": (
        np.tanh,
        lambda a: 1 - a * a,
        lambda a, margin: np.arctanh(np.clip(a, margin - 1, 1 - margin)),
    ),
    "linear": (lambda z: z, np.ones_like, lambda a, margin: a),
}


def leaky(alpha):
    return (
        lambda z: np.where(z < 0, alpha * z, z),
        lambda a: np.where(a > 0, 1.0, alpha),
        lambda a, margin: np.where(a < 0, a / alpha, a),
    )


class Ills:
    def __init__(self, x, y, theta, hidden, output, options):
        self.f, self.slope, self.inverse = hidden
        self.g, self.output_slope, output_inverse = output
        self.options = options
        self.p = np.column_stack([x, np.ones(len(x))])
        self.y = y
        self.secant = options["weight"] == "secant" and output is ACTIVATIONS["tanh"]
        self.clipped = np.clip(y, options["eps_y"] - 1, 1 - options["eps_y"]) if self.secant else y
        self.target = output_inverse(y, options["eps_y"])
        self.theta = [t.copy() for t in theta]
        self.damping = options["ridge_dev"]
        self.tries = 0
        self.spent = []  # seconds of each iteration

    def forward(self, theta):
        z = self.p @ theta[0]
        h = self.f(z)
        u = np.column_stack([h, np.ones(len(h))])
        out = u @ theta[1]
        return z, h, u, out

    def weights(self, out):
        gap = self.target - out
        near = np.abs(gap) < 1e-9
        secant = np.abs((self.clipped - self.g(out)) / np.where(near, 1.0, gap))
        return np.maximum(np.where(near, self.output_slope(self.g(self.target)), secant), 1e-6)

    def fit_output(self, theta):
        z, h, u, out = self.forward(theta)
        a, b = u, self.target
        if self.secant:
            w = self.weights(out)
            a, b = w[:, None] * u, w * b
        theta[1] = np.linalg.lstsq(a, b, rcond=self.options["rcond"])[0]
        return z, h, u, u @ theta[1]

    def objective(self, out):
        residual = self.clipped - self.g(out) if self.secant else self.target - out
        return residual @ residual / len(residual)

    def loss(self, out):
        residual = self.g(out) - self.y
        return residual @ residual / len(residual)

    def hidden(self, z, h, u, out):
        """The hidden layer after one sweep, from an output layer that is fitted."""
        o, p = self.options, self.p
        residual, w = self.target - out, self.theta[1][:-1]
        slope = self.slope(h)
        g = slope * w
        if self.secant:
            s = self.weights(out)
            residual, g, u = s * residual, s[:, None] * g, s[:, None] * u
        a = (p[:, :, None] * g[:, None, :]).reshape(len(p), -1)
        if o["joint"]:
            q = np.linalg.qr(u)[0]
            a -= q @ (q.T @ a)
        if self.damping == 0:
            d = np.linalg.lstsq(a, residual, rcond=o.get("deviation_rcond", o["rcond"]))[0]
        else:
            gram = a.T @ a
            gram.flat[:: len(gram) + 1] += self.damping * gram.trace() / len(gram)
            d = np.linalg.solve(gram, a.T @ residual)
        step = slope * (p @ d.reshape(p.shape[1], -1))
        target = self.inverse(h + o["rho"] * step, o["eps"])
        if o["anchor"]:
            cap = np.inf if o["tcap"] is None else o["tcap"]
            target = z + np.clip(target - self.inverse(h, o["eps"]), -cap, cap)
        return np.linalg.lstsq(p, target, rcond=o["rcond"])[0]

    def run_first(self, iterations):
        losses = [self.loss(self.forward(self.theta)[3])]
        for _ in range(iterations):
            started = time.perf_counter()
            at = self.fit_output(self.theta)
            self.theta[0] = self.hidden(*at)
            losses.append(self.loss(self.forward(self.theta)[3]))
            self.tries += 1
            self.spent.append(time.perf_counter() - started)
        return losses

    def run_guarded(self, iterations):
        losses = [self.loss(self.forward(self.theta)[3])]
        at = self.fit_output(self.theta)
        stalls = 0
        while len(losses) <= iterations and stalls < 3:
            started = time.perf_counter()
            base, gain = self.objective(at[3]), 0
            for _ in range(7):
                self.tries += 1
                trial = [self.hidden(*at), self.theta[1]]
                there = self.fit_output(trial)
                after = self.objective(there[3])
                if after <= base:
                    self.damping = max(self.damping / 3, 1e-14)
                    self.theta, at, gain = trial, there, (base - after) / base
                    break
                self.damping = max(self.damping, 1e-12) * 10
            stalls = 0 if gain > 1e-12 else stalls + 1
            losses.append(self.loss(at[3]))
            self.spent.append(time.perf_counter() - started)
        return losses

    def run(self, iterations):
        return (self.run_guarded if self.options["guard"] else self.run_first)(iterations)


def check(path):
    with open(path) as file:
        cases = json.load(file)["cases"]
    checked = 0
    for case in cases:
        if len(case["sizes"]) != 3 or case["sizes"][2] != 1:
            continue
        activations = [
            leaky(case["options"]["alpha"]) if name == "leaky" else ACTIVATIONS[name]
            for name in case["acts"]
        ]
        theta = [np.array(t) for t in case["theta0"]]
        ills = Ills(
            np.array(case["X"]), np.array(case["Y"]).ravel(), [theta[0], theta[1].ravel()],
            *activations, case["options"],
        )
        losses = ills.run(20)
        for k, expected in case["mse"].items():
            if not abs(losses[int(k)] / expected - 1) <= case["rtol"][k]:
                sys.exit("%s, iteration %s: %r expected, got %r"
                         % (case["name"], k, expected, losses[int(k)]))
        checked += 1
    if checked < 3:
        sys.exit("too few oracles: %d" % checked)


VARIANTS = {
    "paper": dict(rho=0.3, eps=1e-6, eps_y=1e-6, ridge_dev=0.0, rcond=1e-10, deviation_rcond=1e-8,
                  weight="none", joint=False, guard=False, anchor=False, tcap=None),
    "robust": dict(rho=1.0, eps=1e-6, eps_y=1e-3, ridge_dev=1e-3, rcond=1e-10, weight="secant",
                   joint=True, guard=True, anchor=True, tcap=1.0),
}


def main():
    oracles, x, y, parameters, variant, iterations, runs = sys.argv[1:]
    check(oracles)
    x, y, parameters = np.load(x), np.load(y).ravel(), np.load(parameters).ravel()
    inputs = x.shape[1]
    hidden = (len(parameters) - 1) // (inputs + 2)
    split = (inputs + 1) * hidden
    theta = [parameters[:split].reshape(inputs + 1, hidden), parameters[split:]]
    spent = []
    for _ in range(int(runs)):
        ills = Ills(x, y, theta, ACTIVATIONS["tanh"], ACTIVATIONS["tanh"], VARIANTS[variant])
        losses = ills.run(int(iterations))
        spent.append(ills.spent)
    # Every run does the same: of each iteration the time in which nothing else ran.
    fastest = 1e6 * np.min(spent, axis=0).sum()
    print("%.1f %.1f %.10g %s" % (fastest / len(spent[0]), fastest / ills.tries, min(losses),
                                  np.__version__))


main()
