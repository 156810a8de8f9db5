"""Programs that write through the real and imaginary parts of complex arrays, which are views of them."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import program

X = np.array([0.5, 1.25, -0.75, 2.0])
Z = np.array([0.5 + 1j, 1.25 - 0.5j, -0.75 + 0.25j, 2.0 - 1j])
M = np.arange(6.0).reshape(2, 3) * 0.3 + 0.1


@program(X)
def real_set(x):
    z = x * (1 + 2j)
    z.real = x**2
    return np.sum(np.abs(z) ** 2)


@program(X)
def real_item(x):
    z = np.zeros(4, dtype=complex)
    for i in range(4):
        z.real[i] = x[i] ** 2
        z.imag[i] = x[i] * 3
    return np.sum(z * z).real


@program(X)
def imag_scaled(x):
    z = np.exp(1j * x)
    z.imag *= 2
    z.real[1:3] += x[:2]
    z.imag[::-1] = z.real * x
    return np.sum(np.abs(z) ** 4)


@program(X)
def view_kept(x):
    z = x * (1 + 1j)
    r = z.real
    im = np.imag(z)
    z *= x
    r[0] = x[3]
    im[1] = 5 * x[0]
    z[2] = 1j * x[1]
    return np.sum(r * im) + np.sum(np.abs(z) ** 2)


@program(X)
def np_real_view(x):
    z = x + 0j
    np.real(z)[1] = x[0] * x[2]
    np.imag(z)[:] = x[::-1]
    return np.sum(np.abs(z) ** 3)


@program(Z)
def complex_argument(z):
    w = z.copy()
    w.real[w.real < 0] = 0.25
    w.imag[[0, 0, 2]] = w.real[[1, 2, 3]] * 2
    return np.sum(np.abs(w) ** 2)


@program(Z)
def overlapping(z):
    w = z * 1
    w.real[1:] = w.real[:-1] * w.imag[1:]
    w.real[:] = w.imag
    return np.sum(w * w).real


@program(M)
def reshaped(m):
    z = m + 2j * m
    z.real.reshape(-1)[1] = 3 * m[0, 0]
    z.T.imag[2] = m[:, 1]
    z.imag.T[0] *= m[:, 2]
    return np.sum(np.abs(z) ** 2)


@program(M)
def ravel_copy(m):
    z = m + 2j * m
    v = z.real.ravel()
    v[0] = 7 * m[1, 1]
    return np.sum(np.abs(z) ** 2) + np.sum(v**3)


@program(X)
def add_at(x):
    z = x + 1j
    np.add.at(z.imag, [0, 0, 2], x[:3])
    np.add.at(z.real, [1, 1], x[0])
    return np.sum(np.abs(z) ** 2)


@program(X)
def out_real(x):
    z = np.empty(4, dtype=complex)
    np.sin(x, out=z.real)
    np.multiply(x, x, out=z.imag)
    return np.sum(np.abs(z) ** 2 * x)


@program(X)
def helper_real(x):
    def scale(v, s):
        v *= s
        v[0] = s

    z = x + 1j * x
    scale(z.real, x[1])
    scale(z.imag[1:], x[2])
    return np.sum(np.abs(z) ** 2 * x)


@program(X)
def real_of_real(x):
    y = x * 1.0
    y.real[1] = x[0] * 2
    y.real = y * x
    return np.sum(y**2)


@program(X)
def rows_of_parts(x):
    z = np.outer(x, x) + 1j
    for row in z.imag:
        row[0] = x[1]
        row *= 2
    for row in z:
        row.real[1] += x[0]
    return np.sum(np.abs(z) ** 2 * x)


@program(X)
def loop_view(x):
    z = np.zeros(4, complex)
    r = z.real
    for i in range(1, 4):
        r[i] = r[i - 1] * x[i] + x[0]
        z.imag[i] = r[i] ** 2
    return np.sum(np.abs(z) ** 2)


@program(X)
def exact(x):
    z = x + 0j
    z.imag[0] = -0.0
    z.real[1] = np.inf
    z.imag[2] = -0.0
    z.real[2] *= 2
    return z[0].imag + z[2].real + (1 / z[1].real)


@program(X)
def chosen(x):
    z = x * 1j
    r = z.real if x[0] > 0 else z.imag
    r[1] = x[2] * 3
    return np.sum(np.abs(z) ** 2)


@program(X)
def zero_d(x):
    z = np.array(1 + 2j)
    z.real = x[0] * x[1]
    z.imag += x[2]
    return abs(z) ** 2
