"""Exceptions of the user's classes, with what these hold, and handlers of several classes."""

import numpy as np

from tests.programs.registry import program

X = np.array([0.4, -0.7, 1.3, 0.9, -0.2])


class Out(Exception):
    def __init__(self, message, value):
        super().__init__(message)
        self.value = value


class Far(Out):
    pass


class Coded(ValueError):
    def __init__(self, message, *, value=0.0, code=1):
        ValueError.__init__(self, f"{message} {code}")
        self.value = value
        self.code = code

    def __str__(self):
        return "coded " + self.args[0]


def checked(v):
    if v > 1.0:
        raise Far("far", v**3)
    if v < 0.0:
        raise Out("out", v * v)
    return v


@program(X, alone=False)
def values_in_exceptions(x):
    s = 0.0
    for v in x:
        try:
            s += checked(v)
        except Out as error:
            s += error.value * 3.0 * len(error.args) + len(error.args[0])
    return s


@program(X, alone=False)
def values_by_name_in_exceptions(x):
    s = 0.0
    for v in x:
        try:
            if v < 0:
                raise Coded("negative", value=v * v, code=3)
            s += v
        except ValueError as error:
            print(error)
            s += error.value * error.code * len(str(error))
    return s


@program(X, alone=False)
def exceptions_from_exceptions(x):
    s = 0.0
    for v in x:
        try:
            try:
                if v < 0:
                    raise Out("inner", v)
                s += v
            except Out as error:
                raise Far("outer", error.value * 2.0) from error
        except Far as error:
            s += error.value**2
        finally:
            s *= 1.5
    return s


@program(X)
def handlers_of_several_classes(x):
    s = 0.0
    for v in x:
        try:
            if v < 0:
                raise ValueError("negative", v)
            if v > 1.0:
                raise KeyError("large", v * v)
            s += v
        except (ValueError, KeyError) as error:
            s += error.args[-1] * 5.0 + len(error.args[0])
    return s


@program(X)
def texts_of_several_classes(x):
    s = 0.0
    for v in x:
        try:
            if v < 0:
                raise ValueError("negative")
            s += 1.0 / v if v < 1.0 else checked_ratio(v)
        except (ValueError, RuntimeError) as error:
            print(error, f"{error}")
            s += v * 5.0
    return s


def checked_ratio(v):
    if v > 1.2:
        raise RuntimeError("large")
    return v * v
