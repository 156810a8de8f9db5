"""try, raise and with: what is raised in a block and caught around it; context managers."""

import contextlib
import decimal
import math
import warnings

import numpy as np

from tests.programs.registry import program

V = np.array([0.7, -0.4, 1.3, 0.9])


class OwnError(ValueError):
    pass


def checked(v):
    if v < 0:
        raise ValueError("neg")
    if v > 1:
        raise OverflowError("big")
    return v * v


@program(0.7)
def try_simple(a):
    try:
        b = a * a
    except ValueError:
        b = a
    return b * b


@program(0.7)
def try_else_finally(a):
    s = 0.0
    try:
        b = a * a
    except ValueError:
        b = a
    else:
        b = b * 3
    finally:
        s = a
    return b * b + s


@program(-0.7)
def try_raise(a):
    b = a
    try:
        b = b * a
        if a < 0:
            raise ValueError("neg")
        b = b * 10
    except ValueError:
        b = b * 3
    return b * b


@program(0.7)
def try_raise_as(a):
    b = a
    try:
        b = b * a
        if a > 0:
            raise ValueError("pos")
    except (ValueError, TypeError) as e:
        b = b * 3
    finally:
        b = b + a
    return b * b


@program(V)
def try_index(x):
    s = 0.0
    i = 0
    try:
        while True:
            s += x[i] ** 2
            i += 1
    except IndexError:
        s = s * 2
    return s


@program(V)
def try_linalg(x):
    A = np.outer(x, x)
    try:
        y = np.linalg.solve(A - A, x)
    except np.linalg.LinAlgError:
        y = x * x
    return y.sum()


@program(0.7)
def try_return(a):
    try:
        if a > 0:
            return a * a
        b = a
    finally:
        pass
    return b


@program(0.7)
def try_in_loop(a):
    s = a
    for i in range(5):
        try:
            if i == 3:
                raise RuntimeError
            s = s * a
        except RuntimeError:
            s = s + 1.0
            continue
        s = s + a
    return s


@program(0.7)
def try_break(a):
    s = a
    for i in range(5):
        try:
            s = s * a
            if i == 3:
                break
        finally:
            s = s + 1.0
    return s


@program(V)
def try_helper(x):
    s = 0.0
    for v in x:
        try:
            s += checked(v)
        except (ValueError, OverflowError):
            s -= v
    return s


@program(V)
def with_errstate(x):
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(x * x)
    return y.sum()


@program(V)
def with_return(x):
    with np.errstate(all="ignore"):
        for v in x:
            if v < 0:
                return v * v
    return x[0]


@program(V)
def with_suppress(x):
    s = x[0]
    with contextlib.suppress(ValueError):
        s = s * x[1]
        if s < 0:
            raise ValueError
        s = s * 100
    return s


@program(V)
def with_null(x):
    with contextlib.nullcontext() as c:
        s = x[0] * x[1]
    return s


@program(-0.7)
def custom_exc(a):
    try:
        if a < 0:
            raise OwnError("bad")
        return a
    except OwnError as e:
        return a * a * 3


@program(V)
def two_kinds(x):
    s = 0.0
    for i in range(4):
        try:
            s += checked(x[i]) * 2
        except ValueError:
            s -= x[i]
        except OverflowError:
            s *= x[i]
        else:
            s += 1.0
        finally:
            s += 0.5 * x[0]
    return s


@program(V)
def nested_try(x):
    s = 0.0
    for i in range(4):
        try:
            try:
                s += checked(x[i])
            except ValueError:
                s += 3 * x[i]
                raise OverflowError("again")
        except OverflowError:
            s *= 2.0
    return s


@program(V)
def try_around_loop(x):
    s = 0.0
    try:
        for i in range(4):
            s += checked(x[i])
            s *= x[0]
    except ValueError:
        s = s * 10
    return s * x[2]


@program(V)
def try_around_while(x):
    s = 0.0
    i = 0
    try:
        while True:
            s += checked(x[i])
            i += 1
    except ValueError:
        s = s * 10 + i
    return s * x[2]


@program(V)
def store_kept(x):
    a = x.copy()
    try:
        a[0] = a[1] * 2
        a[1] = checked(a[1])
        a[2] = 5.0
    except ValueError:
        a[3] = a[0] * a[3]
    return (a * a).sum()


@program(V)
def list_kept(x):
    out = []
    for i in range(4):
        try:
            out.append(x[i])
            out.append(checked(x[i]))
        except (ValueError, OverflowError):
            out.append(1.0)
    return out[0] * out[1] + out[2] * out[4] * out[-1] + len(out)


@program(0.7)
def ret_in_try_finally(a):
    s = a

    def f(v):
        nonlocal s
        try:
            return v * v
        finally:
            s = s * 3

    return f(a) * s


@program(-0.7)
def ret_in_handler(a):
    try:
        return checked(a)
    except ValueError:
        return a * 3


@program(0.7)
def ret_in_else(a):
    try:
        b = checked(a)
    except ValueError:
        return a * 3
    else:
        return b * b


@program(V)
def index_err(x):
    s = 0.0
    for k in range(6):
        try:
            s += x[k] ** 2
        except IndexError:
            s += x[0]
            break
    return s


@program(0.7)
def key_err(a):
    d = {"p": a}
    s = 0.0
    for k in ("p", "q"):
        try:
            s += d[k] * 3
        except KeyError:
            s += a * a
    return s


@program(-0.7)
def math_dom(a):
    try:
        b = math.log(a)
    except ValueError:
        b = a * a
    return b * a


@program(V)
def singular_system(x):
    A = np.outer(x[:2], x[:2]) * 0.0
    try:
        y = np.linalg.solve(A, x[:2])
    except np.linalg.LinAlgError:
        y = x[2:] * 2
    return y.sum()


@program(V)
def regular_system(x):
    A = np.outer(x[:2], x[:2]) + np.eye(2)
    try:
        y = np.linalg.solve(A, x[:2])
    except np.linalg.LinAlgError:
        y = x[2:] * 2
    return (y * y).sum()


@program(V)
def bare_except(x):
    s = x[0]
    try:
        s = s * x[1]
        if s < 0:
            raise RuntimeError
    except:
        s = s * s
    return s


@program(V)
def except_exception_msg(x):
    s = x[0]
    try:
        if s > 0:
            raise RuntimeError(f"bad {s}")
    except Exception as e:
        print("caught", e)
        s = s * s
    return s


@program(V)
def assert_caught(x):
    s = x[0]
    try:
        assert x[1] > 0, "neg"
        s = s * 2
    except AssertionError:
        s = s * s
    return s


@program(V)
def in_helper(x):
    def safe(v):
        try:
            return checked(v)
        except ValueError:
            return v * 5
        except OverflowError:
            pass
        return v * 7

    return sum(safe(v) for v in x)


@program(V)
def through_two_calls(x):
    def g(v):
        return checked(v) + v

    def h(v):
        return g(v) * 2

    s = 0.0
    for v in x:
        try:
            s += h(v)
        except ValueError:
            s += v
        except OverflowError:
            s -= v * v
    return s


@program(V)
def retry(x):
    h = 1.0
    n = 0
    s = 0.0
    while n < 5:
        try:
            t = x[2] * h
            if t > 1:
                raise ValueError
            s += t * t
            n += 1
        except ValueError:
            h = h * 0.5
    return s


@program(V)
def with_in_loop(x):
    s = 0.0
    for v in x:
        with np.errstate(all="ignore"):
            if v < 0:
                continue
            s += np.log(v)
    return s


@program(V)
def with_multi(x):
    with np.errstate(divide="ignore"), np.errstate(invalid="ignore") as e:
        return np.log(x * x).sum()


@program(V)
def suppress_loop(x):
    s = 0.0
    for v in x:
        with contextlib.suppress(ValueError, OverflowError):
            s += v
            s += checked(v) * 2
            s += 1.0
    return s


@program(V)
def suppress_return(x):
    with contextlib.suppress(ValueError):
        return checked(x[1])
    return x[0] * x[0]


@program(V)
def warn_ctx(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = np.sqrt(x * x)
    return y.sum()


@program(0.7)
def raise_in_lambda_arg(a):
    f = lambda v: checked(v)
    try:
        r = f(a) + f(-a)
    except ValueError:
        r = a * 9
    return r


@program(V)
def continue_in_finally_try(x):
    s = 0.0
    for v in x:
        try:
            if v < 0:
                continue
            s += v
        finally:
            s += 1.0
            s *= v
    return s


@program(V)
def break_in_try(x):
    s = 0.0
    for v in x:
        try:
            if v < 0:
                break
            s += v
        except ValueError:
            s = 0.0
        else:
            s = s * 2
        s += v * v
    return s


@program(V)
def pop_empty(x):
    st = []
    s = 0.0
    for i in range(4):
        if x[i] > 0.8:
            st.append(x[i])
    for i in range(4):
        try:
            s += st.pop() * (i + 1)
        except IndexError:
            s = s * x[0]
    return s


@program(np.outer(V, V))
def raised_after_an_inner_loop_that_raises(x):
    a, b = x[0] * 1.0, x[1] * 2.0
    try:
        for i in range(1, 5):
            for v, w in zip(a, b):
                a[3] = np.sin(b[0]) * v
                b[i - 1] = x[2, i - 1] * np.sin(a[-1]) + w
            b[i] = a[i] * x[0, 2]
    except IndexError:
        pass
    return np.sum(a) + np.sum(b)


@program(V)
@program(-V)
def try_with_dead_view(x):
    """The view is not read any more when what it may be a view of is stored into."""
    y = np.sin(x)
    total = 0.0
    if x[0] > 0.0:
        part = y[1:]
        total = part[0] * 2.0
    try:
        y[1] = checked(x[3])
        total += checked(x[1])
    except OverflowError:
        pass
    except ValueError:
        total -= y[2]
    return total + y[1] * y[2]


@program(V)
@program(-V)
def try_with_view_read_when_caught(x):
    """The view is read only where the exception is caught, after a store into what it is a view of."""
    y = np.sin(x)
    part = y[1:]
    try:
        y[2] = x[0] * x[0]
        y[2] *= checked(x[3])
        part = x
    except ValueError:
        y[0] = part[1]
    return np.sum(y * y)


@program(V)
@program(-V)
def with_view_read_after_suppress(x):
    y = np.sin(x)
    part = y[1:]
    with contextlib.suppress(ValueError):
        y[2] = x[0] * x[0]
        y[2] *= checked(x[3])
        part = x * 2.0
    return np.sum(y * y) + part[1]


@program(V)
@program(-V)
def try_statements_of_many_parts(x):
    """Functions made and called in one statement, names bound within one: between parts that may raise."""
    t = 0.4
    s = x[0]
    try:
        s = 0.3 * checked(np.sin(x[1] + 0.3 * x[2])) + 0.2 * s
        t = (lambda u, v=t: np.sin(u * v))(s + 0.3 * np.sin(s) - (t * 0.7 - s))
        if (u := np.sin(s) * x[2] * x[1] * s) > 0.01 and t < 2.0:
            s = s * u
        s = (v := checked(x[3])) * v + u
    except ValueError:
        t = s * t
    return s + t


def jitter_until_positive_definite(x):
    a = np.outer(x, x) - 0.05 * np.eye(4)
    jitter = 1e-3
    while True:
        try:
            factor = np.linalg.cholesky(a + jitter * np.eye(4))
            break
        except np.linalg.LinAlgError:
            jitter *= 10.0
            if jitter > 1e6:
                raise
    return np.sum(np.log(np.diag(factor)))


@program(0.7)
@program(-0.7)
def swallowed_by_return_in_finally(a):
    def f(v):
        try:
            if v > 0:
                raise ValueError("positive")
            return v
        finally:
            return v * v

    return f(a) * a


@program(V)
def stores_that_raise(x):
    a = np.zeros((2, 2))
    n = 1
    try:
        for i in range(4):
            a[i, 0] = x[i] * x[1]
            a[1, -1 - i] *= x[0]
            b = a[n, i] = x[3] ** 2
            n += 1
    except IndexError:
        a[0, 1] = a[0, 0] * n * b
    return np.sum(a * a)


@program(0.7)
def numbers_out_of_range(a):
    s = a
    for k in range(6):
        try:
            if k == 0:
                s += math.exp(a * 2000)
            elif k == 1:
                s += (a * 1e200) ** 2
            elif k == 2:
                s += math.pow(-a, 0.5)
            elif k == 3:
                s += math.atanh(a + 1)
            elif k == 4:
                s += 1.0 / (a - a)
            s *= a
        except OverflowError:
            s += a * a
        except (ValueError, ZeroDivisionError):
            s *= 2.0 * a
    return s


@program(0.7)
def divided_in_place(a):
    held = {"k": a}
    try:
        held["k"] /= a - a
    except ArithmeticError:
        held["k"] = a * a
    return held["k"] * a


def falling(v, n):
    if v < 0:
        raise ValueError("negative")
    return v if n == 0 else v * falling(v - 0.1, n - 1)


@program(0.15, refusable=True)
def recursion_that_raises(x):
    try:
        y = falling(x, 3)
    except ValueError:
        y = x * x * 3
    return y * x


@program(V)
def what_was_raised(x):
    s = x[0]
    for v in x:
        try:
            try:
                if v < 0:
                    raise ValueError("negative", v)
                s *= v
            except ValueError as error:
                s += error.args[1] ** 2
                raise OverflowError(3.0 * v) from error
        except Exception as error:
            s *= error.args[0] if isinstance(error, OverflowError) else 100.0
            print(type(error).__name__, error)
    return s


@program(0.7)
def text_of_a_missing_key(a):
    try:
        y = {"p": a}["q"]
    except KeyError as error:
        print(f"missing {error}", str(error), error.args[0])
        y = a * a
    return y * a


def nonnegative(x):
    if x[1] < 0:
        raise ValueError("negative")
    return x * 2


@program(V, refusable=True)
def items_that_raise(x):
    s = x[0]
    try:
        for v in nonnegative(x):
            s = s + v
    except ValueError:
        s = s * x[2]
    return s


class Swallowing:
    def __init__(self, a):
        self.a = a
        self.left = []

    def __enter__(self):
        return self.a

    def __exit__(self, kind, error, traceback):
        self.left.append(1.0 if kind is None else 2.0 + isinstance(error, KeyError))
        self.a[0] *= 2.0
        return isinstance(error, ValueError)


def put_in(manager, v):
    r = 7.0 * v
    with manager as a:
        a[1] = 3.0 * v
        if v > 1.0:
            raise ValueError("large")
        if v < 0.0:
            raise KeyError("negative", v)
        a[1] = v * v
        r = 5.0 * v
    return r


@program(1.3)
@program(0.6)
@program(-0.4)
def managers_that_swallow(x):
    a = np.array([x, x, x])
    manager = Swallowing(a)
    try:
        y = put_in(manager, x)
    except KeyError:
        y = a[0] * 0.3
    for i in range(5):
        with manager, Swallowing(a[1:]) as b:
            if i == 1:
                continue
            if i == 3:
                break
            b[i % 2] = x * b[i % 2]
            y = y + 1.0 / (i * x - 7.0)
            if i == 2:
                raise ValueError
    return y * sum(manager.left) + np.sum(a * np.arange(3.0))


class Asking:
    def __init__(self, x):
        self.x = x

    def __enter__(self):
        return self

    def __exit__(self, *told):
        return self.x > 1.0


@program(1.3)
@program(0.6)
def managers_that_swallow_what_a_number_says(x):
    y = x
    try:
        with Asking(x):
            y = x * x
            if y > 0.1:
                raise ValueError("always")
            y = 3.0 * x
    except ValueError:
        y = y * x * 5.0
    return y * x


@program(1.3)
@program(0.6)
def lists_changed_before_a_return_in_else(x):
    found, n = [x], x

    def inner(v):
        nonlocal n
        try:
            if v > 1.0:
                raise ValueError("large")
        except ValueError:
            found.append(v * v)
            n = 2.0 * v
        else:
            found[0] = 10.0 * v
            n = 3.0 * v
            return 2.0 * v
        return 3.0 * v

    return inner(x) * x + sum(found) * n


def returned_unless_raised(v):
    try:
        if v > 1.0:
            raise ValueError("large")
        if v < 0.0:
            raise KeyError("negative")
        return 5.0 * v
    except ValueError:
        pass
    return 7.0 * v


@program(1.3)
@program(0.6)
@program(-0.4)
def returns_after_two_raises(x):
    try:
        y = returned_unless_raised(x)
    except KeyError:
        y = x * 0.3
    return y * x


class Diverged(ArithmeticError):
    """An exception of this module."""


def shrink(v):
    if v > 100:
        raise Diverged("too large", v)
    return v * 0.5


@program(np.array([1.0, 2.0]))
def exceptions_of_the_module_that_nobody_catches(x):
    s = 0.0
    for v in x:
        if v < 0:
            raise Diverged(f"negative: {v:.2f}")
        s += shrink(v * v)
    if s > 1e6:
        raise decimal.InvalidOperation("too large")
    return s


@program(2.0)
def recursion_that_raises_what_nobody_catches(x):
    def power(v, n):
        if v > 1e6:
            raise Diverged("too large")
        return v if n == 0 else power(v * x, n - 1)

    return power(x, 3)


@program(2.0)
def exceptions_of_the_module_some_of_which_are_caught(x):
    try:
        if x < 0:
            raise Diverged("negative")
        if x > 10:
            raise KeyError("large")
        y = shrink(x) * x
    except Diverged:
        y = x
    return y


def size(v):
    return abs(v)


@program(0.7)
@program(0.0, second=False)
def choices_of_values_in_try(x):
    try:
        s = (size(x) or 1.5) * 0.5
        t = 1.0 / (x - 2.0) and 3.0 * x
    except ZeroDivisionError:
        s = t = 2.0 * x
    return s * s + t * x


@program(3.5)
@program(1.8)
@program(0.6)
def chained_comparisons_in_try(x):
    n = 0

    def counted(v):
        nonlocal n
        n += 1
        return v

    try:
        y = x * 3.0 if x > 3.0 < 1.0 / (x - 2.0) < counted(x) else x * x
        y += x if counted(x) < counted(1.0) < 1.0 / (x - 0.5) else 0.3
    except ZeroDivisionError:
        y = x * 7.0
    return y * x * n


@program(V)
def targets_in_order_in_try(x):
    a, s = x.copy(), 0.0
    try:
        k = 1
        a[k], k = x[0] * 3.0, 2
        k, a[k] = 1, a[k] * a[0]
        a[k], *rest, k = x[1], x[2], x[0], 0
        a[k], (a[k + 1], k), s = rest[0], (rest[1], 2), 5.0 * a[k]
        s, a[k] = a[k], s
        a[0], a[1] = a[1], a[0]
    except OverflowError:
        s = 1.0
    return np.sum(a * np.arange(1.0, 5.0)) * s
