"""Peers of lsqnet.fit on one fold: scikit-learn's, as bench/tables.lua writes it.

Usage: tables.py STEM numbers|classes. Prints name, RMSE or log loss, processor seconds a line.
"""
import sys
import time
import warnings

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")


def scaled(model):
    return TransformedTargetRegressor(make_pipeline(StandardScaler(), model), transformer=StandardScaler())


def tuned(x, y):
    """Five settings on a fifth held out, and a refit."""
    order = np.random.RandomState(1).permutation(len(x))
    held, kept = order[:len(x) // 5], order[len(x) // 5:]
    settings = ((.05, 15, 300), (.1, 31, 200), (.05, 7, 600), (.1, 63, 150), (.03, 31, 600))

    def make(rate, leaves, count):
        return HistGradientBoostingRegressor(learning_rate=rate, max_leaf_nodes=leaves, max_iter=count,
                                             early_stopping=False, min_samples_leaf=10, random_state=0)

    errors = [((make(*s).fit(x[kept], y[kept]).predict(x[held]) - y[held]) ** 2).mean() for s in settings]
    return make(*settings[int(np.argmin(errors))]).fit(x, y)


def regressors(n):
    yield "ridge", lambda x, y: scaled(RidgeCV(np.logspace(-3, 4, 15))).fit(x, y)
    yield "hgb", lambda x, y: HistGradientBoostingRegressor(random_state=0).fit(x, y)
    yield "hgb_tuned", tuned
    yield "forest", lambda x, y: RandomForestRegressor(100, min_samples_leaf=2, random_state=0).fit(x, y)
    yield "mlp_lbfgs", lambda x, y: scaled(MLPRegressor(
        (100,), solver="lbfgs", alpha=1, max_iter=500 if n < 9000 else 200, random_state=0)).fit(x, y)
    yield "mlp", lambda x, y: scaled(MLPRegressor(random_state=0)).fit(x, y)


def classifiers(_):
    yield "logistic", lambda x, y: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x, y)
    yield "hgb", lambda x, y: HistGradientBoostingClassifier(random_state=0).fit(x, y)
    yield "forest", lambda x, y: RandomForestClassifier(100, min_samples_leaf=2, random_state=0).fit(x, y)
    yield "mlp", lambda x, y: make_pipeline(StandardScaler(), MLPClassifier(random_state=0)).fit(x, y)


def main():
    stem, kind = sys.argv[1:]
    parts = {f"{p}-{v}": np.load(f"{stem}-{p}-{v}.npy") for p in ("train", "test") for v in "xy"}
    x, y = parts["train-x"], parts["train-y"].ravel()
    x_test, y_test = parts["test-x"], parts["test-y"].ravel()
    for name, fit in (classifiers if kind == "classes" else regressors)(len(x)):
        started = time.process_time()
        model = fit(x, y)
        seconds = time.process_time() - started
        if kind == "classes":
            score = log_loss(y_test, model.predict_proba(x_test), labels=model.classes_)
        else:
            score = float(np.sqrt(((model.predict(x_test) - y_test) ** 2).mean()))
        print(name, score, round(seconds, 3), flush=True)


main()
