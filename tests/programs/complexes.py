"""Complex numbers: inside of real functions, and as arguments; Fourier transforms."""

import cmath

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9])
U = np.array([0.3, 0.8, -0.5, 1.2, 0.4])
M = np.array([[0.5, -1.2, 0.3, 0.9], [0.8, 0.1, -0.4, 1.4], [1.1, 0.6, 0.9, -0.2]])
T = np.sin(np.arange(24.0) * 1.7).reshape(2, 3, 4)
Z = V + 1j * np.array([0.4, -0.3, 0.8, 1.2])
A = M + 1j * np.cos(3.0 * M)


@program(V)
@program(U)
@program(V.astype(np.float32))
def power_spectrum(x):
    return np.sum(np.abs(np.fft.fft(x)) ** 2 * np.arange(len(x))) + np.sum(np.abs(np.fft.rfft(x)) ** 2)


@program(V)
@program(U)
def low_pass(x):
    n = len(x)
    spectrum = np.fft.rfft(x) * np.exp(-np.fft.rfftfreq(n, 0.1))
    return np.sum(np.fft.irfft(spectrum, n=n) ** 3)


@program(V)
def spectral_derivative(x):
    k = 2j * np.pi * np.fft.fftfreq(len(x))
    return np.sum(np.fft.ifft(k * np.fft.fft(x)).real ** 2 * x)


@program(V, U)
def convolution_by_transforms(x, y):
    n = len(x) + len(y) - 1
    return np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(y, n), n) ** 2


@program(V)
def padded_and_cropped(x):
    a = np.abs(np.fft.fft(x, n=6)) ** 2 * np.arange(6.0)
    b = np.abs(np.fft.ifft(x, 3)) ** 2 * np.arange(3.0)
    return np.sum(a) + np.sum(b) + np.sum(np.fft.irfft(x * 1j + x**2, 9) ** 2 * np.arange(9.0))


@program(M)
def axes_and_norms(x):
    a = np.abs(np.fft.fft(x, axis=0)) ** 2
    b = np.fft.ifft(x, axis=-1, norm="forward").imag ** 2
    c = np.fft.irfft(np.fft.rfft(x, axis=0, norm="ortho") * 1j, n=3, axis=0, norm="forward")
    return np.sum(a * M) + np.sum(b * M) + np.sum(c * c * M)


@program(M)
def in_the_plane(x):
    a = np.fft.fft2(x)
    b = np.fft.irfft2(np.fft.rfft2(x) * M[:, :3], s=(3, 4))
    return np.sum((a * np.conj(a)).real * M) + np.sum(np.abs(np.fft.ifft2(a * x)) ** 2) + np.sum(b**2 * M)


@program(T)
def in_space(x):
    a = np.abs(np.fft.fftn(x)) ** 2 + np.abs(np.fft.ifftn(x, axes=(0, 2))) ** 2
    b = np.fft.irfftn(np.fft.rfftn(x) ** 2, s=(2, 3, 4), axes=(0, 1, 2))
    return np.sum((a + b) * T)


@program(M)
def shifted(x):
    return np.sum(np.fft.fftshift(x) * M) + np.sum(np.fft.ifftshift(x, axes=1) ** 2 * M)


@program(U)
def hermitian_transforms(x):
    return np.fft.hfft(x) * np.arange(8.0), np.fft.ihfft(x)


@program(V, np.array([0.2, 0.4, 0.1, 0.6]))
def parts(x, y):
    z = x + 1j * y
    w = z**3 / (1.0 + z * np.conj(z))
    return np.sum(w.real * x + w.imag) + np.sum(np.abs(w)) + np.sum(np.angle(z) * y) + np.sum(np.angle(w, deg=True))


@program(V)
def phases(x):
    z = np.exp(1j * x) * x
    return np.sum(np.sqrt(z + 2.0).imag) + np.einsum("i,i->", z, z.conj()).real + np.sum(np.sign(z + 1j).real)


@program(0.7, 0.4)
def python_numbers(x, y):
    z = complex(x, y)
    w = z * z.conjugate() * z + 2j * x
    return abs(w) + w.real * w.imag + (cmath.exp(z) * cmath.sin(w)).real + cmath.phase(z)


@program(0.3, 0.4)
def escape(x, y):
    z, c = 0j, x + 1j * y
    for _ in range(4):
        z = z * z + c
        if abs(z) > 2.0:
            break
    return abs(z) ** 2


@program(V)
def stored(x):
    z = np.zeros(4, complex)
    for i in range(4):
        z[i] = x[i] * np.exp(1j * x[i - 1])
    z[1:] += x[1:] * 1j
    return np.sum(np.abs(z) ** 2 + z.real)


@program(V)
def cast_and_chosen(x):
    z = x.astype(complex) * 1j
    return np.sum(np.where(x > 0, z, 2 * z * z + 1j * x).imag * x)


@program(Z)
@program(Z.astype(np.complex64))
def holomorphic(z):
    return np.exp(z) * np.sin(z) / z + np.sqrt(z) * np.log(z) + z**2.5 + np.tanh(z)


@program(Z)
def not_holomorphic(z):
    return np.conj(z) * z**2 + z.real * z + np.abs(z) * z.imag


@program(Z)
def real_of_complex(z):
    return np.sum(np.abs(z) ** 2 * V) + np.var(z) + np.std(z) + np.linalg.norm(z) + np.vdot(z, z * z).imag


@program(0.3 + 0.4j)
def one_complex_number(z):
    return abs(z * z + 1.0 / z) ** 2


@program(A, Z)
def complex_matrices(a, z):
    b = a[:, :3] + 2.0 * np.eye(3)
    gram = (a.conj().T @ a).real
    solved = np.linalg.solve(b, z[:3])
    return np.sum(np.abs(a @ z) ** 2) + np.trace(gram) + np.sum(np.abs(solved) ** 2) + np.abs(np.linalg.det(b))


@program(V, Z, wrt=(0,))
def complex_constant(x, z):
    return np.sum((z * x).imag ** 2)


@program(Z)
def conjugating_products(z):
    a = np.sum(np.abs(np.correlate(z, z * 1j, "full")) ** 2) + np.vecdot(z, z * 2j + 1.0).imag
    return a + np.cov(z).real + np.sum(np.abs(np.convolve(z, np.array([1.0, 1j]))) ** 2)


@program(A)
def complex_determinants(a):
    sign, size = np.linalg.slogdet(a[:, :3] + 2.0 * np.eye(3))
    return sign.real * size + sign.imag


@program(V)
def complex_control_flow(x):
    z, n = x[0] + 1j * x[1], 0
    while abs(z) < 3.0 and n < 5:
        z = z * z + x[2]
        n += 1
    w = 0j
    for k in range(4):
        w = w * np.exp(1j * x[k]) + x[k]
    return z.real * n + abs(w) ** 2


Z = np.array([[1.0 + 0.2j, 0.4 - 0.3j, 0.1j], [0.5, 2.0 - 0.4j, 0.3 + 0.1j], [0.2 - 0.2j, 0.6j, 3.1 + 0.5j]])


@program(Z)
def factors_without_phases(z):
    hermitian = z @ np.conj(z.T)
    w, v = np.linalg.eigh(hermitian, "U")
    u, s, vh = np.linalg.svd(z, full_matrices=False)
    square = np.linalg.svd(z[:2, :2])
    a = (v * np.exp(-w)) @ np.conj(v.T)
    b = np.sum(np.abs((u * s**2) @ vh) ** 2) + np.sum(np.abs(square.U * square.S @ square.Vh) ** 2)
    lower = np.linalg.cholesky(hermitian)
    return np.sum(np.abs(a) ** 2) + b + np.sum(np.abs(lower) ** 3) + np.sum(np.abs(np.linalg.qr(z).Q) ** 3)


@program(Z, second=False)
def eigenvectors_of_any_matrices(z):
    w, v = np.linalg.eig(z)
    b = np.linalg.eig(np.real(z))
    return (
        np.sum(np.abs((v * np.exp(-w)) @ v) ** 2) + np.sum(np.abs(np.linalg.eigvals(z)) ** 3) + np.sum(b[1] ** 3).real
    )


@program(np.array([0.4, -0.7, 1.3, 0.9]))
def fourier_by_recursion(x):
    def transform(a):
        n = len(a)
        if n == 1:
            return a
        even, odd = transform(a[::2]), transform(a[1::2])
        turned = np.exp(-2j * np.pi * np.arange(n // 2) / n) * odd
        return np.concatenate([even + turned, even - turned])

    return np.sum(np.abs(transform(x)) ** 2 * np.arange(4))


@program(np.array([3.4, -0.7, 1.3, 0.9]))
@program(np.array([0.4, -0.7, 1.3, 0.9]))
def real_or_complex(x):
    y = x if x[0] > 3 else x * 1j
    for i in range(3):
        y = y * 1j if i == 1 else y * 2
    return np.sum(np.abs(y + x[::-1]) ** 2)


@program(np.array([3.4, -0.7, 1.3, 0.9]))
@program(np.array([0.4, -0.7, 1.3, 0.9]))
def store_into_real_or_complex(x):
    z = x if x[0] > 3 else x * 1j
    u = z.copy()
    u[1] = x[0] * 3
    u[2:] *= 2
    return np.sum((u * np.conj(u)).real) + abs(u[1]) + np.sum(np.sin(z) * z).real


MASK = np.array([True, False])


@program(np.array([0.61, -0.43, 0.87]), MASK)
@program(np.array([0.61, -0.43, 0.87], np.float32), MASK)
@program(np.array([0.61, -0.43, 0.87], np.float32), ~MASK, second=False)
def number_of_either_precision_among_complex_ones(x, mask):
    s = x[0] * 0.5 if mask[0] else np.sin(0.4) + 0.0 * x[0]
    return np.abs((0.6 + 0.3j) * s + 1.0) + np.abs(np.exp(0.3j * s) + s)


@program(np.array([0.61, -0.43, 0.87], np.float32), MASK)
def array_of_either_precision_among_complex_ones(x, mask):
    s = x * 0.5 if mask[0] else np.sin(np.ones(3)) * x
    c = x * 1j + s
    d = np.concatenate([c, np.where(x > 0, c, s)])
    return np.sum(np.abs(np.fft.fft(d) * (0.6 + 0.3j) + s[0])) + np.abs(np.vdot(x * 1j + 2, s))


@program(np.array([0.61, -0.43, 0.87], np.float32), MASK)
def steps_of_either_precision_among_complex_numbers(x, mask):
    s = x[0] * 0.5 if mask[0] else np.sin(0.4)
    t = 0.4
    c = x + 0.5j * np.sin(x)
    for i in range(2):
        s = np.sin(0.7 * s + x[i])
        t = np.abs((0.6 + 0.3j) * s + c[0]) * 0.2
    return s * t
