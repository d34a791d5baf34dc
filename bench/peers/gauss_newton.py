#!/usr/bin/env python3
"""Levenberg-Marquardt (MINPACK's, by scipy) or L-BFGS-B with a NumPy Jacobian, for
bench/gauss_newton.lua; one hidden layer or more, identity output, one thread.

Usage: gauss_newton.py lm|lbfgs ACTIVATION LAYERS(2,6,1) FOLDER SEEDS
FOLDER holds X_1.npy, Y_1.npy and P_1.npy (the start) and so on. Prints a line a seed: the MSE and
the processor seconds of the training alone.
"""
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from scipy.optimize import least_squares, minimize

ACTIVATIONS = {  # value, derivative by z and the value
    "tanh": (np.tanh, lambda z, a: 1 - a * a),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-np.clip(z, -700, 700))), lambda z, a: a * (1 - a)),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: (z > 0) * 1.0),
    "elu": (
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z, a: np.where(z > 0, 1, a + 1),
    ),
}


def layers_of(sizes, parameters):
    layers, at = [], 0
    for n, m in zip(sizes, sizes[1:]):
        layers.append((parameters[at : at + n * m].reshape(n, m), parameters[at + n * m : at + n * m + m]))
        at += (n + 1) * m
    return layers


def residual(sizes, name, x, y, parameters, jacobian=False):
    value, slope = ACTIVATIONS[name]
    layers = layers_of(sizes, parameters)
    taken, slopes = [x], []
    for k, (weight, bias) in enumerate(layers):
        z = taken[-1] @ weight + bias
        if k + 1 == len(layers):
            taken.append(z)
        else:
            taken.append(value(z))
            slopes.append(slope(z, taken[-1]))
    r = taken[-1] - y
    if not jacobian:
        return r.ravel()
    rows, outputs = y.shape
    J = np.zeros((rows, outputs, len(parameters)))
    for o in range(outputs):
        delta = np.zeros((rows, outputs))
        delta[:, o] = 1
        at = len(parameters)
        for k in range(len(layers) - 1, -1, -1):
            weight, bias = layers[k]
            at -= weight.size + bias.size
            product = taken[k][:, :, None] * delta[:, None, :]
            J[:, o, at : at + weight.size] = product.reshape(rows, -1)
            J[:, o, at + weight.size : at + weight.size + bias.size] = delta
            if k:
                delta = (delta @ weight.T) * slopes[k - 1]
    return r.ravel(), J.reshape(rows * outputs, -1)


def main():
    method, name, sizes, folder, seeds = sys.argv[1:6]
    sizes = [int(n) for n in sizes.split(",")]
    for seed in range(1, int(seeds) + 1):
        x, y, p = (np.load(f"{folder}/{what}_{seed}.npy") for what in "XYP")
        p = p.ravel()
        started = time.process_time()
        if method == "lm":
            end = least_squares(
                lambda q: residual(sizes, name, x, y, q), p,
                lambda q: residual(sizes, name, x, y, q, True)[1],
                method="lm", x_scale="jac", max_nfev=1000,
            ).x
        else:
            def loss(q):
                r, J = residual(sizes, name, x, y, q, True)
                return r @ r / len(r), 2 / len(r) * (J.T @ r)

            end = minimize(
                loss, p, jac=True, method="L-BFGS-B",
                options=dict(maxiter=1000, maxfun=1250, ftol=1e-15, gtol=1e-12),
            ).x
        seconds = time.process_time() - started
        r = residual(sizes, name, x, y, end)
        print(f"{r @ r / len(r):.17g} {seconds:.6f}")


main()
