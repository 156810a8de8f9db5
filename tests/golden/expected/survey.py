import numpy as np


def survey_value_and_vjp(x1, x2, y_bar=1.0):
    # forward sweep
    y = np.log(x1) + x1 * x2 - np.sin(x2)

    # reverse sweep
    # y = np.log(x1) + x1*x2 - np.sin(x2)  # fmt: skip
    x2_bar = y_bar * x1 - y_bar * np.cos(x2)
    x1_bar = y_bar / x1 + y_bar * x2
    return y, (x1_bar, x2_bar)
