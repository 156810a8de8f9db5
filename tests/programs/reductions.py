"""Reductions with axes, products of every rank, linear algebra."""

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9])
M = np.array([[0.5, -1.2, 0.3, 0.9], [0.8, 0.1, -0.4, 1.4], [1.1, 0.6, 0.9, -0.2]])
T = np.sin(np.arange(24.0) * 1.7).reshape(2, 3, 4)
S = np.array([[2.0, 0.3, -0.1], [0.4, 1.5, 0.2], [-0.3, 0.1, 1.8]])


@program(M)
def sums_along_axes(x):
    return np.sum(x.sum(axis=0) ** 2) + np.sum(np.sum(x, axis=1) ** 3) + x.sum() * np.sum(x, axis=-1)[0]


@program(M)
def sums_kept_dimensions(x):
    return np.sum((x / (3.0 + x.sum(axis=1, keepdims=True))) ** 2) + np.sum(x * x.mean(axis=0, keepdims=True))


@program(T)
def sums_over_tuple_axes(x):
    return np.sum(np.sum(x, axis=(0, 2)) ** 2) + np.sum(np.mean(x, axis=(1, -1), keepdims=True) ** 3)


@program(M)
def means_and_variances(x):
    return np.mean(x) * np.var(x) + np.sum(np.var(x, axis=0) * np.mean(x, axis=0)) + np.sum(x.std(axis=1))


@program(M)
def variances_with_correction(x):
    return np.var(x, ddof=1) + np.sum(np.std(x, axis=1, ddof=1, keepdims=True) * x)


@program(M)
def maxima_and_minima(x):
    return x.max() * x.min() + np.sum(np.max(x, axis=0) ** 2) + np.sum(np.min(x, axis=1, keepdims=True) * x)


@program(M)
def products(x):
    return np.prod(x) + np.sum(np.prod(x, axis=0)) + np.sum(x.prod(axis=1, keepdims=True) * x)


@program(np.array([1.5, 0.0, 2.0]))
def product_with_a_zero(x):
    return np.prod(x) * 2.0


@program(np.array([0.0, 0.0, 2.0]))
def product_with_two_zeros(x):
    return np.prod(x) * 2.0


@program(M)
def normalised_by_maximum(x):
    z = x - x.max(axis=1, keepdims=True)
    return np.mean(np.sum(z - np.log(np.exp(z).sum(axis=1, keepdims=True)), axis=1))


@program(M)
def batch_normalisation(x):
    mu = np.mean(x, axis=0)
    d = x - mu
    variance = np.mean(d**2, axis=0)
    return np.sum(d / np.sqrt(variance + 1e-5) * np.arange(12.0).reshape(3, 4))


@program(V, V + 0.5)
def vector_by_vector(x, y):
    return (x @ y) * np.dot(x, x)


@program(M, V)
def matrix_by_vector(m, x):
    return np.sum((m @ x) ** 2) + np.sum(x @ m.T) * np.sum(m.dot(x))


@program(M, T)
def matrix_by_stack(m, t):
    return np.sum((t @ m.T) ** 2) + np.sum(m @ np.swapaxes(t, 1, 2))


@program(T, T[:, :, :3] + 1.0)
def stack_by_stack(a, b):
    return np.sum((np.transpose(a, (0, 2, 1)) @ b) ** 2)


@program(T, V)
def stack_by_vector(t, x):
    return np.sum((t @ x) ** 2) + np.sum(x[:3] @ t)


@program(T[:1], T)
def stacks_that_broadcast(a, b):
    return np.sum(np.matmul(a, b.transpose(0, 2, 1)) ** 2)


@program(M, M + 1.0)
def operator_with_transposes(a, b):
    return np.sum(a.T @ b * (b.T @ a)) + np.sum((a @ b.T) ** 3)


@program(T, M)
def dot_of_higher_rank(t, m):
    return np.sum(np.dot(t, m.T) ** 2)


@program(V, V * 2.0)
def outer_and_inner(x, y):
    return np.sum(np.outer(x, y) ** 2) + np.inner(x, y) ** 3


@program(T, M)
def tensordot_by_number_and_axes(t, m):
    a = np.tensordot(t, m, axes=([1, 2], [0, 1]))
    b = np.tensordot(m, t, axes=((1,), (2,)))
    return np.sum(a**3) + np.sum(b**2)


@program(M, V)
def einsum_forms(m, x):
    a = np.einsum("ij,j->i", m, x)
    b = np.einsum("ij,ij->", m, m)
    c = np.einsum("ij,kj->ik", m, m)
    return np.sum(a**2) * b + np.sum(c * c)


@program(S)
def einsum_trace_and_diagonal(s):
    return np.einsum("ii", s) * np.sum(np.einsum("ii->i", s) ** 2)


@program(T, M)
def einsum_of_three(t, m):
    return np.sum(np.einsum("bij,ij,bik->bk", t, m, t) ** 2)


@program(S, V[:3])
def linear_solve(a, b):
    return np.sum(np.linalg.solve(a, b) ** 2)


@program(S, M)
def linear_solve_of_a_matrix(a, b):
    return np.sum(np.linalg.solve(a, b) ** 3)


@program(S)
def inverse_and_determinant(a):
    return np.sum(np.linalg.inv(a) ** 2) * np.linalg.det(a)


@program(M)
def norms(m):
    return np.linalg.norm(m) + np.sum(np.linalg.norm(m, axis=1)) + np.linalg.norm(m[0], 3) + np.linalg.norm(m[1], 1)


@program(M)
def power_iteration(m):
    a = m @ m.T
    v = np.ones(3)
    for _ in range(4):
        v = a @ v
        v = v / np.linalg.norm(v)
    return v @ a @ v


@program(np.array([0.2, 0.5, 0.3]))
def entropy(p):
    q = p / p.sum()
    return -np.sum(q * np.log(q))


@program(M)
def cumulative_by_loop(x):
    total = np.zeros(4)
    s = 0.0
    for row in x:
        total = total + row
        s += np.sum(total * total)
    return s


@program(M, V)
def attention(q, k):
    scores = q @ np.outer(k, k)
    e = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    weights = e / np.sum(e, axis=-1, keepdims=True)
    return np.sum(weights * q)


@program(np.array([]))
def empty_array(x):
    return np.sum(x * x) + 1.0


@program(np.array([[0.5, -1.2, 0.3], [0.8, 0.1, -0.4]]), 0.25)
def of_some_entries(x, start):
    a = np.sum(x, axis=0, initial=start, where=x > -1.0) * x[0] + np.sum(x, initial=start) ** 2
    b = np.prod(x, axis=1, initial=start, where=x < 0.6) + x.max(axis=1, initial=start, where=x < 0.6) ** 2
    c = x.std(axis=1, where=np.array([True, False, True])) * np.var(x, ddof=1, where=x < 0.6) * x.mean(where=x > 0.0)
    return np.sum(a) + np.sum(b) + np.sum(c) + np.min(x, initial=start - 2.0) * x.sum(where=x > 0.0)
